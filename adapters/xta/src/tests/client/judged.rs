//! What a partner's answers mean for a delivery.

use super::*;
use crate::Fault as SoapFault;
use crate::{Blame, FaultCode, Form, Operation};
use rohrpost_kit::conformance::Sample;
use rohrpost_model::ports::{Inquiry, Probe};
use rohrpost_model::submission::ReplyChannel;
use rohrpost_model::{Failure, Outcome, ReasonCode};

async fn peer() -> (Arc<Server>, Arc<dyn Target>) {
    let server = Server::new();
    let address = server.listen().await;
    (server, target(address, ""))
}

fn reference(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted { receipt, .. } | Outcome::Done(receipt) => receipt.reference.clone().unwrap(),
    }
}

#[tokio::test]
async fn what_is_sent_says_who_to_whom_and_what() {
    let (server, target) = peer().await;
    let sample =
        Sample::new().with_signature().with_attachment(Some("Plan.pdf"), 10).called("a1", "1_Plan.pdf");
    let parcel = sample.parcel(1);
    target.deliver(&parcel).await.unwrap();
    let kept = server.kept.lock().unwrap().values().next().unwrap().clone();
    let metadata = kept.metadata;
    assert_eq!(kept.form, Form::Inline, "parts only where the partner is known to take them");
    assert_eq!(metadata.author.identifier.value, "lap:15000000");
    assert_eq!(metadata.reader.identifier.category.as_deref(), Some("Wasserrechtsbehörde"));
    assert_eq!(metadata.qualifier.service, "http://www.example.org/brunnen.wsdl");
    assert_eq!(metadata.qualifier.message_type.payload_schema, "urn:example:brunnen");
    let case = parcel.submission.case.to_string();
    assert_eq!(metadata.qualifier.subject, Some(format!("Vorgang {case}")));
    assert_eq!(metadata.requester.unwrap().value, case);
    assert_eq!(metadata.test, parcel.submission.test);
    crate::ids::check(&metadata.message_id).unwrap();
}

#[tokio::test]
async fn an_answer_says_which_message_it_answers_and_nothing_else_does() {
    for (kind, expected) in [("notice", Some("urn:de:xta:messageid:Portal:4711")), ("application", None)] {
        let (server, target) = peer().await;
        let mut sample = Sample::new();
        sample.submission.kind = kind.parse().unwrap();
        let message_id = "urn:de:xta:messageid:Portal:4711".to_owned();
        sample.submission.reply = Some(ReplyChannel::Xta { message_id });
        target.deliver(&sample.parcel(1)).await.unwrap();
        let kept = server.kept.lock().unwrap().values().next().unwrap().clone();
        assert_eq!(kept.metadata.in_reply_to.first().map(String::as_str), expected, "{kind}");
    }
}

