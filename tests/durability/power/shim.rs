//! The shim between the hub and the C library: builds it, puts it under a hub, and tells it what to let fail.

use crate::support::hub::{Setup, root};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// The built shim. Whoever can build Rohrpost has a C compiler.
fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (built, library) = (folder.join(format!("shim.{}", std::process::id())), folder.join("shim.so"));
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&built);
        compiler.arg(root().join("tests/durability/power/shim.c")).args(["-ldl", "-lpthread"]);
        let output = compiler.output().expect("a C compiler");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::rename(&built, &library).expect("the shim");
        library
    })
}

/// A shim under the hubs of one setup.
pub struct Shim {
    folder: PathBuf,
    log: Option<PathBuf>,
    control: PathBuf,
}

/// Places in the control file; shim.c has the same.
const SHIFT: u64 = 0;
const CHANGES_LEFT: u64 = 8;
const FAILURES_LEFT: u64 = 16;
const ERROR: u64 = 20;
const OF: u64 = 32;
const SIZE: usize = 256;

/// An input/output error (`EIO`).
const EIO: u32 = 5;

impl Shim {
    /// One that writes down what happens.
    pub fn recording(setup: &Setup) -> Self {
        let shim = Self::quiet(setup);
        Self { log: Some(setup.path("shim.log")), ..shim }
    }

    /// One that only does what it is told.
    pub fn quiet(setup: &Setup) -> Self {
        let folder = fs::canonicalize(setup.path("")).expect("the folder of the setup");
        let control = setup.path("shim.control");
        fs::write(&control, [0; SIZE]).expect("the control file");
        Self { folder, log: None, control }
    }

    /// The command that starts a hub with the shim under it.
    pub fn under(&self, mut command: Command) -> Command {
        command.env("LD_PRELOAD", library()).env("ROHRPOST_SHIM_ROOT", &self.folder);
        command.env("ROHRPOST_SHIM_CONTROL", &self.control);
        if let Some(log) = &self.log {
            command.env("ROHRPOST_SHIM_LOG", log);
        }
        command
    }

    /// Where it writes down what happens.
    pub fn log(&self) -> &Path {
        self.log.as_deref().expect("a shim that writes down")
    }

    /// Kills the hub after so many further changes of its data or keys.
    pub fn kill_after(&self, changes: u64) {
        self.set(CHANGES_LEFT, &changes.to_le_bytes());
    }

    /// Lets the next `times` syncs of paths that contain `of` fail.
    pub fn fail_syncs(&self, of: &str, times: u32) {
        let mut path = [0; SIZE - 32];
        path[..of.len()].copy_from_slice(of.as_bytes());
        self.set(OF, &path);
        self.set(ERROR, &EIO.to_le_bytes());
        self.set(FAILURES_LEFT, &times.to_le_bytes());
    }

    /// Puts the wall clock of the hub forward, from the true time.
    pub fn clock_forward(&self, by: Duration) {
        self.set(SHIFT, &nanos(by).to_le_bytes());
    }

    fn set(&self, at: u64, bytes: &[u8]) {
        let file = OpenOptions::new().write(true).open(&self.control).expect("the control file");
        file.write_all_at(bytes, at).expect("the control file");
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).expect("a shift of the clock")
}
