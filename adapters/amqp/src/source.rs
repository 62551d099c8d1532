//! A source: messages are consumed from a queue, and acknowledged once they are kept here.

use crate::broker::{Broker, Open};
use crate::message::{header, text};
use crate::settings::{Server, short};
use crate::{probe, verdict};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Confirmation, Consumer};
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::correlation::Answers;
use rohrpost_kit::intake::{self, Said, Usual, malformed};
use rohrpost_kit::settings::Duration as Length;
use rohrpost_kit::{AdapterSource, SourceAdapter};
use rohrpost_model::ports::{Clock, Desk, Probe, Round, Source, TakingIn, TurnedAway, Why};
use rohrpost_model::submission::{Properties, Role};
use rohrpost_model::{Area, ClientName, Failure, Fault, Kind, Reason, ReasonCode, ServiceKey};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;

/// The most messages that are consumed in a round.
const MOST: usize = 10_000;

/// The property in which the sender's message id is kept.
const MESSAGE_ID: &str = "amqp.message-id";

/// The adapter of kind `amqp` for sources.
pub struct AmqpQueue;

impl SourceAdapter for AmqpQueue {
    fn kind(&self) -> &'static str {
        "amqp"
    }

    fn example(&self) -> &'static str {
        include_str!("source.toml")
    }

    fn schema(&self) -> &'static str {
        include_str!("source.json")
    }

    fn takes_answers(&self) -> bool {
        true
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Source>, Vec<Fault>> {
        Ok(Arc::new(Queue::configure(source)?))
    }
}

/// What only a source's table `[amqp]` has.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    /// The queue. It must be there.
    queue: Spanned<String>,
    /// So many messages are handed out at once.
    #[serde(default = "default_prefetch")]
    prefetch: std::num::NonZeroU16,
    /// A round ends when nothing has come for so long.
    #[serde(default = "default_idle")]
    idle: Length,
    /// The service, area and kind of messages that do not say it.
    service: Option<ServiceKey>,
    area: Option<Spanned<Area>>,
    kind: Option<Kind>,
    /// All messages are tests.
    #[serde(default)]
    test: bool,
    /// The media type of messages that do not say it.
    #[serde(default = "default_media_type")]
    media_type: String,
    /// Headers in which messages say it.
    #[serde(default)]
    headers: Headers,
    /// Where messages go that the hub does not take. Without it they stay in the queue.
    refused: Option<Refused>,
}

/// Names of headers. What is not named is not read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Headers {
    service: Option<String>,
    area: Option<String>,
    kind: Option<String>,
    case: Option<String>,
    foreign_id: Option<String>,
    test: Option<String>,
    /// The message id, where it does not stand in its own property.
    message_id: Option<String>,
}

/// Where messages go that the hub does not take.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Refused {
    exchange: Spanned<String>,
    routing_key: Spanned<String>,
}

const fn default_prefetch() -> std::num::NonZeroU16 {
    std::num::NonZeroU16::MIN.saturating_add(19)
}

const fn default_idle() -> Length {
    Length::from_secs(1)
}

fn default_media_type() -> String {
    "application/xml".to_owned()
}

/// A queue at a broker.
struct Queue {
    broker: Broker,
    queue: ShortString,
    prefetch: u16,
    idle: Duration,
    usual: Usual,
    media_type: String,
    headers: Headers,
    refused: Option<(ShortString, ShortString)>,
    clock: Arc<dyn Clock>,
}

