//! What becomes of messages in a queue.

use super::{Other, fresh, named, shared, source};
use rohrpost_kit::conformance::TestDesk;
use rohrpost_model::ports::{Left, Probe, Round, Source, Why};
use rohrpost_model::submission::Role;
use rohrpost_model::{ClientName, Failure, ReasonCode};
use std::sync::Arc;

const USUAL: &str = "service = \"99108003000000\"\narea = \"15091\"\n";

fn client() -> ClientName {
    "fachverfahren".parse().unwrap()
}

fn from(port: u16, queue: &str, further: &str) -> Arc<dyn Source> {
    let text = format!(
        "[amqp]\nurl = \"amqp://127.0.0.1:{port}\"\nuser = \"hub\"\npassword = {{ file = \"password\" }}\n\
         queue = \"{queue}\"\nidle = \"300ms\"\n{further}"
    );
    source(&text).unwrap()
}

/// A queue of one's own with these messages: id and content.
async fn filled(port: u16, messages: &[(&str, &str)]) -> (Other, String) {
    let (other, queue) = (Other::at(port).await, fresh("queue"));
    other.queue(&queue).await;
    for (id, content) in messages {
        other.publish(&queue, content, named(id, &[])).await;
    }
    (other, queue)
}

async fn round(source: &Arc<dyn Source>, desk: &TestDesk) -> (Round, Result<(), Failure>) {
    let mut round = Round::default();
    let ended = source.round(desk, &client(), &mut round).await;
    (round, ended)
}

#[tokio::test]
async fn a_message_is_kept_with_what_it_says_and_then_acknowledged() {
    let Some(rabbit) = shared() else { return };
    let (other, queue) = filled(rabbit.port(), &[]).await;
    let headers =
        [("service", "99012070006001"), ("fall", "2026:BR-1"), ("probe", "true"), ("kind", "notice")];
    let properties = named("m-1", &headers).with_content_type("Application/JSON; charset=utf-8".into());
    other.publish(&queue, "{}", properties.with_correlation_id("AZ 12".into())).await;
    other.publish(&queue, "<a/>", named("m-2", &headers[..1])).await;
    let read = format!("{USUAL}[amqp.headers]\nservice = \"service\"\ncase = \"fall\"\ntest = \"probe\"\n");
    let (source, desk) = (from(rabbit.port(), &queue, &read), TestDesk::default());
    let (round, ended) = round(&source, &desk).await;
    assert_eq!((ended, round.taken, round.repeated, round.left), (Ok(()), 2, 0, 0));
    let kept = desk.kept();
    let (first, second) = (&kept[0].intent, &kept[1].intent);
    assert_eq!(first.idempotency_key.as_deref(), Some("amqp:m-1"));
    assert_eq!((first.service.as_str(), first.area.as_str()), ("99012070006001", "15091"));
    assert_eq!(first.kind.as_str(), "application", "a header that is not named is not read");
    assert_eq!((first.case.as_ref().unwrap().as_str(), first.test), ("2026:BR-1", true));
    assert_eq!(first.properties["amqp.correlation-id"], "AZ 12");
    assert_eq!(first.properties["amqp.message-id"], "m-1");
    assert_eq!((second.case.as_ref(), second.test), (None, false));
    let part = &kept[0].parts[0];
    assert_eq!(
        (part.role, part.media_type.as_str(), part.content.as_slice()),
        (Role::Data, "application/json", &b"{}"[..])
    );
    assert_eq!(kept[1].parts[0].media_type, "application/xml");
    assert_eq!(other.count(&queue).await, 0, "what is kept is taken away");
}

#[tokio::test]
async fn h1_h3_a_message_that_was_kept_and_not_acknowledged_comes_again_and_is_known() {
    let Some(rabbit) = shared() else { return };
    let (_other, queue) = filled(rabbit.port(), &[("m-1", "<a/>"), ("m-2", "<b/>")]).await;
    let desk = TestDesk::default();
    desk.stop_once_kept(true);
    let killed = from(rabbit.port(), &queue, USUAL);
    let (mut dropped, client) = (Round::default(), client());
    tokio::select! {
        ended = killed.round(&desk, &client, &mut dropped) => panic!("it should hang: {ended:?}"),
        () = desk.more_than(0) => {}
    }
    drop(killed);
    desk.stop_once_kept(false);
    let (again, ended) = round(&from(rabbit.port(), &queue, USUAL), &desk).await;
    assert_eq!((ended, again.taken, again.repeated), (Ok(()), 1, 1));
    let keys: Vec<_> = desk.kept().iter().map(|kept| kept.intent.idempotency_key.clone().unwrap()).collect();
    assert_eq!(keys, ["amqp:m-1", "amqp:m-2"]);
}

