//! What a source takes in, closes, and leaves.

use super::peer::{Server, Waiting};
use super::*;
use crate::{Operation, XtaMailbox};
use bytes::Bytes;
use rohrpost_kit::SourceAdapter;
use rohrpost_model::ports::{
    Answer, Answering, CalledOff, Clock, Desk, HandedIn, Intent, Round, Source, StoreFault, SubmissionView,
    TakingIn, TurnedAway, Why,
};
use rohrpost_model::submission::Role;
use rohrpost_model::{ClientName, Failure, ReasonCode, SubmissionId, Timestamp};
use std::time::Duration;

const TABLE: &str = r#"
[xta]
msgbox = "http://{address}/msgbox"
reader = "wrb:15091000"
[[xta.service]]
uri = "http://www.example.org/brunnen.wsdl"
service = "99128001000000"
[[xta.area]]
identifier = "wrb:15091000"
area = "150910000000"
"#;

/// What was kept, by its key.
type Kept = Vec<(String, Vec<u8>)>;

/// A desk that keeps in memory and refuses as it is told.
#[derive(Default)]
struct FakeDesk {
    kept: Arc<Mutex<Kept>>,
    refuses: Mutex<Option<Why>>,
    /// It refuses only this one.
    only: Mutex<Option<String>>,
}

struct Taking {
    key: String,
    data: Vec<u8>,
    refuses: Option<Why>,
    kept: Arc<Mutex<Kept>>,
}

fn turned(why: Why) -> TurnedAway {
    TurnedAway { why, english: "no".into(), german: "nein".into() }
}

#[async_trait]
impl Desk for FakeDesk {
    fn admit(&self, _: &ClientName, intent: Intent) -> Result<Box<dyn TakingIn>, TurnedAway> {
        let key = intent.idempotency_key.unwrap();
        let meant = self.only.lock().unwrap().as_ref().is_none_or(|only| key.contains(only));
        let refuses = self.refuses.lock().unwrap().filter(|_| meant);
        Ok(Box::new(Taking { key, data: Vec::new(), refuses, kept: self.kept.clone() }))
    }
    async fn answer(&self, _: &ClientName, _: Answering) -> Result<Box<dyn TakingIn>, TurnedAway> {
        Err(turned(Why::NoCase))
    }
    async fn handed_in(&self, _: &ClientName, key: &str) -> Result<Option<SubmissionView>, StoreFault> {
        let known = self.kept.lock().unwrap().iter().any(|(known, _)| known == key);
        if known { Err(StoreFault::Unavailable("a view is not made here".into())) } else { Ok(None) }
    }
    async fn call_off(&self, _: &ClientName, _: &str) -> Result<CalledOff, StoreFault> {
        Ok(CalledOff::NotFound)
    }
}

#[async_trait]
impl TakingIn for Taking {
    fn begin(&mut self, _: Role, _: Option<String>, _: String) -> Result<(), TurnedAway> {
        Ok(())
    }
    async fn write(&mut self, piece: Bytes) -> Result<(), TurnedAway> {
        self.data.extend_from_slice(&piece);
        Ok(())
    }
    async fn end(&mut self) -> Result<(), TurnedAway> {
        Ok(())
    }
    fn note(&mut self, _: String, _: String) {}
    async fn accept(self: Box<Self>) -> Result<HandedIn, TurnedAway> {
        let Self { key, data, refuses, kept } = *self;
        if let Some(why) = refuses {
            return Err(turned(why));
        }
        kept.lock().unwrap().push((key, data));
        let id = SubmissionId::new(Timestamp::UNIX_EPOCH);
        let answer = Answer {
            id,
            case: "fall".parse().unwrap(),
            received_at: Timestamp::UNIX_EPOCH,
            sha256: Digest::of(b""),
            receipt: String::new(),
        };
        Ok(HandedIn { answer, repeated: false })
    }
}

#[derive(Default)]
struct Moved(Mutex<Timestamp>);

#[async_trait]
impl Clock for Moved {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
    async fn sleep_until(&self, _: Timestamp) {}
}

struct House {
    server: Arc<Server>,
    source: Arc<dyn Source>,
    desk: FakeDesk,
    clock: Arc<Moved>,
}

impl House {
    async fn with(messages: usize, further: &str) -> Self {
        let server = Server::new();
        let address = server.listen().await;
        let clock = Arc::new(Moved::default());
        let text = TABLE.replace("{address}", &address.to_string());
        let text = text.replace("[[xta.service]]", &format!("{further}\n[[xta.service]]"));
        let source = XtaMailbox.configure(&AdapterSource {
            file: "sources/a.toml",
            text: &text,
            folder: Path::new("/nowhere"),
            secrets: &NoSecrets,
            clock: clock.clone(),
        });
        let source = source.unwrap_or_else(|faults| panic!("{faults:?}"));
        *server.waiting.lock().unwrap() = (0..messages).map(waiting).collect();
        Self { server, source, desk: FakeDesk::default(), clock }
    }

    async fn round(&self) -> (Round, Result<(), Failure>) {
        let mut round = Round::default();
        let client = "gateway".parse().unwrap();
        let ended = self.source.round(&self.desk, &client, &mut round).await;
        (round, ended)
    }

    fn waiting(&self) -> usize {
        self.server.waiting.lock().unwrap().len()
    }

    fn kept(&self) -> usize {
        self.desk.kept.lock().unwrap().len()
    }

    fn asked(&self, operation: Operation) -> usize {
        self.server.asked.lock().unwrap().iter().filter(|asked| **asked == operation).count()
    }
}

