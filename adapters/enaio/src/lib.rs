//! Files deliveries in the DMS enaio: a folder for the case, perhaps a register in it, and the documents.
//!
//! ```toml
//! adapter = "enaio"
//!
//! [enaio]
//! url = "https://enaio.example"                       # the gateway
//! interface = "osrest"                                # or dms
//! auth = { basic = { user = "hub", password = { file = "secrets/enaio" } } }     # or session = { … }
//! index = "index"                                     # the document that goes along with index data, see `index`
//! longest-call = "2m"                                 # a call that tore may be at work there for so long
//!
//! [enaio.folder]
//! type = "OSTPL_AA"                                   # number or internal name
//! key-field = "RohrpostVorgang"                       # holds `key`, and is what the folder is found by
//! key = "{tenant}/{case}"
//! fields = { Aktenbezeichnung = "Vorgang {case}" }    # placeholders: rohrpost_kit::template
//!
//! [enaio.register]                                    # may be left out
//! type = "OSTPL_AA_REGISTER"
//! key-field = "RohrpostVorgang"
//!
//! [enaio.document]                                    # the message
//! type = "OSTPL_AA_DOKUMENT"
//! key-field = "RohrpostId"                            # holds the delivery's key
//! file-name = "{case}.xml"
//! fields = { Betreff = "Antrag" }
//!
//! [enaio.attachment]                                  # all else; without it as the message's document
//! type = "OSTPL_AA_DOKUMENT"
//! key-field = "RohrpostId"                            # holds the delivery's key and which one it is
//! fields = { Betreff = "{attachment-name}" }
//!
//! [enaio.error-types]                                 # enaio's own words for errors, before the status
//! PARAMETER_ERROR = "refused"
//! [enaio.status]                                      # see rohrpost_kit::http::StatusTable
//! [enaio.connection]                                  # see rohrpost_kit::http::Connection
//! ```
//!
//! Every part is a document of its own, the message last. Neither interface takes a key of the caller's. So each object
//! bears a mark in a field, is searched for before it is made, and is recorded as progress when it was; a call that tore
//! may still be at work, and until `longest-call` has passed "not there" is no answer to a search.

mod caller;
mod cases;
mod dialect;
mod filing;
mod index;
mod object;
mod probe;
mod settings;

use async_trait::async_trait;
use caller::Caller;
use cases::{Cases, Doubt, Late};
use filing::{Filing, Level, Paper, Paperwork, filing};
use object::{Kind, Object};
use rohrpost_kit::http::Request;
use rohrpost_kit::probe::Endpoint;
use rohrpost_kit::{Adapter, AdapterSource, parcel};
use rohrpost_model::ports::{Inquiry, Parcel, Probe, Target};
use rohrpost_model::{Failure, Fault, Outcome, Reason, ReasonCode, Receipt};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// The adapter of kind `enaio`.
pub struct Enaio;

/// Shared by all targets of the process, those of a configuration that was replaced included.
static CASES: LazyLock<Arc<Cases>> = LazyLock::new(Arc::default);

// What progress calls the objects; a call that was begun and whose end is not known is called so too.
const FOLDER: &str = "folder";
const REGISTER: &str = "register";
const DOCUMENT: &str = "document";
/// Which bytes the documents hold.
const SENT: &str = "sent";
/// What `…-begun` is once the call surely made nothing.
const OVER: &str = "-";

impl Adapter for Enaio {
    fn kind(&self) -> &'static str {
        "enaio"
    }

    fn example(&self) -> &'static str {
        include_str!("example.toml")
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.json")
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Target>, Vec<Fault>> {
        Ok(Arc::new(settings::configure(source, self.kind(), Arc::clone(&CASES))?))
    }
}

struct EnaioTarget {
    caller: Caller,
    endpoint: Option<Endpoint>,
    address: String,
    folder: Level,
    register: Option<Level>,
    paperwork: Paperwork,
    cases: Arc<Cases>,
    longest_call: Duration,
}

#[async_trait]
impl Target for EnaioTarget {
    async fn deliver(&self, parcel: &Parcel<'_>) -> Result<Outcome, Failure> {
        parcel::check(parcel)?;
        let filing = self.filing(parcel)?;
        let place = self.place(parcel, &filing).await?;
        self.file(parcel, &filing, &place).await.map(|id| self.done(id))
    }

