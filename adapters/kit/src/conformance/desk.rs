use async_trait::async_trait;
use bytes::Bytes;
use rohrpost_model::ports::{
    Answer, Answering, CalledOff, CaseNamed, Desk, HandedIn, Intent, StoreFault, SubmissionView, TakingIn,
    TurnedAway, Why, WrappedKey,
};
use rohrpost_model::submission::Role;
use rohrpost_model::{ClientName, Digest, SubmissionId};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// A desk for tests of sources: it keeps in memory what it accepts, and knows repetitions as the hub does (H3).
#[derive(Clone, Default)]
pub struct TestDesk(Arc<Mutex<Book>>, Arc<Notify>);

#[derive(Default)]
struct Book {
    kept: Vec<Kept>,
    repeated: usize,
    turns_away: Option<TurnedAway>,
    begun: usize,
    stops: bool,
}

/// A submission that a [`TestDesk`] keeps.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What was said of it.
    pub intent: Intent,
    /// Its parts.
    pub parts: Vec<KeptPart>,
}

/// One of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPart {
    /// What it is.
    pub role: Role,
    /// Its name.
    pub name: Option<String>,
    /// Its media type.
    pub media_type: String,
    /// Its content.
    pub content: Vec<u8>,
}

impl TestDesk {
    /// All that is kept, in the order of acceptance.
    pub fn kept(&self) -> Vec<Kept> {
        self.book().kept.clone()
    }

    /// So often something came that was kept already.
    pub fn repeated(&self) -> usize {
        self.book().repeated
    }

    /// So many submissions were begun, whatever became of them.
    pub fn begun(&self) -> usize {
        self.book().begun
    }

    /// From now on it turns everything away for this reason; `None`: nothing.
    pub fn turn_away(&self, why: Option<Why>) {
        self.book().turns_away = why.map(|why| TurnedAway {
            why,
            german: "So nicht; richtig wäre es anders.".into(),
            english: "Not so; otherwise would be right.".into(),
        });
    }

    /// From now on whoever hands in hears nothing more once it is kept, as where the hub is killed at that moment.
    pub fn stop_once_kept(&self, stops: bool) {
        self.book().stops = stops;
    }

    /// Waits until something more is kept than `before`.
    pub async fn more_than(&self, before: usize) {
        loop {
            let kept = self.1.notified();
            if self.book().kept.len() > before {
                return;
            }
            kept.await;
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Desk for TestDesk {
    fn admit(&self, _: &ClientName, intent: Intent) -> Result<Box<dyn TakingIn>, TurnedAway> {
        let mut book = self.book();
        book.begun += 1;
        match &book.turns_away {
            Some(turned) => Err(turned.clone()),
            None => Ok(Box::new(Taking { desk: self.clone(), kept: Kept { intent, parts: vec![] } })),
        }
    }

    /// Keeps the answer as an intent of the case that it names, the data as they came.
    async fn answer(
        &self,
        client: &ClientName,
        answering: Answering,
    ) -> Result<Box<dyn TakingIn>, TurnedAway> {
        let kind = answering.kind.clone().unwrap_or_else(|| super::sample::name("status"));
        let mut intent =
            Intent::new(kind, super::sample::name("99000000000000"), super::sample::name("15091"));
        match &answering.of {
            CaseNamed::Case(case) => intent.case = Some(case.clone()),
            CaseNamed::Of(tenant, case) => {
                (intent.tenant, intent.case) = (Some(tenant.clone()), Some(case.clone()));
            }
            CaseNamed::Foreign { id, .. } => intent.foreign = id.iter().cloned().collect(),
        }
        intent.idempotency_key = answering.idempotency_key;
        intent.not_before = answering.not_before;
        intent.obsolete_after = answering.obsolete_after;
        intent.properties = answering.properties;
        self.admit(client, intent)
    }

    async fn handed_in(&self, _: &ClientName, key: &str) -> Result<Option<SubmissionView>, StoreFault> {
        let kept = self.book().kept.iter().any(|kept| kept.intent.idempotency_key.as_deref() == Some(key));
        Ok(kept.then(view))
    }

    async fn call_off(&self, _: &ClientName, _: &str) -> Result<CalledOff, StoreFault> {
        Ok(CalledOff::NotFound)
    }
}

struct Taking {
    desk: TestDesk,
    kept: Kept,
}

#[async_trait]
impl TakingIn for Taking {
    fn begin(&mut self, role: Role, name: Option<String>, media_type: String) -> Result<(), TurnedAway> {
        self.kept.parts.push(KeptPart { role, name, media_type, content: vec![] });
        Ok(())
    }

    async fn write(&mut self, piece: Bytes) -> Result<(), TurnedAway> {
        if let Some(part) = self.kept.parts.last_mut() {
            part.content.extend_from_slice(&piece);
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<(), TurnedAway> {
        Ok(())
    }

    fn note(&mut self, name: String, value: String) {
        self.kept.intent.properties.insert(name, value);
    }

    async fn accept(self: Box<Self>) -> Result<HandedIn, TurnedAway> {
        let Self { desk, kept } = *self;
        let handed_in = desk.keep(kept);
        if desk.book().stops {
            std::future::pending::<()>().await;
        }
        handed_in
    }
}

impl TestDesk {
    fn keep(&self, kept: Kept) -> Result<HandedIn, TurnedAway> {
        let mut book = self.book();
        let key = &kept.intent.idempotency_key;
        let before = book.kept.iter().find(|one| key.is_some() && one.intent.idempotency_key == *key);
        match before.map(|before| before.parts == kept.parts) {
            Some(true) => {
                book.repeated += 1;
                Ok(handed_in(true))
            }
            Some(false) => Err(TurnedAway {
                why: Why::OtherContent,
                german: "Unter diesem Schlüssel kam anderer Inhalt.".into(),
                english: "Other content came under this key.".into(),
            }),
            None => {
                book.kept.push(kept);
                self.1.notify_waiters();
                Ok(handed_in(false))
            }
        }
    }
}

fn handed_in(repeated: bool) -> HandedIn {
    HandedIn { answer: answer(), repeated }
}

/// The one that all that is handed in gets here.
fn answer() -> Answer {
    Answer {
        id: SubmissionId::from_bytes([7; 16]),
        case: super::sample::name("2026:BR-4711"),
        received_at: super::FixedClock::default().0,
        sha256: Digest::of(b""),
        receipt: String::new(),
    }
}

fn view() -> SubmissionView {
    let submission = super::sample::submission(SubmissionId::from_bytes([7; 16]));
    let key = WrappedKey { epoch: String::new(), bytes: Vec::new() };
    SubmissionView { submission, answer: answer(), key, deliveries: Vec::new(), erased_at: None }
}
