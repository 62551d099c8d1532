//! What stands at the broker after a delivery, and what becomes of what it does not take.

use super::{Other, fresh, shared, target};
use lapin::types::{AMQPValue, FieldTable};
use rohrpost_kit::conformance::Sample;
use rohrpost_model::ports::{Inquiry, Probe, Target};
use rohrpost_model::{Failure, Outcome, ReasonCode};
use std::sync::Arc;

fn to(port: u16, exchange: &str, key: &str, further: &str) -> Arc<dyn Target> {
    let text = format!(
        "[amqp]\nurl = \"amqp://127.0.0.1:{port}\"\nuser = \"hub\"\npassword = {{ file = \"password\" }}\n\
         exchange = \"{exchange}\"\nrouting-key = \"{key}\"\n{further}"
    );
    target(&text).unwrap()
}

#[tokio::test]
async fn the_message_is_the_document_and_the_facts_are_its_headers() {
    let Some(rabbit) = shared() else { return };
    let (other, exchange, queue) = (Other::at(rabbit.port()).await, fresh("exchange"), fresh("queue"));
    other.exchange(&exchange).await;
    other.queue(&queue).await;
    other.bind(&queue, &exchange).await;
    let further = "headers = { \"x-akte\" = \"A/{case}\" }\n";
    let target = to(rabbit.port(), &exchange, "{service}.{area}.{kind}", further);
    let sample = Sample::new();
    let outcome = target.deliver(&sample.parcel(1)).await;
    let Ok(Outcome::Done(receipt)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(receipt.reference, Some(sample.key.to_string()));
    assert_eq!(target.inquire(&sample.parcel(1), None).await, Ok(Inquiry::NoWord));
    let message = other.get(&queue).await.unwrap();
    assert_eq!(message.data, sample.message);
    assert_eq!(message.routing_key.as_str(), "99012070006001.15091.application");
    let properties = &message.properties;
    assert_eq!(properties.delivery_mode(), &Some(2), "it is persistent");
    assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/xml");
    assert_eq!(properties.message_id().as_ref().unwrap().as_str(), sample.key.to_string());
    assert_eq!(properties.correlation_id().as_ref().unwrap().as_str(), "2026:BR-4711");
    let headers = properties.headers().as_ref().unwrap().inner();
    let text = |name: &str| crate::message::header(properties, name).unwrap();
    assert_eq!(text("rohrpost-case"), "2026:BR-4711");
    assert_eq!(text("rohrpost-submission"), sample.submission.id.to_string());
    assert_eq!((text("rohrpost-kind"), text("x-akte")), ("application".into(), "A/2026:BR-4711".into()));
    assert_eq!(headers["rohrpost-test"], AMQPValue::Boolean(true));
}

#[tokio::test]
async fn what_no_queue_takes_is_no_delivery_although_the_broker_confirms_it() {
    let Some(rabbit) = shared() else { return };
    let failed = async |exchange: &str, key: &str, further: &str| {
        let sample = Sample::new();
        to(rabbit.port(), exchange, key, further).deliver(&sample.parcel(1)).await.unwrap_err()
    };
    let refused = failed("", "nirgends", "").await;
    assert!(matches!(&refused, Failure::Refused(reason) if reason.params["status"] == "312"), "{refused:?}");
    let later = failed("", "nirgends", "unroutable = \"unavailable\"\n").await;
    assert!(matches!(later, Failure::Unavailable { .. }), "{later:?}");
    let nowhere = failed("gibt-es-nicht", "x", "").await;
    assert!(matches!(&nowhere, Failure::Refused(reason) if reason.params["status"] == "404"), "{nowhere:?}");
}

#[tokio::test]
async fn a_queue_that_is_full_makes_it_wait() {
    let Some(rabbit) = shared() else { return };
    let (other, queue) = (Other::at(rabbit.port()).await, fresh("queue"));
    let mut full = FieldTable::default();
    full.insert("x-max-length".into(), AMQPValue::LongInt(1));
    full.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
    other.queue_with(&queue, full).await;
    let target = to(rabbit.port(), "", &queue, "");
    let (first, second) = (Sample::new(), Sample::new());
    assert!(target.deliver(&first.parcel(1)).await.is_ok());
    let failure = target.deliver(&second.parcel(1)).await.unwrap_err();
    assert!(
        matches!(&failure, Failure::Unavailable { reason, .. } if reason.params["status"] == "nack"),
        "{failure:?}"
    );
    other.get(&queue).await.unwrap();
    assert!(target.deliver(&second.parcel(2)).await.is_ok());
}

#[tokio::test]
async fn the_bare_form_has_no_place_for_anything_but_the_message() {
    // Nobody listens there: nothing is asked before it is known that there is something to send.
    let target = to(1, "a", "b", "");
    for sample in [
        Sample::new().with_attachment(None, 10),
        Sample::new().with_signature(),
        Sample::new().with_document("index"),
    ] {
        let failure = target.deliver(&sample.parcel(1)).await.unwrap_err();
        assert!(
            matches!(&failure, Failure::Defect(reason) if reason.params["field"] == "form"),
            "{failure:?}"
        );
    }
    let small = to(1, "a", "b", "max-size = \"1 KB\"\nform = \"json\"\n");
    let sample = Sample::new().with_attachment(None, 1000);
    let failure = small.deliver(&sample.parcel(1)).await.unwrap_err();
    assert!(
        matches!(&failure, Failure::Defect(reason) if reason.params["field"] == "max-size"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn without_a_log_in_nothing_is_sent_and_the_probe_says_what_is_missing() {
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = mute.local_addr().unwrap().port();
    let text = format!("[amqp]\nurl = \"amqp://127.0.0.1:{port}\"\nexchange = \"a\"\nrouting-key = \"b\"\n");
    let (target, sample, mut probe) = (target(&text).unwrap(), Sample::new(), Probe::default());
    let failure = target.deliver(&sample.parcel(1)).await.unwrap_err();
    assert!(matches!(&failure, Failure::Defect(reason) if reason.params["field"] == "user"), "{failure:?}");
    target.probe(&mut probe).await;
    let step = &probe.steps()[3];
    assert_eq!((step.word, step.finding.word()), ("log-in", "failed"));
    assert!(step.finding.words().german.contains("`user` und `password` angeben"), "{step:?}");
}

#[tokio::test]
async fn a_broker_that_says_nothing_is_given_up_in_time() {
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = mute.local_addr().unwrap().port();
    let further = "connect-timeout = \"50ms\"\n";
    let sample = Sample::new();
    let (outcome, held) =
        tokio::join!(async { to(port, "a", "b", further).deliver(&sample.parcel(1)).await }, mute.accept());
    let failure = outcome.unwrap_err();
    assert_eq!(failure.reason().code, ReasonCode::ConnectTimeout, "{failure:?}");
    // The library's thread goes with the connection.
    let mut rest = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut held.unwrap().0, &mut rest).await.unwrap();
    assert_eq!(rest, b"AMQP\x00\x00\x09\x01");
}
