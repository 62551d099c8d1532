//! A foreign system behind the real HTTP adapter: a recording sink on loopback, whose requests get the time of the clock
//! that stands still.

use super::clock::StillClock;
use crate::support::sink::{Recorded, Sink};
use axum::response::Response;
use rohrpost_kit::settings::Secrets;
use rohrpost_kit::{Adapter as _, AdapterSource};
use rohrpost_model::Timestamp;
use rohrpost_model::ports::{Clock as _, Target};
use secrecy::SecretString;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A request as the sink recorded it.
#[derive(Clone, Debug)]
pub struct Letter {
    pub at: Timestamp,
    pub key: String,
    pub status: u16,
}

#[derive(Clone)]
pub struct Post {
    sink: Sink,
    clock: Arc<StillClock>,
    letters: Arc<Mutex<Vec<Letter>>>,
}

struct NoSecrets;

impl Secrets for NoSecrets {
    fn file(&self, _: &Path) -> Result<SecretString, String> {
        Err("none".to_owned())
    }

    fn env(&self, _: &str) -> Result<SecretString, String> {
        Err("none".to_owned())
    }
}

impl Post {
    /// Answers every request at once, as `answer` says.
    pub async fn answering(
        clock: &Arc<StillClock>,
        answer: impl Fn(&Recorded) -> Response + Send + Sync + 'static,
    ) -> Self {
        let letters: Arc<Mutex<Vec<Letter>>> = Arc::default();
        let (kept, time) = (Arc::clone(&letters), Arc::clone(clock));
        let sink = Sink::answering(move |_, recorded| {
            let response = answer(recorded);
            let letter = Letter { at: time.now(), key: recorded.key(), status: response.status().as_u16() };
            kept.lock().unwrap().push(letter);
            response
        });
        Self { sink: sink.await, clock: Arc::clone(clock), letters }
    }

    /// The adapter that talks to it.
    pub fn target(&self) -> Arc<dyn Target> {
        let text = format!("[http]\nurl = \"http://{}/eingang\"\n", self.sink.address);
        let source = AdapterSource {
            file: "post.toml",
            text: &text,
            folder: Path::new("."),
            secrets: &NoSecrets,
            clock: Arc::clone(&self.clock) as _,
        };
        rohrpost_adapter_http::Http.configure(&source).unwrap()
    }

    /// What came in so far.
    pub fn letters(&self) -> Vec<Letter> {
        self.letters.lock().unwrap().clone()
    }
}