#[tokio::test]
async fn a_round_that_is_dropped_gives_back_what_it_had_fetched() {
    let Some(rabbit) = shared() else { return };
    let messages: Vec<_> =
        (1..=20).map(|number| (format!("m-{number}"), format!("<a n=\"{number}\"/>"))).collect();
    let messages: Vec<_> = messages.iter().map(|(id, content)| (id.as_str(), content.as_str())).collect();
    let (_other, queue) = filled(rabbit.port(), &messages).await;
    let (source, desk) = (from(rabbit.port(), &queue, USUAL), TestDesk::default());
    for _ in 0..3 {
        let (before, mut dropped, client) = (desk.kept().len(), Round::default(), client());
        tokio::select! {
            _ = source.round(&desk, &client, &mut dropped) => {}
            () = desk.more_than(before + 2) => {}
        }
    }
    let (_, ended) = round(&source, &desk).await;
    assert_eq!((ended, desk.kept().len()), (Ok(()), 20), "nothing is lost and nothing is doubled");
}

#[tokio::test]
async fn what_nobody_takes_stays_in_the_queue_and_holds_nothing_back() {
    let Some(rabbit) = shared() else { return };
    let messages = [("m-1", "<a/>"), ("", "<ohne-id/>"), ("m-1", "<anders/>"), ("m-2", "<b/>")];
    let (other, queue) = filled(rabbit.port(), &messages).await;
    let (source, desk) = (from(rabbit.port(), &queue, USUAL), TestDesk::default());
    for expected in [(2, 0, 2), (0, 0, 2)] {
        let (round, ended) = round(&source, &desk).await;
        assert_eq!((ended, (round.taken, round.repeated, round.left)), (Ok(()), expected));
        let left = [("", Why::Malformed), ("m-1", Why::OtherContent)];
        let left = left.map(|(message, why)| Left { message: message.into(), why });
        assert_eq!(round.named, left);
    }
    // Asking with the channel closed, so all that was not acknowledged is back.
    assert_eq!(other.count(&queue).await, 2);
}

#[tokio::test]
async fn what_nobody_takes_is_set_aside_with_the_reason_and_only_then_taken_away() {
    let Some(rabbit) = shared() else { return };
    let (other, queue) = filled(rabbit.port(), &[("", "<ohne-id/>")]).await;
    let aside = fresh("queue");
    let further = format!("{USUAL}[amqp.refused]\nexchange = \"\"\nrouting-key = \"{aside}\"\n");
    let (source, desk) = (from(rabbit.port(), &queue, &further), TestDesk::default());
    let (first, ended) = round(&source, &desk).await;
    assert_eq!((ended, first.left), (Ok(()), 1));
    assert_eq!(other.count(&queue).await, 1, "nobody takes it there: it stays");
    other.queue(&aside).await;
    let (second, ended) = round(&source, &desk).await;
    assert_eq!((ended, second.left, other.count(&queue).await), (Ok(()), 1, 0));
    let message = other.get(&aside).await.unwrap();
    assert_eq!(message.data, b"<ohne-id/>");
    let reason = crate::message::header(&message.properties, "rohrpost-reason").unwrap();
    assert!(reason.contains("message-id"), "{reason}");
    assert!(desk.kept().is_empty());
}

#[tokio::test]
async fn while_the_hub_takes_nothing_messages_wait() {
    let Some(rabbit) = shared() else { return };
    let (other, queue) = filled(rabbit.port(), &[("m-1", "<a/>"), ("m-2", "<b/>")]).await;
    let (source, desk) = (from(rabbit.port(), &queue, USUAL), TestDesk::default());
    desk.turn_away(Some(Why::Unavailable));
    let (trouble, ended) = round(&source, &desk).await;
    assert_eq!((ended.unwrap_err().reason().code, trouble.left), (ReasonCode::HubTrouble, 0));
    assert_eq!(desk.begun(), 1, "the others are not tried");
    desk.turn_away(None);
    let (well, ended) = round(&source, &desk).await;
    assert_eq!((ended, well.taken, other.count(&queue).await), (Ok(()), 2, 0));
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_told_by_round_and_probe() {
    let Some(rabbit) = shared() else { return };
    let source = from(rabbit.port(), "nirgends", USUAL);
    let (_, ended) = round(&source, &TestDesk::default()).await;
    assert_eq!(ended.unwrap_err().reason().params["status"], "404");
    let mut probe = Probe::default();
    source.probe(&mut probe).await;
    let told: Vec<_> = probe.steps().iter().map(|step| (step.word, step.finding.word())).collect();
    let expected =
        [("lookup", "ok"), ("connect", "ok"), ("tls", "not-tried"), ("log-in", "ok"), ("place", "failed")];
    assert_eq!(told, expected);
    assert!(probe.steps()[4].finding.words().german.contains("Schreibweise"), "{probe:?}");
    let (_other, queue) = filled(rabbit.port(), &[("m-1", "<a/>")]).await;
    let mut probe = Probe::default();
    from(rabbit.port(), &queue, USUAL).probe(&mut probe).await;
    assert!(
        probe.is_well() && probe.steps()[4].finding.words().german.contains("1 Nachrichten"),
        "{probe:?}"
    );
}
