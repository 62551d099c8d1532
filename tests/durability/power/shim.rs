//! The shim between the hub and the C library: builds it, puts it under a hub, and tells it what to let fail.

use crate::support::hub::{Setup, root};
use std::fs::{self, File, OpenOptions};
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
const FAILED: u64 = 24;
const KILL_AT: u64 = 28;
const OF: u64 = 32;
const AT: u64 = 144;
const SIZE: usize = 256;

/// When a hub is killed. The numbers are those of the shim's records.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// A file has another name.
    Renamed = 6,
    /// A sync was asked for, and has not begun.
    SyncBegins = 10,
}

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

    /// Kills the hub right after the next change of this kind, of a path that contains `of`.
    pub fn kill_at(&self, moment: Moment, of: &str) {
        self.set(AT, &path(of));
        self.set(KILL_AT, &(moment as u32).to_le_bytes());
    }

    /// Lets the next `times` syncs of paths that contain `of` fail. A `=` before it means this path alone.
    pub fn fail_syncs(&self, of: &str, times: u32) {
        self.set(OF, &path(of));
        self.set(ERROR, &EIO.to_le_bytes());
        self.set(FAILURES_LEFT, &times.to_le_bytes());
    }

    /// How many syncs are still to fail.
    pub fn failures_left(&self) -> u32 {
        self.count(FAILURES_LEFT)
    }

    /// How many syncs failed so far.
    pub fn failed(&self) -> u32 {
        self.count(FAILED)
    }

    fn count(&self, at: u64) -> u32 {
        let mut count = [0; 4];
        File::open(&self.control)
            .and_then(|file| file.read_exact_at(&mut count, at))
            .expect("the control file");
        u32::from_le_bytes(count)
    }

    /// Puts the wall clock of the hub forward, from the true time.
    pub fn clock_forward(&self, by: Duration) {
        self.set(SHIFT, &nanos(by).to_le_bytes());
    }

    /// Puts the wall clock of the hub back, from the true time.
    pub fn clock_back(&self, by: Duration) {
        self.set(SHIFT, &(-nanos(by)).to_le_bytes());
    }

    fn set(&self, at: u64, bytes: &[u8]) {
        let file = OpenOptions::new().write(true).open(&self.control).expect("the control file");
        file.write_all_at(bytes, at).expect("the control file");
    }
}

fn path(text: &str) -> [u8; 112] {
    let mut path = [0; 112];
    path[..text.len()].copy_from_slice(text.as_bytes());
    path
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).expect("a shift of the clock")
}
