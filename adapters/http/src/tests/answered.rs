//! What a target answers at once is an answer in the case, once.

use super::{configure, target};
use rohrpost_kit::conformance::{CONTENT_MARK, Cut, Log, Said, Sample, StandIn, TestDesk};
use rohrpost_model::ports::{Desk, Inquiry, Target, Why};
use rohrpost_model::{Failure, Outcome, ReasonCode};
use std::sync::Arc;

const SETTINGS: &str = r#"
[http]
url = "http://127.0.0.1:{port}/in"
deduplicates = true
[http.status]
"409" = "done"
[http.connection]
answer-limit = "1 KB"
[http.answer]
client = "amt"
reference = { json-pointer = "/reference", optional = true }
"#;

const SAID: &str = r#"{"kind":"status","text":"Mustermann-Inhalt liegt vor.","reference":"WB 4711/26"}"#;

/// A Fachverfahren, the hub's desk, and a delivery.
struct Office {
    stand_in: StandIn,
    desk: TestDesk,
    shown: Arc<dyn Desk>,
    sample: Sample,
}

impl Office {
    async fn new() -> Self {
        Self::answering(200, SAID).await
    }

    async fn answering(status: u16, body: &'static str) -> Self {
        let stand_in = StandIn::start(|_| true, move |_| Said::new(status, body)).await.unwrap();
        let desk = TestDesk::default();
        Self { stand_in, shown: Arc::new(desk.clone()), desk, sample: Sample::new() }
    }

    /// As it is after each start of the hub.
    fn target(&self, settings: &str) -> Arc<dyn Target> {
        let target = target(self.stand_in.address(), settings);
        target.meet(&self.shown);
        target
    }

    async fn deliver(&self) -> Result<Outcome, Failure> {
        self.target(SETTINGS).deliver(&self.sample.parcel(1)).await
    }

    async fn ask(&self, settings: &str) -> Result<Inquiry, Failure> {
        self.target(settings).inquire(&self.sample.parcel(1), None).await
    }

    /// Delivers, and the hub is killed once the answer is kept.
    async fn killed_once_kept(&self) {
        self.desk.stop_once_kept(true);
        tokio::select! {
            outcome = self.deliver() => panic!("it went on: {outcome:?}"),
            () = self.desk.more_than(0) => {}
        }
        self.desk.stop_once_kept(false);
    }
}

fn reference(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Done(receipt) => receipt.reference.as_deref(),
        Outcome::Accepted { .. } => panic!("{outcome:?}"),
    }
}

fn code(failed: Result<impl std::fmt::Debug, Failure>) -> (String, ReasonCode) {
    let failure = failed.unwrap_err();
    let reason = failure.reason();
    (reason.params.get("why").cloned().unwrap_or_default(), reason.code)
}

#[tokio::test]
async fn what_the_target_answers_is_in_the_case_before_it_counts_as_delivered() {
    let (office, log) = (Office::new().await, Log::default());
    let outcome = {
        let _listening = log.listen();
        office.deliver().await.unwrap()
    };
    assert_eq!(reference(&outcome), Some("WB 4711/26"));
    let kept = office.desk.kept();
    let (intent, parts) = (&kept[0].intent, &kept[0].parts);
    assert_eq!((kept.len(), parts.len(), parts[0].content.as_slice()), (1, 1, SAID.as_bytes()));
    let own = &office.sample.submission;
    assert_eq!((intent.tenant.as_ref(), intent.case.as_ref()), (Some(&own.tenant), Some(&own.case)), "h7");
    assert_eq!(intent.idempotency_key, Some(format!("answer:{}", office.sample.key)), "h3");
    assert!(!log.text().contains(CONTENT_MARK), "h10: {}", log.text());
}

#[tokio::test]
async fn without_an_answer_it_is_delivered_as_ever() {
    for (status, body) in [(204, ""), (200, ""), (201, " \r\n")] {
        let office = Office::answering(status, body).await;
        office.deliver().await.unwrap();
        assert_eq!((office.desk.begun(), office.sample.recorded()), (0, 0), "{status} {body:?}");
    }
}

