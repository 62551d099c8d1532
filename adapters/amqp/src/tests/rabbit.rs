//! A real RabbitMQ of a test's own, which can be killed and started again.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A broker that runs on this machine. Dropping it ends it.
pub struct Rabbit {
    home: TempDir,
    ports: [u16; 3],
    configuration: PathBuf,
    child: Option<Child>,
}

impl Rabbit {
    /// Starts a broker with this configuration and these plugins; `None` where RabbitMQ is not installed, which has been
    /// said.
    pub fn start_with(configuration: &str, plugins: &str) -> Option<Self> {
        if !Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server").exists() {
            return missing("RabbitMQ is not installed (Debian: rabbitmq-server)");
        }
        let home = tempfile::tempdir().unwrap();
        // Held together, so that they are three.
        let held = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = held.map(|listener| listener.local_addr().unwrap().port());
        std::fs::write(home.path().join("plugins"), format!("[{plugins}].\n")).unwrap();
        let file = home.path().join("rabbitmq.conf");
        std::fs::write(&file, configuration).unwrap();
        let mut rabbit = Self { home, ports, configuration: file, child: None };
        rabbit.run();
        Some(rabbit)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.ports[0]
    }

    /// Kills it with SIGKILL and waits until it is gone.
    pub fn kill(&mut self) {
        self.end("-KILL");
    }

    fn end(&mut self, signal: &str) {
        let Some(mut child) = self.child.take() else { return };
        let pid = std::fs::read_to_string(self.home.path().join("pid")).unwrap();
        assert!(Command::new("kill").args([signal, pid.trim()]).status().unwrap().success());
        child.wait().unwrap();
    }

    /// Has it declare something, and starts it again, in good order, until it knows that by what is on its disk. Of what was
    /// declared a moment ago a broker has written nothing yet: killed then, it would not know a durable queue any more.
    pub async fn keep(&mut self, declare: impl AsyncFn(), knows: impl AsyncFn() -> bool) {
        for _ in 0..5 {
            declare().await;
            self.end("-TERM");
            self.run();
            if knows().await {
                return;
            }
        }
        panic!("the broker does not keep what is declared");
    }

    /// Starts it again on what it kept.
    pub fn run(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"));
        let script = script.ancestors().map(|folder| folder.join("scripts/rabbitmq")).find(|it| it.exists());
        let mut command = Command::new(script.unwrap());
        command.arg(self.home.path()).args(self.ports.map(|port| port.to_string())).arg(&self.configuration);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = Vec::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let up = lines.by_ref().map_while(Result::ok).any(|line| {
            said.push(line);
            said.last().is_some_and(|line| line.contains("completed with"))
        });
        assert!(up, "the broker did not start: {}", said.join("\n"));
        // It goes on writing, and would stop where nobody reads.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        self.child = Some(child);
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

#[allow(clippy::disallowed_methods)] // whether peers are required is said by whoever runs the tests
fn missing<T>(what: &str) -> Option<T> {
    let required = std::env::var("REQUIRE_PEERS").is_ok_and(|value| !value.is_empty() && value != "0");
    assert!(!required, "REQUIRE_PEERS is set, but {what}");
    eprintln!("SKIPPED: {what}");
    None
}