#[tokio::test]
async fn h4_a_message_id_stands_for_one_delivery_with_one_content() {
    let (server, target) = peer().await;
    let sample = Sample::new();
    let first = target.deliver(&sample.parcel(1)).await.unwrap();
    let again = target.deliver(&sample.parcel(2)).await.unwrap();
    assert_eq!(first, again, "what is taken already is as good as taken now");
    let mut mended = sample.parcel(3);
    mended.message = bytes::Bytes::from_static(b"<mended/>");
    mended.sent_sha256 = rohrpost_model::document::manifest(&mended.message, None, &[], std::iter::empty());
    let other = target.deliver(&mended).await.unwrap();
    assert_ne!(reference(&first), reference(&other), "what a person changed is another message");
    assert_eq!(server.kept.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_report_says_what_became_of_it() {
    let (server, target) = peer().await;
    let sample = Sample::new();
    let parcel = sample.parcel(1);
    let taken = target.deliver(&parcel).await.unwrap();
    assert!(matches!(taken, Outcome::Accepted { .. }), "the server has it, its reader may not: {taken:?}");
    let id = reference(&taken);
    light(&server, TransportStatus::Open);
    assert_eq!(target.inquire(&parcel, Some(&id)).await, Ok(Inquiry::NoWord), "open: asked again later");
    for (colour, code) in [(TransportStatus::Green, "1"), (TransportStatus::Yellow, "2")] {
        light(&server, colour);
        let Ok(Inquiry::Found(Outcome::Done(receipt))) = target.inquire(&parcel, Some(&id)).await else {
            panic!("{colour:?} is final")
        };
        assert_eq!((receipt.code.as_deref(), receipt.reference), (Some(code), Some(id.clone())));
    }
    light(&server, TransportStatus::Red);
    let Err(Failure::Refused(reason)) = target.inquire(&parcel, Some(&id)).await else {
        panic!("red is final")
    };
    assert_eq!(reason.code, ReasonCode::ReportedFailed);
}

#[tokio::test]
async fn h5_what_the_server_does_not_know_is_absent_unless_it_had_taken_it() {
    let (server, target) = peer().await;
    let sample = Sample::new();
    assert_eq!(target.inquire(&sample.parcel(1), None).await, Ok(Inquiry::Absent));
    let id = reference(&target.deliver(&sample.parcel(1)).await.unwrap());
    server.kept.lock().unwrap().clear();
    let asked = target.inquire(&sample.parcel(1), Some(&id)).await;
    assert_eq!(asked, Ok(Inquiry::NoWord), "a report that is gone is no reason to send again");
}

#[tokio::test]
async fn faults_are_judged_by_their_code() {
    let (server, target) = peer().await;
    let sample = Sample::new();
    let parcel = sample.parcel(1);
    let judged = |code: FaultCode, status: u16| {
        *server.fault.lock().unwrap() = Some((status, SoapFault::of(code)));
        target.deliver(&parcel)
    };
    use FaultCode as C;
    for status in [200, 400, 500] {
        for code in [C::Unspecified, C::Internal, C::Directory, C::DeliveryFailed] {
            let failure = judged(code, status).await.unwrap_err();
            assert!(matches!(failure, Failure::Unknown(_)), "it may have been taken: {code:?} {failure:?}");
        }
        for code in [C::CertificateExpired, C::AccountLocked, C::AccountUnknown, C::NotTheAuthor] {
            let failure = judged(code, status).await.unwrap_err();
            let Failure::Refused(reason) = failure else { panic!("{code:?}: {failure:?}") };
            assert_eq!(reason.code, ReasonCode::CredentialsRefused, "{code:?}");
            assert!(reason.german().contains(code.number()), "{}", reason.german());
        }
        for code in [C::TooLarge, C::NotSchemaValid, C::ViolatesProfile, C::Malware, C::OnlySynchronous] {
            let failure = judged(code, status).await.unwrap_err();
            let Failure::Refused(reason) = failure else { panic!("{code:?}: {failure:?}") };
            assert!(reason.german().contains(code.text().trim_end_matches('.')), "{}", reason.german());
        }
    }
    let free = SoapFault::of_soap(Blame::Receiver, "Erika Mustermann ist nicht erreichbar");
    *server.fault.lock().unwrap() = Some((500, free));
    let failure = target.deliver(&sample.parcel(1)).await.unwrap_err();
    assert!(matches!(failure, Failure::Unknown(_)), "{failure:?}");
    assert!(!format!("{failure:?}").contains("Erika"), "h10: the partner's own words may quote the message");
}

#[tokio::test]
async fn a_question_that_is_not_answered_is_asked_again() {
    let (server, target) = peer().await;
    let sample = Sample::new();
    for code in [FaultCode::Internal, FaultCode::AccountLocked] {
        *server.fault.lock().unwrap() = Some((500, SoapFault::of(code)));
        let failure = target.inquire(&sample.parcel(1), None).await.unwrap_err();
        assert!(matches!(failure, Failure::Unavailable { .. }), "{failure:?}");
    }
}

#[tokio::test]
async fn what_is_too_large_for_the_partner_does_not_leave() {
    let server = Server::new();
    let target = target(server.listen().await, "max-size = \"1 KB\"\n");
    let sample = Sample::new().with_attachment(Some("a.pdf"), 2000);
    let failure = target.deliver(&sample.parcel(1)).await.unwrap_err();
    assert!(failure.reason().german().contains("9023"), "{failure:?}");
    assert!(server.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn without_reports_the_answer_is_the_final_word() {
    let server = Server::new();
    let target = target(server.listen().await, "final = \"answer\"\n");
    let sample = Sample::new();
    assert!(matches!(target.deliver(&sample.parcel(1)).await, Ok(Outcome::Done(_))));
    light(&server, TransportStatus::Open);
    let found = target.inquire(&sample.parcel(1), None).await;
    assert!(matches!(found, Ok(Inquiry::Found(Outcome::Done(_)))), "after a torn connection: {found:?}");
}

#[tokio::test]
async fn a_probe_asks_for_account_and_reader_and_sends_nothing() {
    let (server, target) = peer().await;
    *server.availability.lock().unwrap() = crate::Availability::NotAvailable;
    let mut probe = Probe::default();
    target.probe(&mut probe).await;
    assert!(!probe.is_well(), "a reader who does not offer the service is told: {probe:?}");
    assert_eq!(*server.asked.lock().unwrap(), [Operation::CheckAccountActive, Operation::LookupService]);
}
