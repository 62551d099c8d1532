mod configuration;
mod frames;
mod outage;
mod peer;
mod published;
pub(crate) mod rabbit;
mod taken_in;
mod tls;

use crate::{AmqpExchange, AmqpQueue};
use lapin::message::BasicGetMessage;
use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
    QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use rabbit::Rabbit;
use rohrpost_kit::conformance::FixedClock;
use rohrpost_kit::settings::Secrets;
use rohrpost_kit::{Adapter, AdapterSource, SourceAdapter};
use rohrpost_model::Fault;
use rohrpost_model::ports::{Source, Target};
use secrecy::SecretString;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

const USER: &str = "hub";
const PASSWORD: &str = "geheim-4711";
/// The broker's own user, who may log in from this machine only.
const CONFIGURATION: &str = "default_user = hub\ndefault_pass = geheim-4711\nloopback_users = none\n";

struct FixedSecrets;

impl Secrets for FixedSecrets {
    fn file(&self, path: &Path) -> Result<SecretString, String> {
        match path.to_str() {
            Some("password") => Ok(PASSWORD.into()),
            Some("wrong") => Ok("falsch-0815".into()),
            _ => std::fs::read_to_string(path).map(Into::into).map_err(|_| "the file is not there".into()),
        }
    }
    fn env(&self, name: &str) -> Result<SecretString, String> {
        Err(format!("the environment variable {name} is not set"))
    }
}

fn given(text: &str) -> AdapterSource<'_> {
    AdapterSource {
        file: "a.toml",
        text,
        folder: Path::new("/nowhere"),
        secrets: &FixedSecrets,
        clock: Arc::new(FixedClock::default()),
    }
}

fn target(text: &str) -> Result<Arc<dyn Target>, Vec<Fault>> {
    AmqpExchange.configure(&given(text))
}

fn source(text: &str) -> Result<Arc<dyn Source>, Vec<Fault>> {
    AmqpQueue.configure(&given(text))
}

/// The broker that tests share which do not kill it. It ends with the process, whose pipe it reads.
fn shared() -> Option<&'static Rabbit> {
    static SHARED: LazyLock<Option<Rabbit>> = LazyLock::new(|| Rabbit::start_with(CONFIGURATION, ""));
    SHARED.as_ref()
}

/// A name that no other test uses.
fn fresh(what: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    format!("{what}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Somebody else at the broker.
struct Other {
    _connection: Connection,
    channel: Channel,
}

impl Other {
    async fn at(port: u16) -> Self {
        let url = format!("amqp://{USER}:{PASSWORD}@127.0.0.1:{port}/%2f");
        let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        Self { _connection: connection, channel }
    }

    async fn queue(&self, name: &str) {
        self.queue_with(name, FieldTable::default()).await;
    }

    async fn queue_with(&self, name: &str, arguments: FieldTable) {
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        self.channel.queue_declare(name.into(), durable, arguments).await.unwrap();
    }

    /// Whether there is such a queue.
    async fn has(&self, queue: &str) -> bool {
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        self.channel.queue_declare(queue.into(), passive, FieldTable::default()).await.is_ok()
    }

    async fn exchange(&self, name: &str) {
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let declared =
            self.channel.exchange_declare(name.into(), ExchangeKind::Topic, durable, FieldTable::default());
        declared.await.unwrap();
    }

    async fn bind(&self, queue: &str, exchange: &str) {
        let options = QueueBindOptions::default();
        let bound = self.channel.queue_bind(
            queue.into(),
            exchange.into(),
            "#".into(),
            options,
            FieldTable::default(),
        );
        bound.await.unwrap();
    }

    async fn unbind(&self, queue: &str, exchange: &str) {
        self.channel
            .queue_unbind(queue.into(), exchange.into(), "#".into(), FieldTable::default())
            .await
            .unwrap();
    }

    async fn publish(&self, queue: &str, content: &str, properties: BasicProperties) {
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let published =
            self.channel.basic_publish("".into(), queue.into(), options, content.as_bytes(), properties);
        let confirmed = published.await.unwrap().await.unwrap();
        assert_eq!(confirmed, lapin::Confirmation::Ack(None));
    }

    /// Takes the next message away.
    async fn get(&self, queue: &str) -> Option<BasicGetMessage> {
        let got = self.channel.basic_get(queue.into(), BasicGetOptions::default()).await.unwrap();
        if let Some(message) = &got {
            message.ack(BasicAckOptions::default()).await.unwrap();
        }
        got
    }

    async fn count(&self, queue: &str) -> u32 {
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let queue = self.channel.queue_declare(queue.into(), passive, FieldTable::default()).await.unwrap();
        queue.message_count()
    }
}

/// Properties of a message with this id and these headers.
fn named(id: &str, headers: &[(&str, &str)]) -> BasicProperties {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert((*name).into(), AMQPValue::LongString((*value).into()));
    }
    let properties = BasicProperties::default().with_delivery_mode(2).with_headers(table);
    if id.is_empty() { properties } else { properties.with_message_id(id.into()) }
}