impl Queue {
    fn configure(source: &AdapterSource<'_>) -> Result<Self, Vec<Fault>> {
        let (server, settings): (Server, Settings) = source.read_groups("amqp")?;
        let mut faults = Faults::default();
        settings.missing(source).into_iter().for_each(|fault| faults.push(fault));
        let broker = faults.note(server.broker(source));
        let queue = faults.note(short(&settings.queue, source));
        let refused = settings.refused.as_ref();
        let refused = refused.map(|refused| {
            short(&refused.exchange, source).and_then(|to| Ok((to, short(&refused.routing_key, source)?)))
        });
        let refused = faults.note(refused.transpose());
        let usual = Usual {
            service: settings.service,
            area: settings.area.map(Spanned::into_inner),
            kind: settings.kind,
            test: settings.test,
            // What is wrong with that table is told by whoever reads the file.
            answers: Answers::read(source).unwrap_or_default(),
        };
        faults.finish(broker.zip(queue).zip(refused).map(|((broker, queue), refused)| Self {
            broker,
            queue,
            prefetch: settings.prefetch.get(),
            idle: settings.idle.get(),
            usual,
            media_type: settings.media_type,
            headers: settings.headers,
            refused,
            clock: Arc::clone(&source.clock),
        }))
    }

    /// Begins to consume. The channel confirms what is published on it, too: messages that are set aside.
    async fn consume(&self, open: &Open) -> lapin::Result<Consumer> {
        let channel = &open.channel;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
        let options = BasicConsumeOptions::default();
        channel.basic_consume(self.queue.clone(), "".into(), options, FieldTable::default()).await
    }

    /// Takes in one message: kept first, acknowledged then.
    async fn message(
        &self,
        at: At<'_>,
        open: &Open,
        delivery: Delivery,
        round: &mut Round,
    ) -> Result<(), Failure> {
        match self.taken_in(at, &delivery).await {
            Ok(repeated) => {
                round.take(repeated);
                acknowledge(&delivery).await
            }
            Err(turned) if turned.why == Why::Unavailable => {
                Err(Failure::unavailable(Reason::new(ReasonCode::HubTrouble)))
            }
            Err(turned) => {
                round.leave(self.id(&delivery).unwrap_or_default(), turned.why);
                self.set_aside(open, delivery, turned).await
            }
        }
    }

    /// Hands a message in; whether it was here already.
    async fn taken_in(&self, at: At<'_>, delivery: &Delivery) -> Result<bool, TurnedAway> {
        let mut taking = self.admitted(at, delivery).await?;
        let stated = delivery.properties.content_type().as_ref().map(ShortString::as_str);
        let essence = stated.and_then(|stated| stated.split(';').next()).map(str::trim);
        let media_type = essence.filter(|essence| !essence.is_empty()).unwrap_or(&self.media_type);
        let data = Bytes::copy_from_slice(&delivery.data);
        intake::part(taking.as_mut(), Role::Data, None, media_type.to_ascii_lowercase(), data).await?;
        Ok(taking.accept().await?.repeated)
    }

    async fn admitted(&self, at: At<'_>, delivery: &Delivery) -> Result<Box<dyn TakingIn>, TurnedAway> {
        let id = self.id(delivery).ok_or_else(|| {
            malformed(
                "Die Nachricht trägt keine message-id; ohne sie lässt sich eine Wiederholung nicht erkennen.",
                "The message has no message-id; without one a repetition cannot be known.",
            )
        })?;
        let say = |name: &Option<String>| name.as_deref().and_then(|name| header(&delivery.properties, name));
        let Headers { service, area, kind, case, foreign_id, test, .. } = &self.headers;
        let said = Said {
            service: say(service),
            area: say(area),
            kind: say(kind),
            case: say(case),
            foreign_id: say(foreign_id),
            test: say(test),
        };
        let (key, properties) = (intake::key("amqp", &id), properties(delivery, id));
        self.usual.hand_in((at.desk, at.client), &said, key, properties).await
    }

    /// What the sender calls the message.
    fn id(&self, delivery: &Delivery) -> Option<String> {
        let id = match &self.headers.message_id {
            Some(name) => header(&delivery.properties, name),
            None => delivery.properties.message_id().as_ref().map(ToString::to_string),
        };
        id.filter(|id| !id.trim().is_empty())
    }

