//! OpenSSH as the counterpart of the conformance suite.

use super::configure;
use super::sshd::free_port;
pub(super) use super::sshd::{Serves, Sshd, fingerprint, is_there, keygen};
use async_trait::async_trait;
use rohrpost_kit::conformance::{Cut, Mood, Peer, units};
use rohrpost_model::ports::{Piece, Preview, Target};
use rohrpost_model::{DeliveryId, Digest};
use std::fs;
use std::sync::Arc;

impl Sshd {
    pub(super) fn target_with(&self, further: &str) -> Arc<dyn Target> {
        configure(&self.settings(further)).unwrap()
    }
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

    /// SSH hides the requests from any proxy; the relay that serves them behind it can count and tear. To the server a
    /// silence is a tear: what it did, it did. As there are many requests, each of the two forms of units gets one kind of
    /// tear.
    async fn cut(&self, request: usize, cut: Cut) -> bool {
        match (cut, self.unit) {
            (Cut::TornBefore, "flat") => self.mood(&format!("before {request}")),
            (Cut::TornAfter, "subfolder") => self.mood(&format!("after {request}")),
            _ => return false,
        }
        true
    }

    /// Every call is a connection of its own.
    fn remembers(&self) -> bool {
        false
    }

    fn requests(&self) -> usize {
        Sshd::requests(self)
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

    /// Whoever waits no longer leaves no thread behind that the end of a test would wait for.
    async fn reached(&self) {
        let reached = self.reached.try_clone().unwrap();
        reached.set_nonblocking(true).unwrap();
        tokio::net::TcpListener::from_std(reached).unwrap().accept().await.unwrap();
    }

    fn inquires(&self) -> bool {
        true
    }

    fn secrets(&self) -> Vec<String> {
        let key = fs::read_to_string(self.path("id")).unwrap();
        vec![key.lines().nth(2).unwrap().to_owned(), "geheim-4711".to_owned()]
    }
}