    async fn inquire(&self, parcel: &Parcel<'_>, _: Option<&str>) -> Result<Inquiry, Failure> {
        let (filing, progress) = (self.filing(parcel)?, parcel.progress);
        if progress.get(SENT).is_some_and(|sent| sent != parcel.sent_sha256.to_string()) {
            return Ok(Inquiry::Unfinished);
        }
        let Some(message) = filing.message() else { return Ok(Inquiry::NoWord) };
        let there = match progress.get(&message.word) {
            Some(id) => Some(id),
            None => self.find(message.kind, &message.mark).await.map_err(to_be_asked_again)?,
        };
        Ok(match there {
            Some(id) => Inquiry::Found(self.done(id)),
            None if progress.get(FOLDER).or(progress.get(&begun(FOLDER))).is_none() => Inquiry::Absent,
            None => Inquiry::Unfinished,
        })
    }

    /// Whatever is delivered twice is found the second time.
    fn deduplicates(&self) -> bool {
        true
    }

    fn takes_enclosed(&self) -> bool {
        true
    }

    async fn probe(&self, probe: &mut Probe) {
        self.probes(probe).await;
    }
}

impl EnaioTarget {
    fn filing<'a>(&'a self, parcel: &'a Parcel<'_>) -> Result<Filing<'a>, Failure> {
        filing((&self.folder, self.register.as_ref()), &self.paperwork, parcel)
    }

    /// What the documents lie in: the folder of the case, or the register in it. Only one attempt at a time looks for it
    /// and makes it.
    async fn place(&self, parcel: &Parcel<'_>, filing: &Filing<'_>) -> Result<String, Failure> {
        let known = parcel.progress.get(if self.register.is_some() { REGISTER } else { FOLDER });
        if let Some(place) = known {
            return Ok(place);
        }
        let case = format!("{} {}", self.address, filing.folder.mark);
        let mut turn = self.cases.turn(&case, self.late()).await;
        let making = Making { word: FOLDER, kind: &self.folder.kind, mark: &filing.folder.mark };
        let object =
            Object { kind: &self.folder.kind, parent: None, fields: &filing.folder.fields, file: None };
        let folder = self.find_or_make(parcel, making, &mut turn, async || Ok(object)).await?;
        let (Some(level), Some(filled)) = (&self.register, &filing.register) else { return Ok(folder) };
        let making = Making { word: REGISTER, kind: &level.kind, mark: &filled.mark };
        let parent = Some(folder.as_str());
        let object = Object { kind: &level.kind, parent, fields: &filled.fields, file: None };
        self.find_or_make(parcel, making, &mut turn, async || Ok(object)).await
    }

    /// Files all documents; the id of the message.
    async fn file(&self, parcel: &Parcel<'_>, filing: &Filing<'_>, place: &str) -> Result<String, Failure> {
        let sent = parcel.sent_sha256.to_string();
        let before = parcel.progress.get(SENT);
        if before.is_none() {
            parcel.progress.record(SENT, &sent).await?;
        }
        let mended = before.is_some_and(|before| before != sent);
        let mut last = String::new();
        for paper in &filing.papers {
            last = self.paper(parcel, paper, place, mended).await?;
        }
        if mended {
            parcel.progress.record(SENT, &sent).await?;
        }
        Ok(last)
    }

    /// One document. One that is there with other content, because a person mended the delivery since, gets this one:
    /// doing that twice does no harm.
    async fn paper(
        &self,
        parcel: &Parcel<'_>,
        paper: &Paper<'_>,
        place: &str,
        mended: bool,
    ) -> Result<String, Failure> {
        let object = async |parent| {
            let file = Some(paper.file().await?);
            Ok(Object { kind: paper.kind, parent, fields: &paper.fields, file })
        };
        if mended {
            let there = match parcel.progress.get(&paper.word) {
                Some(id) => Some(id),
                None => self.find(paper.kind, &paper.mark).await?,
            };
            if let Some(id) = there {
                let request = self.caller.dialect.replace(&id, object(None).await?, parcel.key)?;
                self.caller.act(request).await?;
                return Ok(id);
            }
        }
        let making = Making { word: &paper.word, kind: paper.kind, mark: &paper.mark };
        self.find_or_make(parcel, making, &mut None, async || object(Some(place)).await).await
    }

    /// An object that bears this mark: the one that is there, or a new one.
    async fn find_or_make<'o>(
        &self,
        parcel: &Parcel<'_>,
        making: Making<'_>,
        doubt: &mut Doubt,
        object: impl AsyncFnOnce() -> Result<Object<'o>, Failure>,
    ) -> Result<String, Failure> {
        let progress = parcel.progress;
        if let Some(id) = progress.get(making.word) {
            return Ok(id);
        }
        let id = match self.find(making.kind, making.mark).await? {
            Some(id) => id,
            None => {
                self.nothing_is_at_work(parcel, making.word, *doubt)?;
                let request = self.caller.dialect.make(object().await?, parcel.key)?;
                self.make(parcel, making.word, doubt, request).await?
            }
        };
        *doubt = None;
        progress.record(making.word, &id).await?;
        Ok(id)
    }

    /// The one call that cannot be repeated. Its beginning is recorded, here and among all attempts at the case.
    async fn make(
        &self,
        parcel: &Parcel<'_>,
        word: &str,
        doubt: &mut Doubt,
        request: Request,
    ) -> Result<String, Failure> {
        let now = self.caller.clock.now();
        parcel.progress.record(&begun(word), &now.to_string()).await?;
        *doubt = Some(now);
        match self.caller.act(request).await {
            // It says that it made it, and not what: the next search tells.
            Ok(answer) => self.caller.dialect.made(&answer).ok_or_else(|| unexpected(answer.status)),
            Err(failure @ Failure::Unknown(_)) => Err(failure),
            Err(failure) => {
                *doubt = None;
                parcel.progress.record(&begun(word), OVER).await?;
                Err(failure)
            }
        }
    }

    /// What was not found may still come, from a call that tore or from one before a crash.
    fn nothing_is_at_work(&self, parcel: &Parcel<'_>, word: &str, doubt: Doubt) -> Result<(), Failure> {
        let own = parcel.progress.get(&begun(word)).and_then(|begun| begun.parse().ok());
        let late = self.late();
        match late.remaining(own).max(late.remaining(doubt)) {
            None => Ok(()),
            retry_after => {
                let reason = Reason::new(ReasonCode::CallOutstanding);
                Err(Failure::Unavailable { reason, retry_after })
            }
        }
    }

    /// The one object that bears the mark. Several are for a person to look at.
    async fn find(&self, kind: &Kind, mark: &str) -> Result<Option<String>, Failure> {
        let answer = self.caller.ask(self.caller.dialect.find(kind, mark)?).await?;
        let ids = self.caller.dialect.found(&answer);
        let mut ids = ids.ok_or_else(|| to_be_asked_again(unexpected(answer.status)))?;
        match (ids.pop(), ids.is_empty()) {
            (found, true) => Ok(found),
            _ => {
                let reason = Reason::new(ReasonCode::SeveralFound).with("field", &kind.key_field);
                Err(Failure::Refused(reason))
            }
        }
    }

    fn late(&self) -> Late {
        Late { now: self.caller.clock.now(), after: self.longest_call }
    }

    fn done(&self, id: String) -> Outcome {
        let at = Some(self.caller.clock.now());
        Outcome::Done(Receipt { reference: Some(id), at, code: None, result: None })
    }
}

/// An object that is found by its mark, and made where there is none.
#[derive(Clone, Copy)]
struct Making<'a> {
    word: &'a str,
    kind: &'a Kind,
    mark: &'a str,
}

fn begun(word: &str) -> String {
    format!("{word}-begun")
}

fn unexpected(status: u16) -> Failure {
    Failure::Unknown(Reason::new(ReasonCode::UnexpectedAnswer).with("status", status))
}

/// A question that failed is asked again; only what a person has to clear up at enaio is not.
fn to_be_asked_again(failure: Failure) -> Failure {
    match failure {
        Failure::Unavailable { .. } => failure,
        Failure::Refused(reason) if reason.code == ReasonCode::SeveralFound => Failure::Refused(reason),
        other => Failure::unavailable(other.reason().clone()),
    }
}

#[cfg(test)]
mod tests;
