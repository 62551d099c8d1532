//! A real hub process on a configuration of its own, in a temporary folder.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The project's folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_rohrpost");

/// The service of the shipped route.
pub const SERVICE: &str = "99128001000000";

/// The area of the shipped tenant.
pub const AREA: &str = "150910000000";

/// A folder with a configuration: the shipped one with free ports, data and partners within the folder.
pub struct Setup {
    folder: TempDir,
}

impl Setup {
    /// The shipped configuration whose DMS is at `dms`, an address with port.
    pub fn new(dms: impl std::fmt::Display) -> Self {
        let setup = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        for kind in ["tenants", "clients", "destinations", "seals", "routes"] {
            copy_folder(&root().join("config").join(kind), &setup.config().join(kind));
        }
        setup.write(
            "hub.toml",
            &format!(
                "demo = true\ndata = \"../data\"\nkeys = \"../keys\"\nmappings = \"{}\"\n\
                 hub-key = {{ file = \"secrets/hub.key\" }}\nreceipt-seal = \"quittung\"\n\
                 [listen]\napi = \"127.0.0.1:0\"\noperations = \"127.0.0.1:0\"\n[log]\nlevel = \"info\"\n",
                root().join("mappings").display()
            ),
        );
        setup.edit(
            "destinations/lk-beispiel-wasserbehoerde.toml",
            "../demo-data/partner/fachverfahren",
            "../fachverfahren",
        );
        setup.edit("destinations/lk-beispiel-enaio.toml", "127.0.0.1:8482", &dms.to_string());
        fs::create_dir_all(setup.path("fachverfahren")).expect("the Fachverfahren's folder");
        setup
    }

    /// Takes the mappings from `mappings` in the temporary folder, which is the caller's to fill. Of the shipped routes, whose
    /// mappings are not there, only the first stays.
    pub fn take_own_library(&self) {
        self.edit("hub.toml", &root().join("mappings").display().to_string(), "../mappings");
        for route in ["sondernutzung", "urkunde"] {
            fs::remove_file(self.config().join(format!("routes/{route}.toml"))).expect("a shipped route");
        }
    }

    /// Takes a copy of the shipped mappings in `mappings` in the temporary folder, to which the caller adds.
    pub fn copy_library(&self) {
        self.edit("hub.toml", &root().join("mappings").display().to_string(), "../mappings");
        for name in ["brunnenbohrung-enaio", "brunnenbohrung-xdomea", "brunnenbohrung-xfall"]
            .into_iter()
            .chain(["sondernutzung-enaio", "sondernutzung-strassenamt", "sondernutzung-xbau"])
            .chain(["urkunde-enaio", "urkunde-standesamt"])
        {
            copy_folder(&root().join("mappings").join(name), &self.path("mappings").join(name));
        }
    }

    /// Another folder with the same configuration, secrets included, and nothing else.
    pub fn again(&self) -> Self {
        let setup = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        copy_folder(&self.config(), &setup.config());
        setup
    }

    /// Something in the temporary folder: `data`, `keys`, `config`, `fachverfahren`, `log`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The configuration folder.
    pub fn config(&self) -> PathBuf {
        self.path("config")
    }

    /// Writes a file of the configuration.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.config().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder of the configuration");
        fs::write(path, text).expect("a file of the configuration");
    }

    /// Replaces a text in a file of the configuration; it must be there.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.config().join(name);
        let text = fs::read_to_string(&path).expect("a file of the configuration");
        assert!(text.contains(from), "{name} has no {from:?}");
        fs::write(path, text.replace(from, to)).expect("a file of the configuration");
    }

    /// A command of the program on this configuration.
    pub fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("--config").arg(self.config());
        command
    }

    /// Starts the hub and waits until it serves.
    pub fn start(&self) -> Hub {
        self.start_as(self.command())
    }

    /// Starts the hub by `command`, which ends in the program and its configuration (a tracer may stand before it).
    pub fn start_as(&self, command: Command) -> Hub {
        self.try_start_as(command).unwrap_or_else(|said| panic!("the hub did not start: {said}"))
    }

    /// The same, or all that was logged where the hub does not start.
    pub fn try_start_as(&self, mut command: Command) -> Result<Hub, String> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log")).expect("a log");
        let mut child = command
            .args(["--json", "serve"])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the hub starts");
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        out.read_line(&mut line).expect("its first line");
        let Ok(said) = serde_json::from_str::<serde_json::Value>(&line) else {
            child.wait().expect("it is gone");
            return Err(self.log());
        };
        let address = |name: &str| format!("http://{}", said[name].as_str().expect("an address"));
        Ok(Hub {
            api: address("api"),
            operations: address("operations"),
            listeners: said["listeners"]
                .as_object()
                .into_iter()
                .flatten()
                .filter_map(|(name, address)| Some((name.clone(), format!("http://{}", address.as_str()?))))
                .collect(),
            child,
            out,
            secrets: self.config().join("secrets"),
        })
    }

    /// Everything that the hub logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder of the configuration");
    for entry in fs::read_dir(from).expect("a configuration").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file of the configuration");
        }
    }
}

/// A hub that runs. Dropping it kills it as a crash would.
pub struct Hub {
    /// The base URL of the API.
    pub api: String,
    /// The base URL of health and metrics.
    pub operations: String,
    /// Where its listeners are reached, by name.
    pub listeners: std::collections::BTreeMap<String, String>,
    child: Child,
    /// Held open: the hub writes to it.
    #[allow(dead_code)]
    out: BufReader<std::process::ChildStdout>,
    secrets: PathBuf,
}

impl Hub {
    /// The token of a client of the demo: `portal` or `operator`.
    pub fn token(&self, client: &str) -> String {
        fs::read_to_string(self.secrets.join(format!("{client}.token"))).expect("a token").trim().to_owned()
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it with SIGKILL and waits until it is gone.
    pub fn kill(mut self) {
        self.end_at_once();
    }

    /// Waits until something else has ended it.
    pub fn gone(mut self) {
        self.child.wait().expect("the hub ends");
    }

    fn end_at_once(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end with SIGTERM and waits; whether it ended with success.
    pub fn stop(mut self) -> bool {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(asked.success());
        self.child.wait().expect("the hub ends").success()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.end_at_once();
    }
}
