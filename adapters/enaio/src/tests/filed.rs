//! What is filed, what is asked for it, and what enaio's answers mean.

use super::peer::{COOKIE, EnaioPeer, Made};
use super::{ATTACHMENT, DOCUMENT, FOLDER, PASSWORD, REGISTER, SETTINGS, StepClock, configured};
use rohrpost_kit::conformance::{Peer, Sample};
use rohrpost_model::document::Enclosed;
use rohrpost_model::ports::{Inquiry, Target};
use rohrpost_model::{Digest, Failure, Outcome, ReasonCode, Receipt};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const CASE: &str = "2026:BR-4711";

fn with_index(media_type: &str, content: &'static str) -> Sample {
    let mut sample = Sample::new();
    let (name, content) = ("kopfdaten".parse().unwrap(), bytes::Bytes::from_static(content.as_bytes()));
    sample.enclosed.push(Enclosed { name, media_type: media_type.into(), content });
    sample
}

async fn both() -> [EnaioPeer; 2] {
    [EnaioPeer::new("osrest", "basic").await, EnaioPeer::new("dms", "basic").await]
}

fn kinds(made: &[Made]) -> Vec<&str> {
    made.iter().map(|made| made.kind.as_str()).collect()
}

fn code(outcome: &Result<Outcome, Failure>) -> ReasonCode {
    outcome.as_ref().unwrap_err().reason().code
}

