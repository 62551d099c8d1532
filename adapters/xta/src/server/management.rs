//! The management port.

use super::exchange::{Answer, Call, Refusal};
use super::report;
use crate::intake::key;
use crate::{
    Availability, Body, Contents, Fault, FaultCode, LookupResponse, LookupResult, LookupWish, Operation, ids,
};
use rohrpost_model::SubmissionId;
use rohrpost_model::ports::CalledOff;

/// Answers an operation of this port.
pub(super) async fn answer(call: &Call<'_>, contents: Contents<'_>) -> Result<Answer, Refusal> {
    call.speaks_as()?;
    let body = call.small(contents).await?.body;
    let answer = match (call.head.operation, body) {
        (Operation::CheckAccountActive, _) => Body::Empty,
        (Operation::CreateMessageId, _) => Body::MessageId(created(call)?),
        (Operation::LookupService, Body::LookupRequest(asked)) => {
            if asked.wishes.is_empty() {
                return Err(call.fault(FaultCode::NoParameters).into());
            }
            let results = asked.wishes.into_iter().map(|wish| looked_up(call, wish)).collect();
            Body::LookupResponse(LookupResponse { results })
        }
        (Operation::GetTransportReport, Body::MessageId(id)) => report::of(call, &id).await?,
        (Operation::CancelMessage, Body::MessageId(id)) => cancelled(call, &id).await?,
        _ => return Err(call.fault(FaultCode::NoParameters).into()),
    };
    Ok(Answer::small(answer))
}

fn created(call: &Call<'_>) -> Result<String, Fault> {
    let uuid = SubmissionId::new(call.now).to_string();
    let id = format!("{}{}:{uuid}", ids::PREFIX, call.server.desk.settings.sender.get_ref());
    ids::check(&id).map(|()| id).map_err(|_| call.fault(FaultCode::Internal))
}

/// A reader that is known offers the services that are taken here; of others nothing is known.
fn looked_up(call: &Call<'_>, wish: LookupWish) -> LookupResult {
    let settings = &call.server.desk.settings;
    let reader = wish.reader.identifier.value.trim();
    let known = settings.reader.iter().any(|one| one.identifier == reader);
    let offered = settings.rules().service(&wish.service, None, "").is_some();
    let availability = match (known, offered) {
        (false, _) => Availability::Unknown,
        (true, true) => Availability::Available,
        (true, false) => Availability::NotAvailable,
    };
    LookupResult { wish, availability, parameters: Vec::new() }
}

async fn cancelled(call: &Call<'_>, id: &str) -> Result<Body, Fault> {
    let called_off = call.server.hub.desk.call_off(&call.account.client, &key(id)).await;
    match called_off.map_err(|fault| call.trouble(&fault))? {
        CalledOff::Done(_) => Ok(Body::Empty),
        CalledOff::NotFound => Err(call.fault(FaultCode::MessageIdUnknown)),
        CalledOff::NotForLater => Err(call.fault(FaultCode::NotBeforeNotSet)),
        CalledOff::TooLate => Err(call.fault(FaultCode::NotBeforePassed)),
    }
}
