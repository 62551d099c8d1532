//! The broker is killed under load and started again.

use super::{CONFIGURATION, Other, named, rabbit::Rabbit, source, target};
use rohrpost_kit::conformance::{Sample, TestDesk};
use rohrpost_model::ports::{Round, Target};
use rohrpost_model::{DeliveryId, Failure};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

const MESSAGES: usize = 400;
const SENDERS: usize = 8;

fn login(port: u16) -> String {
    format!(
        "[amqp]\nurl = \"amqp://127.0.0.1:{port}\"\nuser = \"hub\"\npassword = {{ file = \"password\" }}\n"
    )
}

/// Kills the broker when `done` says so, and starts it again; says meanwhile whether it is up.
async fn struck(
    mut rabbit: Rabbit,
    mut done: watch::Receiver<usize>,
    at: usize,
    up: watch::Sender<bool>,
) -> Rabbit {
    done.wait_for(|done| *done >= at).await.unwrap();
    up.send_replace(false);
    let restarted = tokio::task::spawn_blocking(move || {
        rabbit.kill();
        rabbit.run();
        rabbit
    });
    let rabbit = restarted.await.unwrap();
    up.send_replace(true);
    rabbit
}

/// A durable queue that the broker knows after it was killed, too.
async fn keep_queue(rabbit: &mut Rabbit, queue: &str) {
    let port = rabbit.port();
    let declare = async || Other::at(port).await.queue(queue).await;
    rabbit.keep(declare, async || Other::at(port).await.has(queue).await).await;
}

/// What a queue holds: message id, and how often.
async fn held(port: u16, queue: &str) -> BTreeMap<String, usize> {
    let (other, mut held) = (Other::at(port).await, BTreeMap::new());
    while let Some(message) = other.get(queue).await {
        *held.entry(message.properties.message_id().as_ref().unwrap().to_string()).or_default() += 1;
    }
    held
}

/// Delivers until it is taken, as the engine does where the destination says `unknown = "retry"`; the keys whose outcome
/// was unknown once.
async fn send(
    target: Arc<dyn Target>,
    next: Arc<AtomicUsize>,
    done: watch::Sender<usize>,
    mut up: watch::Receiver<bool>,
) -> (BTreeSet<DeliveryId>, BTreeSet<DeliveryId>) {
    let (mut sent, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    while next.fetch_add(1, Ordering::Relaxed) < MESSAGES {
        let sample = Sample::new();
        loop {
            match target.deliver(&sample.parcel(1)).await {
                Ok(_) => break,
                Err(Failure::Unknown(_)) => {
                    unknown.insert(sample.key);
                }
                Err(failure) => assert!(matches!(failure, Failure::Unavailable { .. }), "{failure:?}"),
            }
            up.wait_for(|up| *up).await.unwrap();
        }
        sent.insert(sample.key);
        done.send_modify(|done| *done += 1);
    }
    (sent, unknown)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_survives_the_brokers_death_and_only_the_unknown_may_be_doubled() {
    let Some(mut rabbit) = Rabbit::start_with(CONFIGURATION, "") else { return };
    let port = rabbit.port();
    keep_queue(&mut rabbit, "eingang").await;
    let target = target(&format!("{}exchange = \"\"\nrouting-key = \"eingang\"\n", login(port))).unwrap();
    let ((done, seen), (up, is_up)) = (watch::channel(0), watch::channel(true));
    let striking = tokio::spawn(struck(rabbit, seen, MESSAGES / 3, up));
    let next = Arc::new(AtomicUsize::new(0));
    let senders =
        (0..SENDERS).map(|_| tokio::spawn(send(target.clone(), next.clone(), done.clone(), is_up.clone())));
    let (mut sent, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    for sender in senders.collect::<Vec<_>>() {
        let (one, doubtful) = sender.await.unwrap();
        sent.extend(one);
        unknown.extend(doubtful);
    }
    let _rabbit = striking.await.unwrap();
    let held = held(port, "eingang").await;
    for key in &sent {
        let times = held.get(&key.to_string()).copied().unwrap_or_default();
        let allowed = if unknown.contains(key) { 1..=2 } else { 1..=1 };
        assert!(allowed.contains(&times), "{key} is there {times} times");
    }
    assert_eq!((sent.len(), held.len()), (MESSAGES, MESSAGES));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_consumed_while_the_broker_died_is_kept_once() {
    let Some(mut rabbit) = Rabbit::start_with(CONFIGURATION, "") else { return };
    let port = rabbit.port();
    keep_queue(&mut rabbit, "ausgang").await;
    let other = Other::at(port).await;
    for number in 0..MESSAGES {
        other.publish("ausgang", &format!("<a n=\"{number}\"/>"), named(&format!("m-{number}"), &[])).await;
    }
    let text = "queue = \"ausgang\"\nidle = \"500ms\"\nservice = \"99108003000000\"\narea = \"15091\"\n";
    let (source, desk) = (source(&format!("{}{text}", login(port))).unwrap(), TestDesk::default());
    let ((done, seen), (up, mut is_up)) = (watch::channel(0), watch::channel(true));
    let striking = tokio::spawn(struck(rabbit, seen, 1, up));
    let (fetching, client) = (desk.clone(), "fachverfahren".parse().unwrap());
    let striker = tokio::spawn(async move {
        fetching.more_than(MESSAGES / 4).await;
        done.send_replace(1);
    });
    let (mut failed, mut taken) = (0, 0);
    while desk.kept().len() < MESSAGES || failed == 0 {
        is_up.wait_for(|up| *up).await.unwrap();
        let mut round = Round::default();
        let ended = source.round(&desk, &client, &mut round).await;
        failed += usize::from(ended.is_err());
        taken += round.taken;
    }
    striker.await.unwrap();
    let _rabbit = striking.await.unwrap();
    let keys: BTreeSet<_> = desk.kept().iter().map(|kept| kept.intent.idempotency_key.clone()).collect();
    assert_eq!((keys.len(), desk.kept().len(), taken as usize), (MESSAGES, MESSAGES, MESSAGES));
    // What was acknowledged to a broker that died may come again: then it is known.
    let mut round = Round::default();
    source.round(&desk, &client, &mut round).await.unwrap();
    assert_eq!((round.taken, desk.kept().len()), (0, MESSAGES));
    assert_eq!(Other::at(port).await.count("ausgang").await, 0);
}