#[tokio::test]
async fn a_document_goes_along_with_a_text_under_a_name() {
    let office = Office::new().await;
    let settings = SETTINGS.replace("client", "kind = \"notice\"\ntext = \"Ihr Bescheid.\"\nclient");
    let mut pdf = Said::new(200, "%PDF-1.7");
    pdf.headers.push(("Content-Type".into(), "application/pdf; x=y".into()));
    office.stand_in.answers("/in", pdf);
    office.target(&settings).deliver(&office.sample.parcel(1)).await.unwrap();
    let kept = office.desk.kept();
    let part = &kept[0].parts[0];
    assert_eq!((part.name.as_deref(), part.media_type.as_str()), (Some("antwort.pdf"), "application/pdf"));
    assert_eq!(kept[0].intent.kind.as_str(), "notice");
}

#[tokio::test]
async fn h5_killed_once_the_answer_is_kept_nothing_is_sent_again() {
    let office = Office::new().await;
    office.killed_once_kept().await;
    let Inquiry::Found(found) = office.ask(SETTINGS).await.unwrap() else { panic!("it is not found") };
    assert_eq!(reference(&found), Some("WB 4711/26"), "the reference is not forgotten");
    let again = office.deliver().await.unwrap();
    assert_eq!((reference(&again), office.stand_in.calls().len()), (Some("WB 4711/26"), 1));
    assert_eq!((office.desk.kept().len(), office.desk.repeated()), (1, 0));
}

#[tokio::test]
async fn h5_an_answer_that_did_not_come_is_asked_for_under_the_same_key_only_where_that_does_no_harm() {
    let settings =
        format!("{SETTINGS}[http.inquire]\nurl = \"http://127.0.0.1:{{port}}/ist\"\nabsent = [404]\n");
    let plain = settings.replace("deduplicates = true", "deduplicates = false");
    let office = Office::new().await;
    office.stand_in.cut(1, Cut::TornAfter);
    assert_eq!(code(office.deliver().await).1, ReasonCode::Torn);
    assert_eq!(office.ask(&settings).await, Ok(Inquiry::Unfinished), "it is there, and its answer is not");
    assert_eq!(code(office.ask(&plain).await).1, ReasonCode::AnswerLost);
    office.stand_in.answers("/ist", Said::new(404, ""));
    assert_eq!(office.ask(&settings).await, Ok(Inquiry::Absent));
    office.deliver().await.unwrap();
    let keys: Vec<_> = office
        .stand_in
        .calls()
        .iter()
        .filter_map(|call| call.headers.get("idempotency-key").cloned())
        .collect();
    assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
    assert_eq!(office.desk.kept().len(), 1);
}

