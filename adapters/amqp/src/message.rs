//! What stands beside the body of a message: properties and headers.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use rohrpost_kit::template::Template;
use rohrpost_model::ports::Parcel;
use rohrpost_model::{Failure, Reason, ReasonCode};

/// A message that a broker keeps on disk.
const PERSISTENT: u8 = 2;

/// The properties of a delivery: the same on every attempt (H4).
pub(crate) fn properties(
    parcel: &Parcel<'_>,
    media_type: String,
    further: &[(ShortString, Template)],
) -> Result<BasicProperties, Failure> {
    let submission = parcel.submission;
    let received = u64::try_from(submission.received_at.as_second()).unwrap_or_default();
    Ok(BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(parcel.key.to_string().into())
        .with_correlation_id(short(submission.case.to_string(), "case")?)
        .with_type(short(submission.kind.to_string(), "kind")?)
        .with_content_type(short(media_type, "media-type")?)
        .with_timestamp(received)
        .with_app_id("rohrpost".into())
        .with_headers(headers(parcel, further)?))
}

fn headers(parcel: &Parcel<'_>, further: &[(ShortString, Template)]) -> Result<FieldTable, Failure> {
    let submission = parcel.submission;
    let facts = [
        ("rohrpost-submission", submission.id.to_string()),
        ("rohrpost-case", submission.case.to_string()),
        ("rohrpost-sequence", submission.sequence.to_string()),
        ("rohrpost-tenant", submission.tenant.to_string()),
        ("rohrpost-service", submission.service.to_string()),
        ("rohrpost-area", submission.area.to_string()),
        ("rohrpost-kind", submission.kind.to_string()),
        ("rohrpost-step", parcel.step.to_string()),
    ];
    let mut table = FieldTable::default();
    for (name, value) in facts {
        table.insert(name.into(), text(value));
    }
    table.insert("rohrpost-test".into(), AMQPValue::Boolean(submission.test));
    for (name, template) in further {
        table.insert(name.clone(), text(template.fill(parcel)?));
    }
    Ok(table)
}

/// A value of a header.
pub(crate) fn text(value: String) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value))
}

/// A text where AMQP has room for 255 bytes.
pub(crate) fn short(text: String, field: &str) -> Result<ShortString, Failure> {
    ShortString::try_new(text)
        .map_err(|_| Failure::Defect(Reason::new(ReasonCode::AdapterConfiguration).with("field", field)))
}

/// What a header says, as text; `None` where it is not there or is no plain value.
pub(crate) fn header(properties: &BasicProperties, name: &str) -> Option<String> {
    let table = properties.headers().as_ref()?;
    match table.inner().get(name)? {
        AMQPValue::LongString(value) => String::from_utf8(value.as_bytes().to_vec()).ok(),
        AMQPValue::ShortString(value) => Some(value.to_string()),
        AMQPValue::Boolean(value) => Some(value.to_string()),
        AMQPValue::ShortShortInt(value) => Some(value.to_string()),
        AMQPValue::ShortShortUInt(value) => Some(value.to_string()),
        AMQPValue::ShortInt(value) => Some(value.to_string()),
        AMQPValue::ShortUInt(value) => Some(value.to_string()),
        AMQPValue::LongInt(value) => Some(value.to_string()),
        AMQPValue::LongUInt(value) => Some(value.to_string()),
        AMQPValue::LongLongInt(value) => Some(value.to_string()),
        _ => None,
    }
}
