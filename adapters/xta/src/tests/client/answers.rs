//! Messages of a mailbox that become answers in cases.

use super::fetched::{id, waiting};
use super::peer::{Server, Waiting};
use super::*;
use crate::{Code, MessageMetaData, Operation, ProcessReference, Property, XtaMailbox};
use rohrpost_kit::SourceAdapter;
use rohrpost_kit::conformance::TestDesk;
use rohrpost_model::ports::{Round, Source, Why};
use rohrpost_model::submission::Role;

const TABLE: &str = r#"
[xta]
msgbox = "http://{address}/msgbox"
reader = "wrb:15091000"
"#;

/// A source of answers, as this text says.
fn source(address: SocketAddr, text: &str) -> Result<Arc<dyn Source>, Vec<Fault>> {
    XtaMailbox.configure(&AdapterSource {
        file: "sources/a.toml",
        text: &(TABLE.replace("{address}", &address.to_string()) + text),
        folder: Path::new("/nowhere"),
        secrets: &NoSecrets,
        clock: Arc::new(FixedClock::default()),
    })
}

struct House {
    server: Arc<Server>,
    source: Arc<dyn Source>,
    desk: TestDesk,
}

impl House {
    /// A mailbox with this message.
    async fn with(text: &str, message: Waiting) -> Self {
        let server = Server::new();
        let address = server.listen().await;
        let source = source(address, text).unwrap_or_else(|faults| panic!("{faults:?}"));
        server.waiting.lock().unwrap().push(message);
        Self { server, source, desk: TestDesk::default() }
    }

    async fn round(&self) -> Round {
        let mut round = Round::default();
        self.source.round(&self.desk, &"gateway".parse().unwrap(), &mut round).await.unwrap();
        round
    }

    fn waits(&self) -> bool {
        !self.server.waiting.lock().unwrap().is_empty()
    }

    fn asked(&self, operation: Operation) -> usize {
        self.server.asked.lock().unwrap().iter().filter(|asked| **asked == operation).count()
    }
}

fn answer(change: impl FnOnce(&mut MessageMetaData)) -> Waiting {
    let mut message = waiting(1);
    message.metadata.in_reply_to = Vec::new();
    message.metadata.requester = process("2027:BR-1");
    message.metadata.responder = process("WB-4711-26");
    change(&mut message.metadata);
    message
}

fn process(value: &str) -> Option<ProcessReference> {
    Some(ProcessReference { value: value.into(), name: None })
}

const NOTICE: &str = "[answers]\nkind = \"notice\"\ntext = \"Ihr Bescheid liegt bei.\"\n";

#[tokio::test]
async fn an_answer_goes_into_the_case_that_we_asked_in_with_all_that_came() {
    let house = House::with(NOTICE, answer(|_| {}).with_documents()).await;
    let round = house.round().await;
    assert_eq!((round.taken, house.waits()), (1, false));
    let kept = house.desk.kept().remove(0);
    assert_eq!(kept.intent.case.unwrap().to_string(), "2027:BR-1", "not what the partner calls it");
    assert_eq!(kept.intent.kind.as_str(), "notice");
    assert_eq!(kept.intent.properties["xta.message-id"], id(1));
    let parts: Vec<_> = kept.parts.iter().map(|part| (part.role, part.name.as_deref())).collect();
    assert_eq!(
        parts,
        [
            (Role::Data, Some("nachricht.xml")),
            (Role::Attachment, Some("bescheid.pdf")),
            (Role::Attachment, Some("merkblatt.pdf")),
        ]
    );
    assert_eq!(kept.parts[1].content, b"%PDF bescheid.pdf");
}

#[tokio::test]
async fn the_number_of_a_case_is_taken_from_where_the_source_says() {
    let (list, version, code) = ("urn:example:angaben".into(), "1".into(), "geschaeftszeichen".into());
    let property = Property { key: Code { list, version, code, name: None }, value: " 66.3/4711 ".into() };
    for (place, expected) in [
        ("", Some("WB-4711-26")),
        ("foreign-id = \"responder\"", Some("WB-4711-26")),
        ("foreign-id = \"requester\"", Some("2027:BR-1")),
        ("foreign-id = \"in-reply-to\"", Some("urn:de:xta:messageid:rohrpost:1")),
        ("foreign-id = { property = \"geschaeftszeichen\" }", Some("66.3/4711")),
        ("foreign-id = { property = \"anderes\" }", None),
    ] {
        let message = answer(|metadata| {
            metadata.in_reply_to = vec!["urn:de:xta:messageid:rohrpost:1".into()];
            metadata.properties.push(property.clone());
        });
        let house = House::with(&format!("{place}\n[answers]\ncase-by = \"foreign-id\"\n"), message).await;
        assert_eq!(house.round().await.taken, 1, "{place}");
        let intent = house.desk.kept().remove(0).intent;
        let number = intent.foreign.first().map(|number| number.as_str().to_owned());
        assert_eq!((number.as_deref(), intent.case), (expected, None), "{place}");
    }
}

