//! The transport report: the only proof that a sender sees, so it tells the truth about the further way.

use super::exchange::Call;
use crate::intake::{METADATA, key};
use crate::{
    Body, Code, Fault, FaultCode, MessageMetaData, MessageStatus, Party, Record, TransportReport,
    TransportStatus,
};
use rohrpost_model::ports::{Sealed, SubmissionView};
use rohrpost_model::{Delivery, State, Timestamp};

/// The list that the codes of entries are taken from: it was announced, its values were not. They are the hub's own
/// words for the states of deliveries.
const RECORDS: &str = "urn:de:xta:codeliste:record.type";

/// The report on a message, signed where the listener names a seal.
pub(super) async fn of(call: &Call<'_>, message_id: &str) -> Result<Body, Fault> {
    let kept = call.server.hub.desk.handed_in(&call.account.client, &key(message_id)).await;
    let view = kept.map_err(|fault| call.trouble(&fault))?;
    let view = view.ok_or_else(|| call.fault(FaultCode::MessageIdUnknown))?;
    let report = TransportReport {
        metadata: metadata(call, &view, message_id),
        time: Some(last_change(&view).into()),
        server: call.server.desk.settings.identity.clone(),
        status: status(&view),
        additional: Vec::new(),
        signed: false,
    };
    let Some(seal) = call.server.hub.seal.clone() else { return Ok(Body::Report(Box::new(report))) };
    let xml = report.to_xml();
    let sealed = tokio::task::spawn_blocking(move || seal.seal(xml.as_bytes())).await;
    match sealed {
        Ok(Ok(Sealed::Enveloped(signed))) => {
            Ok(Body::SignedReport(String::from_utf8_lossy(&signed).into_owned()))
        }
        _ => Err(call.fault(FaultCode::Internal)),
    }
}

/// What was sent, with the times that the server knows. Once its content is erased only the ids are left.
fn metadata(call: &Call<'_>, view: &SubmissionView, message_id: &str) -> MessageMetaData {
    let kept = view.submission.properties.get(METADATA).and_then(|xml| MessageMetaData::from_xml(xml));
    let mut metadata = kept.unwrap_or_else(|| MessageMetaData {
        message_id: message_id.trim().to_owned(),
        author: call.head.author.clone().unwrap_or_default(),
        reader: Party::xoev("geloescht"),
        ..MessageMetaData::default()
    });
    metadata.delivery.delivery = Some(view.submission.received_at.into());
    metadata
}

fn last_change(view: &SubmissionView) -> Timestamp {
    view.deliveries.iter().map(|delivery| delivery.since).max().unwrap_or(view.submission.received_at)
}

/// Open until every delivery has ended; then as bad as the worst of them.
fn status(view: &SubmissionView) -> MessageStatus {
    let mut status = MessageStatus::default();
    for delivery in &view.deliveries {
        let (list, entry) = match grade(delivery) {
            TransportStatus::Red => (&mut status.errors, record(delivery)),
            TransportStatus::Green => (&mut status.infos, record(delivery)),
            TransportStatus::Open | TransportStatus::Yellow => (&mut status.warnings, record(delivery)),
        };
        list.push(entry);
    }
    let open = view.deliveries.iter().any(|delivery| !delivery.state.is_end());
    status.status = Some(match view.deliveries.iter().map(grade).max() {
        _ if open => TransportStatus::Open,
        worst => worst.unwrap_or(TransportStatus::Green),
    });
    status
}

/// How one delivery went: what needed more than one attempt has a warning.
fn grade(delivery: &Delivery) -> TransportStatus {
    match delivery.state {
        State::Discarded | State::Expired => TransportStatus::Red,
        State::Delivered if delivery.attempts > 1 => TransportStatus::Yellow,
        State::Delivered | State::Skipped => TransportStatus::Green,
        _ => TransportStatus::Open,
    }
}

fn record(delivery: &Delivery) -> Record {
    let reason = delivery.reason.as_ref().map(rohrpost_model::Reason::german);
    let state = delivery.state.as_str();
    let words = reason.unwrap_or_else(|| word(delivery.state).to_owned());
    Record {
        at: Some(delivery.since.into()),
        code: Code { list: RECORDS.into(), version: "1.0".into(), code: state.into(), name: None },
        reason: format!("{}: {words}", delivery.step),
    }
}

const fn word(state: State) -> &'static str {
    match state {
        State::Delivered => "zugestellt",
        State::Skipped => "nicht nötig",
        State::Discarded => "verworfen",
        State::Expired => "verfallen",
        State::Parked => "wartet auf einen Menschen",
        State::Awaiting => "übergeben, das letzte Wort des Empfängers steht aus",
        State::Blocked => "wartet auf andere Schritte",
        _ => "in Arbeit",
    }
}
