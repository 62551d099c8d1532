//! Debian's OpenSSH server, started on loopback.

use super::{configure, missing};
use async_trait::async_trait;
use rohrpost_kit::conformance::{self, Mood, Peer, units};
use rohrpost_model::ports::{Piece, Preview, Target};
use rohrpost_model::{DeliveryId, Digest};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::Mutex;
use tempfile::TempDir;

const SSHD: &str = "/usr/sbin/sshd";
const RELAY: &str = include_str!("relay.py");

/// How the server serves files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Serves {
    /// By itself.
    Internal,
    /// Through a relay that lets connections die where a test wants it.
    Relayed,
    /// Not at all.
    Nothing,
}

/// What the server says.
type Log = Arc<Mutex<String>>;

/// A running server with a folder, a user (ours) and a key.
pub(super) struct Sshd {
    home: TempDir,
    pub(super) port: u16,
    process: Child,
    reached: TcpListener,
    unit: &'static str,
    broken: Mutex<String>,
    log: Log,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether it is installed; says so where it is not.
pub(super) fn is_there() -> bool {
    let there = [SSHD, "/usr/lib/openssh/sftp-server", "/usr/bin/ssh-keygen", "/usr/bin/python3"];
    let absent = there.into_iter().find(|program| !Path::new(program).exists());
    absent.is_none_or(|program| missing(&format!("{program} is not there")))
}

pub(super) fn keygen(path: &Path, passphrase: &str, kind: &str) {
    let made = Command::new("/usr/bin/ssh-keygen")
        .args(["-q", "-t", kind, "-N", passphrase, "-C", "", "-f"])
        .arg(path)
        .status();
    assert!(made.unwrap().success());
}

/// `SHA256:…` of a public key.
pub(super) fn fingerprint(path: &Path) -> String {
    let told = Command::new("/usr/bin/ssh-keygen").arg("-lf").arg(path).output().unwrap();
    String::from_utf8(told.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn user() -> String {
    let told = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(told.stdout).unwrap().trim().to_owned()
}

impl Sshd {
    pub(super) fn start(serves: Serves, unit: &'static str) -> Self {
        Self::start_with(serves, unit, "", &[])
    }

    /// With further lines of configuration, and a command before the server's own.
    pub(super) fn start_with(serves: Serves, unit: &'static str, further: &str, before: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        for (key, passphrase) in [("hostkey", ""), ("id", ""), ("other", ""), ("locked", "geheim-4711")] {
            keygen(&home.path().join(key), passphrase, "ed25519");
        }
        fs::create_dir(home.path().join("eingang")).unwrap();
        fs::write(home.path().join("relay.py"), RELAY).unwrap();
        let keys = ["id.pub", "locked.pub"].map(|key| fs::read_to_string(home.path().join(key)).unwrap());
        fs::write(home.path().join("authorized_keys"), keys.concat()).unwrap();
        let reached = TcpListener::bind("127.0.0.1:0").unwrap();
        fs::write(home.path().join("reached"), reached.local_addr().unwrap().port().to_string()).unwrap();
        let port = free_port();
        let log = Log::default();
        let process = serve(home.path(), port, serves, further, before, &log);
        let sshd = Self { home, port, process, reached, unit, broken: Mutex::default(), log };
        sshd.mood("well");
        sshd
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The folder of the deliveries.
    pub(super) fn folder(&self) -> PathBuf {
        self.path("eingang")
    }

    /// What the relay does from the next connection on.
    pub(super) fn mood(&self, mood: &str) {
        fs::write(self.path("mood"), mood).unwrap();
    }

    /// The table of a destination; `further` lines come after what every one has.
    pub(super) fn settings(&self, further: &str) -> String {
        let (port, folder, user) = (self.port, self.folder(), user());
        let keys = if further.contains("host-keys") {
            String::new()
        } else {
            format!("host-keys = [\"{}\"]\n", fingerprint(&self.path("hostkey.pub")))
        };
        let key = if further.contains("key = ") {
            String::new()
        } else {
            format!("key = {{ file = \"{}\" }}\n", self.path("id").display())
        };
        let host = if further.contains("host = ") { "" } else { "host = \"127.0.0.1\"\n" };
        format!(
            "[sftp]\n{host}port = {port}\n{keys}{key}user = \"{user}\"\nfolder = \"{}\"\nunit = \"{}\"\n{further}",
            folder.display(),
            self.unit
        )
    }

    pub(super) fn target_with(&self, further: &str) -> Arc<dyn Target> {
        configure(&self.settings(further)).unwrap()
    }

    /// Starts again, with whatever host key is there now and without limits.
    pub(super) fn restart(&mut self) {
        self.stop();
        self.log.lock().unwrap().clear();
        self.process = serve(self.home.path(), self.port, Serves::Internal, "", &[], &self.log);
    }

    /// What it said since it was started.
    pub(super) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Stops taking connections.
    pub(super) fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn serve(home: &Path, port: u16, serves: Serves, further: &str, before: &[&str], log: &Log) -> Child {
    let shown = home.display();
    let subsystem = match serves {
        Serves::Internal => "sftp internal-sftp".to_owned(),
        Serves::Nothing => "other internal-sftp".to_owned(),
        Serves::Relayed => format!("sftp /usr/bin/python3 {shown}/relay.py {shown}"),
    };
    let config = format!(
        "{further}\nListenAddress 127.0.0.1\nPort {port}\nHostKey {shown}/hostkey\nPidFile {shown}/sshd.pid\n\
         AuthorizedKeysFile {shown}/authorized_keys\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
         PermitRootLogin prohibit-password\nSubsystem {subsystem}\n"
    );
    fs::write(home.join("sshd_config"), config).unwrap();
    // Only root's server separates privileges, and wants this folder for it.
    if user() == "root" {
        fs::create_dir_all("/run/sshd").unwrap();
    }
    let command: Vec<_> = before.iter().copied().chain([SSHD, "-D", "-e", "-f"]).collect();
    let mut process = Command::new(command[0])
        .args(&command[1..])
        .arg(home.join("sshd_config"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let mut told = String::new();
    while !told.contains("Server listening") {
        told = lines.next().unwrap_or_else(|| panic!("sshd does not start: {told}")).unwrap();
    }
    // What it says later is read, so that it never waits for a reader.
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        lines.map_while(Result::ok).for_each(|line| {
            let mut log = log.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        });
    });
    process
}

/// An address at which nobody listens.
fn nobody() -> String {
    format!("port = {}", free_port())
}

#[async_trait]
impl Peer for Sshd {
    fn target(&self) -> Arc<dyn Target> {
        let broken = self.broken.lock().unwrap().clone();
        let settings = match broken.as_str() {
            // A label of more than 63 characters is in no name server's world, so none is asked.
            "lookup" => self.settings(&format!("host = \"{}\"\n", "x".repeat(64))),
            "connect" => self.settings("").replace(&format!("port = {}", self.port), &nobody()),
            "host-key" => {
                self.settings(&format!("host-keys = [\"{}\"]\n", fingerprint(&self.path("other.pub"))))
            }
            "log-in" => self.settings(&format!("key = {{ file = \"{}\" }}\n", self.path("other").display())),
            _ => self.settings(""),
        };
        configure(&settings).unwrap()
    }

    async fn behave(&self, mood: Mood) -> bool {
        self.mood(match mood {
            Mood::Well => "well",
            Mood::Unavailable => "fail",
            Mood::Refusing => "refuse",
            Mood::BreaksBefore => "break-before",
            Mood::BreaksAfter => "break-after",
            Mood::Silent => "silent",
        });
        true
    }

    async fn arrived(&self, key: DeliveryId) -> Vec<(Vec<Digest>, Digest)> {
        units::arrived(&self.folder(), key)
    }

    fn foreseen(&self, preview: &Preview, whole: &dyn Fn(&Piece) -> Vec<u8>) -> (Vec<Digest>, Digest) {
        units::foreseen(&self.folder(), preview, whole)
    }

    async fn takes(&self) -> usize {
        units::takes(&self.folder())
    }

    /// Its relay is not cut by the number of a request: `torn` does it at every one.
    async fn cut(&self, _: usize, _: conformance::Cut) -> bool {
        false
    }

    fn requests(&self) -> usize {
        0
    }

    async fn break_step(&self, word: &str) {
        match word {
            "there" => fs::remove_dir(self.folder()).unwrap(),
            "is-folder" => {
                fs::remove_dir(self.folder()).unwrap();
                fs::write(self.folder(), b"").unwrap();
            }
            "write" => self.mood("refuse"),
            "room" => self.mood("full"),
            _ => *self.broken.lock().unwrap() = word.to_owned(),
        }
    }

    async fn reached(&self) {
        let reached = self.reached.try_clone().unwrap();
        tokio::task::spawn_blocking(move || reached.accept().unwrap()).await.unwrap();
    }

    fn inquires(&self) -> bool {
        true
    }

    fn secrets(&self) -> Vec<String> {
        let key = fs::read_to_string(self.path("id")).unwrap();
        vec![key.lines().nth(2).unwrap().to_owned(), "geheim-4711".to_owned()]
    }
}