async fn reference(target: &dyn Target, sample: &Sample) -> String {
    match target.deliver(&sample.parcel(1)).await {
        Ok(Outcome::Done(receipt)) => receipt.reference.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_folder_holds_a_register_holds_the_documents_with_their_fields() {
    for peer in both().await {
        let index = r#"{"folder": {"Amt": "66", "Kennung": "fremd"}, "document": {"Seiten": 3}}"#;
        let sample = with_index("application/json", index).with_attachment(Some("Lageplan.pdf"), 10);
        let id = reference(peer.target().as_ref(), &sample).await;
        let made = peer.made();
        assert_eq!(kinds(&made), [FOLDER, REGISTER, ATTACHMENT, DOCUMENT], "the message comes last");
        let parents: Vec<_> = made.iter().map(|made| made.parent.as_deref()).collect();
        assert_eq!(parents, [None, Some("1000"), Some("1001"), Some("1001")]);
        let field = |at: usize, name: &str| made[at].fields[name].as_str();
        assert_eq!(field(0, "Kennung"), format!("lk-beispiel/{CASE}"), "the hub's mark goes over all");
        assert_eq!((field(0, "Amt"), field(0, "Titel")), ("66", "Vorgang 2026:BR-4711"));
        assert_eq!(field(1, "Kennung"), CASE);
        assert_eq!(field(2, "Kennung"), format!("{}/a1", sample.key));
        assert_eq!(field(2, "Betreff"), "Lageplan.pdf");
        assert_eq!(field(3, "Kennung"), sample.key.to_string());
        assert_eq!((field(3, "Betreff"), field(3, "Seiten")), ("Antrag", "3"));
        let message = ("2026_BR-4711.xml".to_owned(), Digest::of(&sample.message));
        assert_eq!(made[3].file, Some(message));
        assert_eq!(id, made[3].id, "its reference is the message's id");
    }
}

#[tokio::test]
async fn osrest_is_asked_as_it_is_documented() {
    let peer = EnaioPeer::new("osrest", "basic").await;
    reference(peer.target().as_ref(), &Sample::new()).await;
    let lines = peer.lines();
    let expected = ["search", "insert", "search", "insert/1000", "search", "insert/1001"];
    let expected = expected.map(|path| format!("POST /osrest/api/documents/{path} HTTP/1.1"));
    assert_eq!(lines, expected);
    let asked = peer.state.lock().unwrap().asked.clone();
    let mark = format!("lk-beispiel/{CASE}");
    let query = json!({ "query": { "objectTypeId": FOLDER, "fields": { "Kennung": { "value": mark } } } });
    assert_eq!(asked[0].json, query);
    assert_eq!(asked[1].json["objectTypeId"], FOLDER);
    assert_eq!(asked[1].json["fields"]["Amt"]["value"], "32");
}

#[tokio::test]
async fn the_dms_service_is_asked_as_it_is_documented() {
    let peer = EnaioPeer::new("dms", "basic").await;
    reference(peer.target().as_ref(), &Sample::new()).await;
    let expected = ["objects/search", "objects?minimalResponse=true"];
    let expected = expected.repeat(3).into_iter().map(|path| format!("POST /api/dms/{path} HTTP/1.1"));
    assert_eq!(peer.lines(), expected.collect::<Vec<_>>());
    let asked = peer.state.lock().unwrap().asked.clone();
    assert_eq!(
        asked[0].json["query"]["statement"],
        "SELECT system:objectId FROM Typ_Akte WHERE Kennung=@mark"
    );
    assert_eq!(asked[1].headers["content-type"], "application/json", "a folder has no file");
    let properties = &asked[3].json["objects"][0]["properties"];
    assert_eq!(properties["system:objectTypeId"]["value"], REGISTER);
    assert_eq!(properties["system:parentId"]["value"], "1000");
    let stream = &asked[5].json["objects"][0]["contentStreams"][0];
    let expected =
        json!({ "mimeType": "application/xml", "fileName": "2026_BR-4711.xml", "cid": "cid_document" });
    assert_eq!(*stream, expected);
}

#[tokio::test]
async fn after_a_crash_what_is_recorded_is_neither_made_nor_asked_for_again() {
    for peer in both().await {
        let sample = Sample::new();
        sample.progress.record("folder", "77").await.unwrap();
        sample.progress.record("register", "78").await.unwrap();
        reference(peer.target().as_ref(), &sample).await;
        assert_eq!(kinds(&peer.made()), [DOCUMENT]);
        assert_eq!(peer.made()[0].parent.as_deref(), Some("78"));
        assert_eq!(peer.lines().len(), 2, "only the document is asked for and made");
        let recorded = |key| sample.progress.get(key);
        assert_eq!(recorded("document"), Some("1000".into()));
        assert_eq!(recorded("sent"), Some(sample.parcel(1).sent_sha256.to_string()));
    }
}

#[tokio::test]
async fn deliveries_of_one_case_share_its_folder_also_at_the_same_time_and_over_configurations() {
    for peer in both().await {
        let (one, other) = (peer.target_with(peer.cases.clone()), peer.target_with(peer.cases.clone()));
        let samples: Vec<_> = (0..8).map(|_| Sample::new()).collect();
        let parcels: Vec<_> = samples.iter().map(|sample| sample.parcel(1)).collect();
        let deliveries = parcels.iter().enumerate().map(|(number, parcel)| {
            let target = if number % 2 == 0 { &one } else { &other };
            target.deliver(parcel)
        });
        let outcomes = futures::future::join_all(deliveries).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        let made = peer.made();
        let count = |kind| made.iter().filter(|made| made.kind == kind).count();
        assert_eq!((count(FOLDER), count(REGISTER), count(DOCUMENT)), (1, 1, 8));
    }
}

/// A Nachreichung is another submission with another delivery, and months may lie between; its case is the same.
#[tokio::test]
async fn an_amendment_lands_in_the_folder_of_its_application() {
    for peer in both().await {
        let application = Sample::new();
        reference(peer.target().as_ref(), &application).await;
        let mut amendment = Sample::new();
        amendment.submission.kind = "amendment".parse().unwrap();
        amendment.submission.sequence = 2;
        reference(peer.target().as_ref(), &amendment).await;
        let made = peer.made();
        assert_eq!(kinds(&made), [FOLDER, REGISTER, DOCUMENT, DOCUMENT]);
        assert_eq!(made[2].parent, made[3].parent, "one register holds both");
    }
}

/// The server is slow: it makes the folder after the hub has given up, and after the folder was searched for.
#[tokio::test]
async fn h5_a_folder_that_comes_late_is_not_made_twice() {
    for peer in both().await {
        let (target, sample, beside) = (peer.target_with(peer.cases.clone()), Sample::new(), Sample::new());
        peer.holds_back();
        let torn = target.deliver(&sample.parcel(1)).await;
        assert!(matches!(torn, Err(Failure::Unknown(_))), "{torn:?}");
        assert_eq!(target.inquire(&sample.parcel(1), None).await, Ok(Inquiry::Unfinished));
        let restarted = peer.target();
        for (who, waits) in [
            ("itself", target.deliver(&sample.parcel(2)).await),
            ("after a restart", restarted.deliver(&sample.parcel(2)).await),
            ("another one of its case", target.deliver(&beside.parcel(1)).await),
        ] {
            let Err(Failure::Unavailable { reason, retry_after }) = waits else { panic!("{who}: {waits:?}") };
            assert_eq!(
                (reason.code, retry_after),
                (ReasonCode::CallOutstanding, Some(Duration::from_secs(120)))
            );
        }
        peer.catches_up();
        reference(target.as_ref(), &sample).await;
        reference(target.as_ref(), &beside).await;
        assert_eq!(kinds(&peer.made()), [FOLDER, REGISTER, DOCUMENT, DOCUMENT]);
    }
}

#[tokio::test]
async fn h5_what_never_came_is_made_once_the_longest_call_is_over() {
    let peer = EnaioPeer::new("osrest", "basic").await;
    let (target, sample) = (peer.target(), Sample::new());
    peer.holds_back();
    assert!(target.deliver(&sample.parcel(1)).await.is_err());
    peer.state.lock().unwrap().forget_what_is_late();
    peer.clock.advance(Duration::from_secs(119));
    assert_eq!(code(&target.deliver(&sample.parcel(2)).await), ReasonCode::CallOutstanding);
    peer.clock.advance(Duration::from_secs(1));
    reference(target.as_ref(), &sample).await;
}

#[tokio::test]
async fn h8_a_mended_delivery_replaces_what_it_filed_before() {
    for peer in both().await {
        let mut sample = Sample::new().with_attachment(Some("a.pdf"), 10);
        let (target, first) = (peer.target(), Sample::new());
        reference(target.as_ref(), &first).await;
        let id = reference(target.as_ref(), &sample).await;
        sample.message = bytes::Bytes::from_static(b"<mended/>");
        assert_eq!(target.inquire(&sample.parcel(2), None).await, Ok(Inquiry::Unfinished));
        assert_eq!(reference(target.as_ref(), &sample).await, id, "it is the same document");
        let made = peer.made();
        assert_eq!(made.len(), 5);
        let message = made.iter().find(|made| made.id == id).unwrap();
        assert_eq!(message.file.as_ref().unwrap().1, Digest::of(b"<mended/>"));
        assert!(matches!(target.inquire(&sample.parcel(2), None).await, Ok(Inquiry::Found(_))));
        let requests = peer.requests();
        reference(target.as_ref(), &sample).await;
        assert_eq!(peer.requests(), requests, "it is not replaced again");
    }
}

#[tokio::test]
async fn several_with_the_same_mark_are_for_a_person() {
    for peer in both().await {
        let (target, sample) = (peer.target(), Sample::new());
        reference(target.as_ref(), &sample).await;
        let double = peer.made();
        peer.state.lock().unwrap().made.extend(double);
        let mut lost = Sample::new();
        lost.key = sample.key;
        let outcome = target.deliver(&lost.parcel(1)).await;
        assert!(matches!(&outcome, Err(Failure::Refused(_))) && code(&outcome) == ReasonCode::SeveralFound);
        let asked = target.inquire(&lost.parcel(1), None).await;
        assert!(matches!(&asked, Err(Failure::Refused(why)) if why.code == ReasonCode::SeveralFound));
    }
}

#[tokio::test]
async fn errors_are_told_by_enaios_own_word_before_the_status() {
    let delivered = async |path: &str, status, body: &str| {
        let peer = EnaioPeer::new("osrest", "basic").await;
        peer.answers(path, status, body);
        let target = peer.target();
        target.deliver(&Sample::new().parcel(1)).await
    };
    let refused = delivered("/insert", 500, r#"{"ErrorType":"PARAMETER_ERROR","HttpStatusCode":500}"#).await;
    assert!(matches!(refused, Err(Failure::Refused(_))), "{refused:?}");
    let unknown = delivered("/insert", 500, r#"{"ErrorType":"OTHER"}"#).await;
    assert!(matches!(unknown, Err(Failure::Unknown(_))), "{unknown:?}");
    let unread = delivered("/insert", 200, "<html/>").await;
    assert!(matches!(unread, Err(Failure::Unknown(_))), "it made something, and nobody knows what");
    for (status, body) in [(500, ""), (502, ""), (200, "<html/>"), (200, r#"[{"id":"1"}]"#)] {
        let asked = delivered("/search", status, body).await;
        assert!(matches!(asked, Err(Failure::Unavailable { .. })), "a question makes nothing: {asked:?}");
    }
    let who = delivered("/search", 401, PASSWORD).await;
    assert!(matches!(&who, Err(Failure::Refused(_))) && code(&who) == ReasonCode::CredentialsRefused);
}

#[tokio::test]
async fn a_refused_call_is_over_and_the_next_attempt_need_not_wait() {
    let peer = EnaioPeer::new("osrest", "basic").await;
    let (target, sample) = (peer.target(), Sample::new());
    peer.answers("/insert/1001", 503, "");
    assert!(matches!(target.deliver(&sample.parcel(1)).await, Err(Failure::Unavailable { .. })));
    reference(target.as_ref(), &sample).await;
}

#[tokio::test]
async fn one_session_serves_many_deliveries_and_is_begun_anew_when_it_ended() {
    let peer = EnaioPeer::new("osrest", "session").await;
    let (target, sample) = (peer.target(), Sample::new());
    reference(target.as_ref(), &Sample::new()).await;
    reference(target.as_ref(), &sample).await;
    let log_ins = || peer.lines().iter().filter(|line| line.contains("/session ")).count();
    assert_eq!(log_ins(), 1);
    let asked = peer.state.lock().unwrap().asked.clone();
    assert!(asked[0].headers["authorization"].starts_with("Basic "));
    assert!(asked[1..].iter().all(|asked| asked.headers["cookie"] == COOKIE));
    assert!(asked[1..].iter().all(|asked| !asked.headers.contains_key("authorization")));
    let next = Sample::new();
    peer.answers("/search", 401, "");
    let ended = target.deliver(&next.parcel(1)).await;
    let at_once = Some(Duration::ZERO);
    assert!(matches!(ended, Err(Failure::Unavailable { retry_after, .. }) if retry_after == at_once));
    reference(target.as_ref(), &next).await;
    assert_eq!(log_ins(), 2);
    let fresh = peer.target();
    peer.answers("/search", 401, "");
    let refused = fresh.deliver(&Sample::new().parcel(1)).await;
    assert!(matches!(refused, Err(Failure::Refused(_))), "a session that was just begun has not ended");
}

#[tokio::test]
async fn what_cannot_be_filed_is_told_before_anything_is_asked() {
    let peer = EnaioPeer::new("osrest", "basic").await;
    let target = peer.target();
    for (media_type, index) in [("application/json", "[]"), ("application/xml", "<index><x/></index>")] {
        let outcome = target.deliver(&with_index(media_type, index).parcel(1)).await;
        assert!(matches!(outcome, Err(Failure::Defect(_))), "{outcome:?}");
    }
    assert_eq!(peer.requests(), 0);
}

/// What another system answered may hold anything; in a search it must not stand for more than itself.
#[tokio::test]
async fn a_mark_that_would_find_others_is_refused() {
    let text = SETTINGS.replace("key = \"{case}\"", "key = \"{receipt:fachverfahren}\"");
    let text = text.replace("{url}", "https://enaio.example.org").replace("{interface}", "osrest");
    let target =
        configured(&text.replace("{login}", "basic"), Arc::default(), Arc::new(StepClock::default()));
    let target = target.unwrap();
    for reference in ["A*", "A?", "%", " "] {
        let mut sample = Sample::new();
        let receipt = Receipt { reference: Some(reference.into()), ..Receipt::default() };
        sample.receipts.insert("fachverfahren".parse().unwrap(), receipt);
        let outcome = target.deliver(&sample.parcel(1)).await;
        assert!(matches!(outcome, Err(Failure::Defect(_))), "{reference}: {outcome:?}");
    }
}