pub(super) fn id(number: usize) -> String {
    format!("urn:de:xta:messageid:Partner:000ca2fe-f4e1-45c2-8233-{number:012}")
}

pub(super) fn waiting(number: usize) -> Waiting {
    let mut metadata = super::super::full_metadata();
    metadata.message_id = id(number);
    metadata.reader = crate::Party::xoev("wrb:15091000");
    metadata.qualifier.service = "http://www.example.org/brunnen.wsdl".into();
    metadata.delivery.obsolete_after = None;
    let message = Bytes::from(format!("<antrag>{number}</antrag>"));
    Waiting { metadata, message, name: None, documents: Vec::new() }
}

#[tokio::test]
async fn h1_what_is_not_kept_is_not_closed() {
    let house = House::with(2, "").await;
    *house.desk.refuses.lock().unwrap() = Some(Why::Unavailable);
    let (round, ended) = house.round().await;
    let Err(Failure::Unavailable { reason, .. }) = ended else { panic!("{ended:?}") };
    assert_eq!(reason.code, ReasonCode::HubTrouble, "the round ends: the next would not be taken either");
    assert_eq!((round.taken, house.waiting(), house.asked(Operation::Close)), (0, 2, 0));
    *house.desk.refuses.lock().unwrap() = None;
    let (round, ended) = house.round().await;
    assert_eq!((round.taken, ended), (2, Ok(())));
    assert_eq!((house.kept(), house.waiting()), (2, 0));
}

#[tokio::test]
async fn a_long_list_is_taken_page_by_page() {
    let house = House::with(230, "").await;
    let (round, ended) = house.round().await;
    assert_eq!((ended, round.left), (Ok(()), 0));
    // What is closed meanwhile makes others move up in this server's list; the next round finds them.
    let mut taken = round.taken;
    while house.waiting() > 0 {
        let (round, ended) = house.round().await;
        assert_eq!(ended, Ok(()));
        assert!(round.taken > 0, "each round takes something");
        taken += round.taken;
    }
    assert_eq!((taken, house.kept()), (230, 230));
}

#[tokio::test]
async fn what_is_turned_away_stays_and_does_not_keep_the_others() {
    let house = House::with(3, "").await;
    *house.desk.refuses.lock().unwrap() = Some(Why::Invalid);
    *house.desk.only.lock().unwrap() = Some("000000000001".into());
    let (round, ended) = house.round().await;
    assert_eq!((round.taken, round.left, ended), (2, 1, Ok(())));
    assert_eq!((round.named[0].message.clone(), round.named[0].why), (id(1), Why::Invalid));
    assert_eq!(house.waiting(), 1, "it lies where it lay");
    let fetched = house.asked(Operation::GetMessage);
    let (round, _) = house.round().await;
    assert_eq!((round.left, round.named[0].why), (1, Why::Invalid), "it is told in every round");
    assert_eq!(house.asked(Operation::GetMessage), fetched, "but let alone for a while");
    *house.clock.0.lock().unwrap() += Duration::from_secs(61);
    *house.desk.refuses.lock().unwrap() = None;
    let (round, _) = house.round().await;
    assert_eq!((round.taken, round.left, house.waiting()), (1, 0, 0));
}

#[tokio::test]
async fn what_no_rule_takes_is_left_with_its_reason() {
    let house = House::with(3, "").await;
    {
        let mut waiting = house.server.waiting.lock().unwrap();
        waiting[0].metadata.qualifier.service = "http://www.example.org/anderes.wsdl".into();
        waiting[1].metadata.reader = crate::Party::xoev("wrb:99");
    }
    let (round, ended) = house.round().await;
    assert_eq!((round.taken, ended), (1, Ok(())));
    let whys: Vec<_> = round.named.iter().map(|left| left.why).collect();
    assert_eq!(whys, [Why::NotGranted, Why::UnknownArea]);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_left() {
    let house = House::with(1, "max-size = \"10 B\"").await;
    let (round, ended) = house.round().await;
    assert_eq!((round.left, round.named[0].why, ended), (1, Why::TooLarge, Ok(())));
    assert_eq!((house.kept(), house.waiting()), (0, 1));
}

#[tokio::test]
async fn a_partner_that_does_not_let_us_in_ends_the_round() {
    let house = House::with(1, "").await;
    *house.server.fault.lock().unwrap() = Some((500, crate::Fault::of(crate::FaultCode::NotTheAuthor)));
    let (_, ended) = house.round().await;
    let Err(failure) = ended else { panic!("nothing could be asked") };
    assert_eq!(failure.reason().code, ReasonCode::CredentialsRefused);
}

#[tokio::test]
async fn an_answer_to_close_that_is_lost_changes_nothing() {
    let house = House::with(1, "").await;
    *house.server.loses_close.lock().unwrap() = true;
    let (round, ended) = house.round().await;
    assert_eq!((round.taken, house.kept(), house.waiting()), (1, 1, 0));
    assert!(ended.is_err(), "it is not known whether it is closed");
    *house.server.loses_close.lock().unwrap() = false;
    let (round, ended) = house.round().await;
    assert!(round.was_empty() && ended.is_ok());
}

#[test]
fn the_example_of_a_source_is_in_order() {
    let clock = Arc::new(FixedClock::default());
    let (file, folder) = ("sources/a.toml", Path::new("/nowhere"));
    let text = XtaMailbox.example();
    XtaMailbox
        .configure(&AdapterSource { file, text, folder, secrets: &NoSecrets, clock })
        .map(drop)
        .unwrap();
}
