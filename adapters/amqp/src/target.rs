//! A destination: each delivery is published to an exchange, and confirmed by the broker.

use crate::broker::{Broker, Open};
use crate::message;
use crate::parcel::{Body, Form};
use crate::settings::{Server, short};
use crate::{probe, verdict};
use async_trait::async_trait;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Confirmation};
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::settings::ByteSize;
use rohrpost_kit::template::{Place, Template};
use rohrpost_kit::{Adapter, AdapterSource, parcel};
use rohrpost_model::ports::{Clock, Inquiry, Parcel, Probe, Target};
use rohrpost_model::{Failure, Fault, Outcome, Reason, ReasonCode, Receipt};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use toml::Spanned;

/// The adapter of kind `amqp` for destinations.
pub struct AmqpExchange;

impl Adapter for AmqpExchange {
    fn kind(&self) -> &'static str {
        "amqp"
    }

    fn example(&self) -> &'static str {
        include_str!("target.toml")
    }

    fn schema(&self) -> &'static str {
        include_str!("target.json")
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Target>, Vec<Fault>> {
        Ok(Arc::new(Exchange::configure(source)?))
    }
}

/// What only a destination's table `[amqp]` has.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    /// The exchange; empty for the default one, which takes the routing key for the name of a queue.
    exchange: Spanned<String>,
    /// The routing key, a text with placeholders.
    routing_key: Spanned<String>,
    /// Further headers, texts with placeholders.
    #[serde(default)]
    headers: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    form: Form,
    #[serde(default = "default_max_size")]
    max_size: ByteSize,
    #[serde(default)]
    unroutable: Unroutable,
}

/// What becomes of a message that no queue takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Unroutable {
    /// A person has to look.
    #[default]
    Refused,
    /// The queue will be there again: it is tried later.
    Unavailable,
}

/// Within what RabbitMQ takes without a setting of its own.
const fn default_max_size() -> ByteSize {
    ByteSize::from_bytes(16_000_000)
}

/// An exchange at a broker.
struct Exchange {
    broker: Broker,
    exchange: ShortString,
    routing_key: Template,
    /// The routing key, where it is the same for all.
    fixed_key: Option<ShortString>,
    headers: Vec<(ShortString, Template)>,
    form: Form,
    max_size: u64,
    unroutable: Unroutable,
    clock: Arc<dyn Clock>,
}

impl Exchange {
    fn configure(source: &AdapterSource<'_>) -> Result<Self, Vec<Fault>> {
        let (server, settings): (Server, Settings) = source.read_groups("amqp")?;
        let (mut faults, places) = (Faults::default(), source.places());
        let broker = faults.note(server.broker(source));
        let exchange = faults.note(short(&settings.exchange, source));
        let key = faults.note(Template::configured(&settings.routing_key, Place::Plain, &places));
        let headers = settings.headers.iter().map(|(name, text)| {
            Ok((short(name, source)?, Template::configured(text, Place::Plain, &places)?))
        });
        let headers: Vec<_> = headers.filter_map(|header: Result<_, Fault>| faults.note(header)).collect();
        let fixed = !settings.routing_key.get_ref().contains(['{', '}']);
        let fixed_key = fixed.then(|| short(&settings.routing_key, source)).transpose();
        let fixed_key = faults.note(fixed_key);
        let whole = broker.zip(exchange).zip(key).zip(fixed_key);
        faults.finish(whole.map(|(((broker, exchange), routing_key), fixed_key)| Self {
            broker,
            exchange,
            routing_key,
            fixed_key,
            headers,
            form: settings.form,
            max_size: settings.max_size.get(),
            unroutable: settings.unroutable,
            clock: Arc::clone(&source.clock),
        }))
    }

    async fn publish(
        &self,
        open: &Open,
        routing_key: ShortString,
        body: &Body,
        properties: BasicProperties,
    ) -> Result<(), Failure> {
        let selected = open.channel.confirm_select(ConfirmSelectOptions::default()).await;
        selected.map_err(|error| verdict::of_opening(&error))?;
        if open.connection.status().blocked() {
            return Err(busy("blocked"));
        }
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let published =
            open.channel.basic_publish(self.exchange.clone(), routing_key, options, &body.bytes, properties);
        let confirmed = match published.await {
            Ok(confirmed) => confirmed.await,
            Err(error) => Err(error),
        };
        self.judge(confirmed.map_err(|error| verdict::of_publishing(&error))?)
    }

    /// A message that no queue takes is confirmed as well: only together with what was returned the confirmation says
    /// something.
    fn judge(&self, confirmation: Confirmation) -> Result<(), Failure> {
        match confirmation {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(returned)) | Confirmation::Nack(Some(returned)) => {
                let code = returned.reply_code;
                Err(match self.unroutable {
                    Unroutable::Refused => {
                        Failure::Refused(Reason::new(ReasonCode::TargetRefused).with("status", code))
                    }
                    Unroutable::Unavailable => busy(code),
                })
            }
            Confirmation::Nack(None) => Err(busy("nack")),
            // Cannot be: confirmations were asked for.
            Confirmation::NotRequested => Err(Failure::Unknown(Reason::new(ReasonCode::NoWord))),
        }
    }
}

fn busy(status: impl std::fmt::Display) -> Failure {
    Failure::unavailable(Reason::new(ReasonCode::TargetBusy).with("status", status))
}

#[async_trait]
impl Target for Exchange {
    async fn deliver(&self, parcel: &Parcel<'_>) -> Result<Outcome, Failure> {
        parcel::check(parcel)?;
        let routing_key = message::short(self.routing_key.fill(parcel)?, "routing-key")?;
        let body = self.form.body(parcel, self.max_size).await?;
        let properties = message::properties(parcel, body.media_type.clone(), &self.headers)?;
        let open = self.broker.open().await?;
        self.publish(&open, routing_key, &body, properties).await?;
        Ok(Outcome::Done(Receipt {
            reference: Some(parcel.key.to_string()),
            at: Some(self.clock.now()),
            ..Receipt::default()
        }))
    }

    /// A broker cannot be asked for a message that it was sent.
    async fn inquire(&self, _: &Parcel<'_>, _: Option<&str>) -> Result<Inquiry, Failure> {
        Ok(Inquiry::NoWord)
    }

    fn deduplicates(&self) -> bool {
        false
    }

    fn takes_enclosed(&self) -> bool {
        self.form == Form::Json
    }

    async fn probe(&self, probe: &mut Probe) {
        let looks = probe::Looks::for_exchange(&self.exchange, self.fixed_key.as_ref());
        probe::probe(&self.broker, &looks, self.clock.now(), probe).await;
    }
}
