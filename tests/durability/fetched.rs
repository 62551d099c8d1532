//! What is fetched: dropped into a folder, here or at an SFTP server, or queued at a broker. Hub, server and broker are
//! killed meanwhile, and each message is kept exactly once.

#[path = "../../adapters/amqp/src/tests/rabbit.rs"]
mod rabbit;
#[path = "../../adapters/sftp/src/tests/sshd.rs"]
#[allow(dead_code, reason = "the adapter's own tests use all of it")]
mod sshd;

use crate::support::client::until;
use crate::support::hub::{AREA, Hub, SERVICE, Setup, root};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Queue};
use rabbit::Rabbit;
use sshd::{Serves, Sshd};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const MESSAGES: usize = 200;
const KILLS: usize = 4;

/// A configuration with a source; nobody is at the DMS.
fn fetching(adapter: &str) -> Setup {
    let setup = Setup::new("127.0.0.1:1");
    let head = format!("name = \"quelle\"\nclient = \"portal\"\ninterval = \"1s\"\n{adapter}");
    setup.write("sources/quelle.toml", &format!("{head}service = \"{SERVICE}\"\narea = \"{AREA}\"\n"));
    setup
}

/// The sample, another one for each number.
fn message(number: usize) -> String {
    let sample = root().join("config/samples/brunnenbohrung-1.xml");
    format!("{}<!-- {number} -->\n", fs::read_to_string(sample).expect("a sample"))
}

/// The submissions that the Fachverfahren has. A key that came twice would be another submission.
fn arrived(setup: &Setup) -> BTreeSet<String> {
    let sidecars = files(&setup.path("fachverfahren")).filter(|name| name.ends_with(".meta.json"));
    let submission = |name: String| {
        let text = fs::read(setup.path("fachverfahren").join(name)).expect("a sidecar");
        let sidecar: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        sidecar["submissionId"].as_str().expect("a submission").to_owned()
    };
    sidecars.map(submission).collect()
}

fn files(folder: &Path) -> impl Iterator<Item = String> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned())
}