#[tokio::test]
async fn what_cannot_be_an_answer_stays_in_the_mailbox_with_its_reason() {
    const ONE: &str = "[[xta.service]]\nuri = \"urn:anderes\"\nservice = \"99128001000000\"\n[answers]\n";
    const NUMBER: &str = "[answers]\ncase-by = \"foreign-id\"\n";
    let named_by_nothing = |metadata: &mut MessageMetaData| {
        (metadata.requester, metadata.responder) = (process("AZ 1/26"), None);
    };
    for (text, message, why) in [
        (NOTICE, answer(named_by_nothing), Why::NoCase),
        (NUMBER, answer(|metadata| metadata.responder = process(&"x".repeat(501))), Why::Malformed),
        (NOTICE, answer(|metadata| metadata.delivery.obsolete_after = long_ago()), Why::Malformed),
        (ONE, answer(|_| {}), Why::NotGranted),
    ] {
        let house = House::with(text, message).await;
        let round = house.round().await;
        assert_eq!((round.taken, round.left, round.named[0].why), (0, 1, why), "{text}");
        assert_eq!((house.waits(), house.desk.kept().len()), (true, 0), "{why:?}");
        assert_eq!(house.asked(Operation::Close), 0, "{why:?}");
    }
    let house = House::with(NOTICE, answer(|_| {})).await;
    house.desk.turn_away(Some(Why::SeveralCases));
    let round = house.round().await;
    assert_eq!((round.named[0].why, house.waits()), (Why::SeveralCases, true));
}

fn long_ago() -> Option<crate::Date> {
    Some(jiff::civil::date(2001, 1, 1).into())
}

#[tokio::test]
async fn a_service_says_what_kind_of_answer_its_messages_are_and_times_hold_for_answers_too() {
    const KINDS: &str = "[[xta.service]]\nuri = \"*\"\nmessage-type = \"baugenehmigung.antrag.0200\"\n\
                         service = \"99128001000000\"\nkind = \"query\"\n[answers]\nkind = \"notice\"\n";
    let house = House::with(KINDS, answer(|_| {})).await;
    house.round().await;
    let intent = house.desk.kept().remove(0).intent;
    assert_eq!(intent.kind.as_str(), "query");
    assert!(intent.not_before.is_some(), "as the metadata say");
}

#[tokio::test]
async fn h3_an_answer_that_was_kept_when_the_hub_was_killed_is_closed_and_not_doubled() {
    let house = House::with(NOTICE, answer(|_| {}).with_documents()).await;
    house.desk.stop_once_kept(true);
    tokio::select! {
        _ = house.round() => panic!("it hears nothing more"),
        () = house.desk.more_than(0) => {}
    }
    assert_eq!((house.waits(), house.asked(Operation::Close)), (true, 0), "it is kept, and not closed");
    house.desk.stop_once_kept(false);
    let fetched = house.asked(Operation::GetMessage);
    let round = house.round().await;
    assert_eq!((round.repeated, house.waits(), house.desk.kept().len()), (1, false, 1));
    assert_eq!(house.asked(Operation::GetMessage), fetched, "its content need not come again");
}

#[test]
fn a_number_that_no_case_is_looked_for_by_is_a_fault_and_so_is_a_kind_that_is_no_answer() {
    let told = |text: &str| {
        let faults = source("127.0.0.1:1".parse().unwrap(), text).err().unwrap_or_default();
        faults.iter().map(|fault| format!("{fault}\n")).collect::<String>()
    };
    let wrong = "[[xta.service]]\nuri = \"*\"\nservice = \"99128001000000\"\nkind = \"application\"\n";
    for (text, expected) in [
        ("foreign-id = \"responder\"\n", "sources/a.toml:5:14: no case is looked for by this number"),
        (&format!("foreign-id = \"responder\"\n{NOTICE}"), "case-by = \"foreign-id\""),
        (&format!("foreign-id = \"sender\"\n{NOTICE}"), "unknown variant `sender`"),
        (&format!("{wrong}{NOTICE}"), "sources/a.toml:8:8: this is no answer"),
    ] {
        assert!(told(text).contains(expected), "{text}: {}", told(text));
    }
    assert_eq!(told(wrong), "", "without answers it is an application");
}
