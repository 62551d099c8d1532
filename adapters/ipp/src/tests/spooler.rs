//! A real printer of a test's own: CUPS' ippeveprinter, which keeps what it prints.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A printer that runs on this machine. Dropping it ends it.
pub struct Spooler {
    home: TempDir,
    port: u16,
    child: Child,
}

impl Spooler {
    /// Starts one; `None` where it is not installed, which has been said.
    pub fn start() -> Option<Self> {
        if !Path::new("/usr/sbin/ippeveprinter").exists() {
            return missing("ippeveprinter is not installed (Debian: cups-ipp-utils)");
        }
        if !Path::new("/usr/bin/dbus-daemon").exists() {
            return missing("dbus-daemon is not installed, without which ippeveprinter does not start");
        }
        let home = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let script = Path::new(env!("CARGO_MANIFEST_DIR"));
        let script = script.ancestors().map(|folder| folder.join("scripts/ippeveprinter"));
        let mut command = Command::new(script.into_iter().find(|it| it.exists()).unwrap());
        command.arg(home.path()).arg(port.to_string());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(
            lines.by_ref().map_while(Result::ok).any(|line| line == "ready"),
            "the printer did not start"
        );
        // It goes on writing, and would stop where nobody reads.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Some(Self { home, port, child })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// All documents that it has got, by the names of their jobs.
    pub fn printed(&self) -> Vec<(String, Vec<u8>)> {
        let files = std::fs::read_dir(self.home.path().join("spool")).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        let documents = paths.filter(|path| path.extension().is_some_and(|it| it == "pdf"));
        documents
            .map(|path| {
                let name = path.file_stem().unwrap().to_string_lossy();
                (name.split_once('-').unwrap().1.to_owned(), std::fs::read(&path).unwrap())
            })
            .collect()
    }
}

impl Drop for Spooler {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[allow(clippy::disallowed_methods)] // whether peers are required is said by whoever runs the tests
fn missing<T>(what: &str) -> Option<T> {
    let required = std::env::var("REQUIRE_PEERS").is_ok_and(|value| !value.is_empty() && value != "0");
    assert!(!required, "REQUIRE_PEERS is set, but {what}");
    eprintln!("SKIPPED: {what}");
    None
}
