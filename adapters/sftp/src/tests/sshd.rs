//! Debian's OpenSSH server, started on loopback.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use tempfile::TempDir;

const SSHD: &str = "/usr/sbin/sshd";
const RELAY: &str = include_str!("relay.py");

/// How the server serves files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Serves {
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
pub struct Sshd {
    home: TempDir,
    pub port: u16,
    process: Child,
    /// Where the relay calls when it swallowed an answer.
    pub reached: TcpListener,
    pub unit: &'static str,
    /// The step of a probe that is to fail.
    pub broken: Mutex<String>,
    log: Log,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether it is installed; says so where it is not.
pub fn is_there() -> bool {
    let there = [SSHD, "/usr/lib/openssh/sftp-server", "/usr/bin/ssh-keygen", "/usr/bin/python3"];
    let absent = there.into_iter().find(|program| !Path::new(program).exists());
    absent.is_none_or(|program| missing(&format!("{program} is not there")))
}

pub fn keygen(path: &Path, passphrase: &str, kind: &str) {
    let made = Command::new("/usr/bin/ssh-keygen")
        .args(["-q", "-t", kind, "-N", passphrase, "-C", "", "-f"])
        .arg(path)
        .status();
    assert!(made.unwrap().success());
}

/// `SHA256:…` of a public key. The program is asked once about each key.
pub fn fingerprint(path: &Path) -> String {
    static KNOWN: Mutex<BTreeMap<Vec<u8>, String>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap();
    let asked = || {
        let told = Command::new("/usr/bin/ssh-keygen").arg("-lf").arg(path).output().unwrap();
        String::from_utf8(told.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
    };
    known.entry(fs::read(path).unwrap()).or_insert_with(asked).clone()
}

/// Gives a server the keys that all servers of this process have: making them takes longer than starting one.
fn give_keys(home: &Path) {
    static MADE: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().unwrap();
        for (key, passphrase) in [("hostkey", ""), ("id", ""), ("other", ""), ("locked", "geheim-4711")] {
            keygen(&folder.path().join(key), passphrase, "ed25519");
        }
        let files = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap());
        files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
    };
    for (name, content) in MADE.get_or_init(make) {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(home.join(name));
        file.unwrap().write_all(content).unwrap();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn user() -> String {
    let told = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(told.stdout).unwrap().trim().to_owned()
}

impl Sshd {
    pub fn start(serves: Serves, unit: &'static str) -> Self {
        Self::start_with(serves, unit, "", &[])
    }

    /// With further lines of configuration, and a command before the server's own.
    pub fn start_with(serves: Serves, unit: &'static str, further: &str, before: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        give_keys(home.path());
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

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The folder of the deliveries.
    pub fn folder(&self) -> PathBuf {
        self.path("eingang")
    }

    /// What the relay does from the next connection on: see there.
    pub fn mood(&self, mood: &str) {
        fs::write(self.path("count"), "0").unwrap();
        fs::write(self.path("mood"), mood).unwrap();
    }

    /// How many requests the relay saw since.
    pub fn requests(&self) -> usize {
        fs::read_to_string(self.path("count")).unwrap().parse().unwrap()
    }

    /// The table of a destination; `further` lines come after what every one has.
    pub fn settings(&self, further: &str) -> String {
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

    /// Starts again, with whatever host key is there now and without limits.
    pub fn restart(&mut self) {
        self.stop();
        self.log.lock().unwrap().clear();
        self.process = serve(self.home.path(), self.port, Serves::Internal, "", &[], &self.log);
    }

    /// Kills the server with all that it serves connections by, as where its machine dies.
    pub fn kill(&mut self) {
        let processes = descendants(self.process.id());
        // The first is the server: it serves nobody new meanwhile.
        let killed = Command::new("kill").arg("-KILL").args(processes.iter().map(u32::to_string)).status();
        // Some may have ended by themselves.
        killed.unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again after it was killed.
    pub fn run(&mut self) {
        self.process = serve(self.home.path(), self.port, Serves::Internal, "", &[], &self.log);
    }

    /// What it said since it was started.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Stops taking connections.
    pub fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A process and all that come from it.
fn descendants(root: u32) -> Vec<u32> {
    let parent = |process: u32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    let names = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.file_name());
    let all: Vec<u32> = names.filter_map(|name| name.to_str()?.parse().ok()).collect();
    let mut found = vec![root];
    for at in 0.. {
        let Some(of) = found.get(at).copied() else { break };
        found.extend(all.iter().copied().filter(|process| parent(*process) == Some(of)));
    }
    found
}

fn serve(home: &Path, port: u16, serves: Serves, further: &str, before: &[&str], log: &Log) -> Child {
    let shown = home.display();
    let subsystem = match serves {
        Serves::Internal => "sftp internal-sftp".to_owned(),
        Serves::Nothing => "other internal-sftp".to_owned(),
        Serves::Relayed => format!("sftp /usr/bin/python3 -I -S {shown}/relay.py {shown}"),
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

/// Says that a peer is missing; false.
#[allow(clippy::disallowed_methods)] // whether peers are required is said by whoever runs the tests
pub fn missing(what: &str) -> bool {
    let required = std::env::var("REQUIRE_PEERS").is_ok_and(|value| !value.is_empty() && value != "0");
    assert!(!required, "REQUIRE_PEERS is set, but {what}");
    eprintln!("SKIPPED: {what}");
    false
}