/// Kills the hub as often as said, each time when some more were taken than before; the last one lives.
/// Before the second time `between` happens.
async fn strike(setup: &Setup, seed: u64, taken: impl Fn() -> usize, between: impl FnOnce()) -> Hub {
    let (mut random, mut between) = (fastrand::Rng::with_seed(seed), Some(between));
    for time in 0..KILLS {
        let hub = setup.start();
        let more = taken() + random.usize(1..=MESSAGES / (KILLS + 2));
        until(async || taken() >= more).await;
        if time == 1
            && let Some(between) = between.take()
        {
            tokio::task::block_in_place(between);
        }
        hub.kill();
    }
    setup.start()
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_h3_files_that_were_dropped_are_taken_once_whenever_the_hub_is_killed() {
    let setup = fetching("adapter = \"folder\"\n[folder]\npath = \"../eingang\"\nstable = \"0s\"\n");
    let inbox = setup.path("eingang");
    fs::create_dir(&inbox).expect("an inbox");
    dropped(&inbox);
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let done = || files(&inbox.join("done")).count();
    let _hub = strike(&setup, seed, done, || ()).await;
    all_are_taken(&setup, &inbox, &format!("seed {seed}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_h3_files_at_an_sftp_server_are_taken_once_though_hub_and_server_are_killed() {
    if !sshd::is_there() {
        return;
    }
    let mut server = Sshd::start(Serves::Internal, "flat");
    dropped(&server.folder());
    let settings = server.settings("").replace("unit = \"flat\"", "stable = \"0s\"");
    let setup = fetching(&format!("adapter = \"sftp\"\n{settings}"));
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let inbox = server.folder();
    let done = || files(&inbox.join("done")).count();
    for time in 0..KILLS {
        let hub = setup.start();
        for _ in 0..2 {
            let more = done() + random.usize(1..=MESSAGES / (2 * KILLS + 2));
            until(async || done() >= more).await;
            tokio::task::block_in_place(|| {
                server.kill();
                server.run();
            });
        }
        // Every other time it dies right after the server, before it could have connected again.
        if time % 2 == 0 {
            let more = done() + 1;
            until(async || done() >= more).await;
        }
        hub.kill();
    }
    let _hub = setup.start();
    all_are_taken(&setup, &inbox, &format!("seed {seed}")).await;
}

/// Messages as files, some with an attachment.
fn dropped(inbox: &Path) {
    for number in 0..MESSAGES {
        if number % 10 == 0 {
            fs::create_dir(inbox.join(format!("a{number}"))).expect("a folder");
            fs::write(inbox.join(format!("a{number}/plan.pdf")), "%PDF-1.7").expect("an attachment");
        }
        fs::write(inbox.join(format!("a{number}.xml")), message(number)).expect("a file");
    }
}

/// Waits until nothing is left to take, and looks whether each was taken once.
async fn all_are_taken(setup: &Setup, inbox: &Path, context: &str) {
    until(async || files(&inbox.join("done")).count() == MESSAGES).await;
    until(async || arrived(setup).len() >= MESSAGES).await;
    assert_eq!(arrived(setup).len(), MESSAGES, "{context}");
    assert_eq!(files(&inbox.join(".rohrpost-claimed")).count(), 0, "{context}");
    assert_eq!(files(inbox).filter(|name| name.ends_with(".xml")).count(), 0, "{context}");
    assert!(!inbox.join("error").exists(), "{context}");
}

async fn channel(port: u16) -> Channel {
    let url = format!("amqp://guest:guest@127.0.0.1:{port}/%2f");
    let connection = Connection::connect(&url, ConnectionProperties::default()).await.expect("a broker");
    connection.create_channel().await.expect("a channel")
}

async fn queue(port: u16, passive: bool) -> Result<Queue, lapin::Error> {
    let options = QueueDeclareOptions { passive, durable: true, ..QueueDeclareOptions::default() };
    channel(port).await.queue_declare("eingang".into(), options, FieldTable::default()).await
}

async fn waiting(port: u16) -> u32 {
    queue(port, true).await.expect("a queue").message_count()
}

async fn queued(port: u16) {
    let channel = channel(port).await;
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    for number in 0..MESSAGES {
        let properties = BasicProperties::default().with_delivery_mode(2);
        let properties = properties.with_message_id(format!("m-{number}").into());
        let (options, text) = (BasicPublishOptions::default(), message(number));
        let sent =
            channel.basic_publish("".into(), "eingang".into(), options, text.as_bytes(), properties).await;
        assert!(sent.expect("sent").await.expect("confirmed").is_ack());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_h3_messages_of_a_queue_are_taken_once_though_hub_and_broker_are_killed() {
    let Some(mut rabbit) = Rabbit::start_with("", "") else { return };
    let port = rabbit.port();
    let declare = async || drop(queue(port, false).await.expect("a queue"));
    rabbit.keep(declare, async || queue(port, true).await.is_ok()).await;
    queued(port).await;
    let setup = fetching(&format!(
        "adapter = \"amqp\"\n[amqp]\nurl = \"amqp://127.0.0.1:{port}\"\nuser = \"guest\"\n\
         password = {{ file = \"secrets/broker\" }}\nqueue = \"eingang\"\nidle = \"200ms\"\n"
    ));
    setup.write("secrets/broker", "guest");
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let restarted = || {
        rabbit.kill();
        rabbit.run();
    };
    let hub = strike(&setup, seed, || arrived(&setup).len(), restarted).await;
    until(async || arrived(&setup).len() >= MESSAGES).await;
    until(async || waiting(port).await == 0).await;
    assert_eq!(arrived(&setup).len(), MESSAGES, "seed {seed}");
    drop(hub);
}