    /// Publishes a message that nobody takes where such messages go, and takes it away only when it lies there. Without
    /// such a place it stays in the queue, and goes back to its head when the round ends.
    async fn set_aside(&self, open: &Open, delivery: Delivery, turned: TurnedAway) -> Result<(), Failure> {
        let Some((exchange, routing_key)) = &self.refused else { return Ok(()) };
        let properties = with_reason(delivery.properties.clone(), turned);
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let published = open.channel.basic_publish(
            exchange.clone(),
            routing_key.clone(),
            options,
            &delivery.data,
            properties,
        );
        let confirmed = published.await.map_err(|error| verdict::of_consuming(&error))?;
        match confirmed.await.map_err(|error| verdict::of_consuming(&error))? {
            Confirmation::Ack(None) => acknowledge(&delivery).await,
            // No queue takes it there either.
            _ => Ok(()),
        }
    }
}

/// Whose desk it is handed in at.
#[derive(Clone, Copy)]
struct At<'a> {
    desk: &'a dyn Desk,
    client: &'a ClientName,
}

impl Settings {
    /// What neither messages nor the configuration would say.
    fn missing(&self, source: &AdapterSource<'_>) -> Vec<Fault> {
        if Answers::are_in(source) {
            // Their cases say it.
            return Vec::new();
        }
        let said = [
            ("service", self.service.is_some() || self.headers.service.is_some()),
            ("area", self.area.is_some() || self.headers.area.is_some()),
        ];
        let missing = said.into_iter().filter(|(_, said)| !said).map(|(what, _)| {
            let fault =
                source.places().fault_at(&self.queue, format!("nothing says the {what} of a message"));
            fault.hint(format!("add `{what} = …`, or the name of a header in [amqp.headers]"))
        });
        missing.collect()
    }
}

#[async_trait]
impl Source for Queue {
    async fn round(&self, desk: &dyn Desk, client: &ClientName, round: &mut Round) -> Result<(), Failure> {
        let open = self.broker.open().await?;
        let consuming = |error: lapin::Error| verdict::of_consuming(&error);
        let mut consumer = self.consume(&open).await.map_err(consuming)?;
        for _ in 0..MOST {
            let Ok(next) = tokio::time::timeout(self.idle, consumer.next()).await else { break };
            let delivery = next.ok_or_else(gone)?.map_err(consuming)?;
            self.message(At { desk, client }, &open, delivery, round).await?;
        }
        // It follows the acknowledgements, so that the broker has them before it hands out again what was only fetched.
        open.channel.close(200, "OK".into()).await.map_err(consuming)
    }

    async fn probe(&self, probe: &mut Probe) {
        let looks = probe::Looks::Queue(self.queue.clone());
        probe::probe(&self.broker, &looks, self.clock.now(), probe).await;
    }
}

/// The broker takes the consumer away: the queue was deleted.
fn gone() -> Failure {
    Failure::unavailable(Reason::new(ReasonCode::Torn))
}

async fn acknowledge(delivery: &Delivery) -> Result<(), Failure> {
    let done = delivery.ack(BasicAckOptions::default()).await;
    done.map(drop).map_err(|error| verdict::of_consuming(&error))
}

/// What the message says beside its content.
fn properties(delivery: &Delivery, id: String) -> Properties {
    let said = &delivery.properties;
    let given = [
        (MESSAGE_ID, Some(id)),
        ("amqp.correlation-id", said.correlation_id().as_ref().map(ToString::to_string)),
        ("amqp.reply-to", said.reply_to().as_ref().map(ToString::to_string)),
        ("amqp.app-id", said.app_id().as_ref().map(ToString::to_string)),
        ("amqp.type", said.kind().as_ref().map(ToString::to_string)),
        ("amqp.exchange", Some(delivery.exchange.to_string())),
        ("amqp.routing-key", Some(delivery.routing_key.to_string())),
    ];
    let kept = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    kept.filter(|(_, value)| !value.trim().is_empty()).collect()
}

/// The message's own properties, and why it is where it is.
fn with_reason(properties: BasicProperties, turned: TurnedAway) -> BasicProperties {
    let mut headers = properties.headers().clone().unwrap_or_default();
    headers.insert("rohrpost-reason".into(), text(turned.german));
    properties.with_headers(headers)
}