#[tokio::test]
async fn h5_where_the_desk_is_not_there_the_target_is_asked_again_under_the_same_key() {
    let office = Office::new().await;
    office.desk.turn_away(Some(Why::Unavailable));
    assert!(matches!(office.deliver().await, Err(Failure::Unknown(_))), "the target has it");
    assert_eq!(office.desk.begun(), 4, "it waits for room");
    let plain = SETTINGS.replace("deduplicates = true", "deduplicates = false");
    assert_eq!(code(office.ask(&plain).await).1, ReasonCode::AnswerLost, "no second document there");
    assert_eq!(office.ask(SETTINGS).await, Ok(Inquiry::Unfinished));
    office.desk.turn_away(None);
    office.deliver().await.unwrap();
    assert_eq!(office.desk.kept().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_refused_waits_for_a_person() {
    let office = Office::new().await;
    for (why, word) in
        [(Why::Malformed, "malformed"), (Why::NotGranted, "not-granted"), (Why::NoCase, "no-case")]
    {
        office.desk.turn_away(Some(why));
        let failed = office.deliver().await;
        assert!(matches!(failed, Err(Failure::Refused(_))), "it is not sent for ever: {failed:?}");
        assert_eq!(code(failed), (word.to_owned(), ReasonCode::AnswerRefused));
    }
    office.desk.turn_away(None);
    office.deliver().await.unwrap();
    assert_eq!(
        (office.desk.kept().len(), office.stand_in.calls().len()),
        (1, 4),
        "mended, it is asked again"
    );
}

#[tokio::test]
async fn an_answer_that_is_too_long_or_not_said_again_waits_for_a_person() {
    let office = Office::new().await;
    office.stand_in.answers("/in", Said::new(200, vec![b'x'; 2000]));
    assert_eq!(code(office.deliver().await), ("answer-limit".into(), ReasonCode::AnswerRefused));
    office.stand_in.answers("/in", Said::new(409, "{}"));
    assert_eq!(code(office.deliver().await).1, ReasonCode::AnswerLost, "it says that it was there already");
    office.desk.turn_away(Some(Why::Malformed));
    code(office.deliver().await);
    office.stand_in.answers("/in", Said::new(200, ""));
    assert_eq!(code(office.deliver().await).1, ReasonCode::AnswerLost, "it had said something");
    assert_eq!(office.desk.kept().len(), 0);
}

/// The hub was still keeping the first one when the target was asked again, and it says the time with each.
#[tokio::test]
async fn h3_what_was_answered_first_stays() {
    let mut office = Office::new().await;
    office.desk.turn_away(Some(Why::OtherContent));
    assert_eq!(code(office.deliver().await), ("other-content".into(), ReasonCode::AnswerRefused));
    office.deliver().await.unwrap();
    office.sample.message = "<mended/>".into();
    assert_eq!(code(office.deliver().await).1, ReasonCode::AnswerRefused, "other content, another answer");
}

#[tokio::test]
async fn an_answer_is_never_answered() {
    let mut office = Office::new().await;
    office.sample.submission.kind = "notice".parse().unwrap();
    let failed = office.deliver().await;
    assert!(matches!(failed, Err(Failure::Defect(_))), "{failed:?}");
    assert_eq!(office.stand_in.calls().len(), 0, "nothing is sent");
    let foreseen = office.target(SETTINGS).preview(&office.sample.parcel(1)).await;
    assert!(matches!(foreseen, Err(Failure::Defect(_))), "{foreseen:?}");
}

#[test]
fn what_cannot_make_an_answer_is_told_with_its_place() {
    let told = |answer: &str| {
        let text = format!("[http]\nurl = \"https://a.example/\"\n[http.answer]\n{answer}\n");
        configure(&text)
            .err()
            .unwrap_or_default()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    for (answer, right) in [
        ("client = \"amt\"", ""),
        ("kind = \"status\"", "4:8: nobody is named who answers; add `client`"),
        ("client = \"amt\"\ntext = \"x\"", "5:8: nothing says what kind of answer it is"),
        ("client = \"amt\"\nkind = \"application\"", "5:8: this is no answer"),
        (
            "client = \"amt\"\nkind = \"status\"\nmapping = \"m\"\ntext = \"x\"",
            "7:8: a mapping makes the text itself",
        ),
        (
            "client = \"amt\"\ncase-by = \"case\"",
            "5:1: unknown key `case-by`; leave it out: what a target answers at once",
        ),
        (
            "client = \"amt\"\nsystem = \"dms\"",
            "5:1: unknown key `system`; leave it out: what a target answers at once",
        ),
    ] {
        let found = told(answer);
        assert!(found.contains(right) && (right.is_empty() == found.is_empty()), "{answer}: {found}");
    }
    let target =
        configure("[http]\nurl = \"https://a.example/\"\nanswer = { client = \"amt\", mapping = \"m\" }\n")
            .unwrap();
    assert_eq!(target.hands_in_as().map(|it| it.as_str()), Some("amt"));
    assert_eq!(target.answers_by().map(|it| it.as_str()), Some("m"));
}
