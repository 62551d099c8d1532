//! Tries step by step whether a broker can be reached, logged in to and used, and leaves nothing there.

use crate::broker::{Broker, Login};
use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Connection, Error, ErrorKind, ExchangeKind};
use rohrpost_model::ports::{Finding, Probe, Words};
use rohrpost_model::{Failure, Reason, ReasonCode, Timestamp};

const LOGIN: &str = "log-in";
const PLACE: &str = "place";

/// What is looked for at the broker: declared passively, so nothing is made.
pub(crate) enum Looks {
    Exchange(ShortString),
    Queue(ShortString),
    /// The default exchange, and another queue for each delivery.
    Nothing,
}

impl Looks {
    /// What deliveries to an exchange need. The default one cannot be asked for; its routing keys are names of queues.
    pub(crate) fn for_exchange(exchange: &ShortString, fixed_key: Option<&ShortString>) -> Self {
        match fixed_key {
            _ if !exchange.as_str().is_empty() => Self::Exchange(exchange.clone()),
            Some(queue) => Self::Queue(queue.clone()),
            None => Self::Nothing,
        }
    }

    fn told(&self) -> Words {
        match self {
            Self::Exchange(name) => {
                Words::new(format!("Exchange {name} suchen"), format!("look for the exchange {name}"))
            }
            Self::Queue(name) => {
                Words::new(format!("Queue {name} suchen"), format!("look for the queue {name}"))
            }
            Self::Nothing => Words::new("Queue suchen", "look for the queue"),
        }
    }
}

/// Plans the steps and tries them.
pub(crate) async fn probe(broker: &Broker, looks: &Looks, now: Timestamp, probe: &mut Probe) {
    let endpoint = broker.dialer.endpoint();
    endpoint.plan(probe);
    let vhost = &broker.vhost;
    probe.plan(
        LOGIN,
        Words::new(format!("Anmelden am Vhost {vhost}"), format!("log in to the virtual host {vhost}")),
    );
    probe.plan(PLACE, looks.told());
    if !endpoint.reach(probe, now).await {
        return;
    }
    let connection = match broker.log_in().await {
        Ok(connection) => connection,
        Err(failure) => return probe.end(not_in(failure, &broker.login)),
    };
    probe.end(Finding::Works(Words::new("angemeldet", "logged in")));
    probe.end(look(&connection, looks).await.unwrap_or_else(|error| not_there(&error)));
    // What comes of closing does not matter: nothing is under way.
    let _ = connection.close(200, "OK".into()).await;
}

async fn look(connection: &Connection, looks: &Looks) -> lapin::Result<Finding> {
    let channel = connection.create_channel().await?;
    match looks {
        Looks::Exchange(name) => {
            let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
            // Passively the kind does not matter.
            let (kind, none) = (ExchangeKind::Direct, FieldTable::default());
            channel.exchange_declare(name.clone(), kind, passive, none).await?;
            Ok(Finding::Works(Words::new("ist da", "is there")))
        }
        Looks::Queue(name) => {
            let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            let queue = channel.queue_declare(name.clone(), passive, FieldTable::default()).await?;
            let waiting = queue.message_count();
            Ok(Finding::Works(Words::new(
                format!("ist da; {waiting} Nachrichten warten"),
                format!("is there; {waiting} messages wait"),
            )))
        }
        Looks::Nothing => Ok(Finding::NotTried(Words::new(
            "Nicht geprüft: Jede Lieferung kann in eine andere Queue gehen.",
            "Not tried: each delivery may go to another queue.",
        ))),
    }
}

fn not_in(failure: Failure, login: &Login) -> Finding {
    let advice = match (&failure, login) {
        (Failure::Refused(reason), Login::Password(..)) if reason.code == ReasonCode::CredentialsRefused => {
            Words::new(
                "Der Broker lehnt die Anmeldung ab. `user` und `password` prüfen, und ob der Benutzer sich von diesem Rechner anmelden darf.",
                "The broker refuses the log-in. Check `user` and `password`, and whether the user may log in from this machine.",
            )
        }
        (Failure::Refused(reason), Login::Certificate) if reason.code == ReasonCode::CredentialsRefused => {
            Words::new(
                "Der Broker lehnt die Anmeldung mit dem Zertifikat ab. Dort den Benutzer anlegen, der wie das Zertifikat heißt, und SASL EXTERNAL freischalten.",
                "The broker refuses the log-in by certificate. Have a user made there that is called like the certificate, and SASL EXTERNAL admitted.",
            )
        }
        (Failure::Defect(_), _) => Words::new(
            "Nichts sagt, wer der Hub beim Broker ist. `user` und `password` angeben, oder in der Tabelle connection ein Client-Zertifikat für SASL EXTERNAL.",
            "Nothing says who the hub is at the broker. Give `user` and `password`, or a client's certificate in the table connection for SASL EXTERNAL.",
        ),
        (Failure::Refused(_), _) => Words::new(
            "Den Vhost gibt es nicht, oder der Benutzer darf nicht hinein. `vhost` prüfen und beim Broker freischalten lassen.",
            "There is no such virtual host, or the user may not enter it. Check `vhost`, and have it admitted at the broker.",
        ),
        _ => Words::new(
            "Der Broker nimmt die Verbindung an, führt die Anmeldung aber nicht zu Ende. Port prüfen und in das Protokoll des Brokers sehen.",
            "The broker takes the connection but does not finish the log-in. Check the port, and look into the broker's log.",
        ),
    };
    Finding::Fails { reason: failure.reason().clone(), advice }
}

fn not_there(error: &Error) -> Finding {
    let status = match error.kind() {
        ErrorKind::ProtocolError(told) => told.get_id(),
        _ => 0,
    };
    let told = |code: ReasonCode| Reason::new(code).with("status", status);
    let (reason, advice) = match status {
        404 => (
            told(ReasonCode::TargetRefused),
            Words::new(
                "Das gibt es beim Broker nicht. Schreibweise prüfen oder dort anlegen lassen; Rohrpost legt nichts an.",
                "There is no such thing at the broker. Check its spelling, or have it made there; the hub makes nothing.",
            ),
        ),
        403 => (
            told(ReasonCode::CredentialsRefused),
            Words::new(
                "Der Benutzer darf das nicht. Seine Rechte beim Broker (configure, write, read) ergänzen lassen.",
                "The user must not do that. Have its permissions at the broker (configure, write, read) extended.",
            ),
        ),
        _ => (
            Reason::new(ReasonCode::Unreachable),
            Words::new(
                "Der Broker antwortet darauf nicht. In sein Protokoll sehen.",
                "The broker does not answer that. Look into its log.",
            ),
        ),
    };
    Finding::Fails { reason, advice }
}
