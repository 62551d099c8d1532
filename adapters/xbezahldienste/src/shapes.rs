//! The shapes of XBezahldienste 1.0.0, as far as they are spoken here. `grosAmount` has one s in the standard.

use rohrpost_kit::http::Answer;
use rohrpost_kit::payment::{Item, Order, Paid, Word, differs};
use rohrpost_model::{Failure, Reason, ReasonCode, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Beyond this a number of Euro is none that was ordered here.
const MOST: f64 = 1e9;

/// `PaymentRequest`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentRequest<'a> {
    request_id: &'a str,
    request_timestamp: String,
    currency: &'static str,
    gros_amount: Box<RawValue>,
    purpose: &'a str,
    description: &'a str,
    redirect_url: &'a str,
    items: Vec<RequestedItem<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestedItem<'a> {
    id: &'a str,
    reference: &'a str,
    description: &'a str,
    tax_rate: u64,
    quantity: u64,
    total_net_amount: Box<RawValue>,
    total_tax_amount: Box<RawValue>,
    single_net_amount: Box<RawValue>,
    single_tax_amount: Box<RawValue>,
    /// epay21 refuses an empty one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    booking_data: &'a BTreeMap<String, String>,
}

/// The request that begins a payment.
pub(crate) fn payment_request<'a>(
    order: &'a Order,
    request_id: &'a str,
    at: Timestamp,
    redirect_url: &'a str,
) -> PaymentRequest<'a> {
    PaymentRequest {
        request_id,
        request_timestamp: format!("{at:.3}"),
        currency: "EUR",
        gros_amount: euro(order.amount_cents),
        purpose: &order.purpose,
        description: &order.description,
        redirect_url,
        items: order.items.iter().map(item).collect(),
    }
}

fn item(item: &Item) -> RequestedItem<'_> {
    let (net, tax) = item.total().unwrap_or_default();
    RequestedItem {
        id: &item.id,
        reference: &item.reference,
        description: &item.description,
        tax_rate: item.tax_rate,
        quantity: item.quantity,
        total_net_amount: euro(net),
        total_tax_amount: euro(tax),
        single_net_amount: euro(item.net_cents),
        single_tax_amount: euro(item.tax_cents),
        booking_data: &item.booking_data,
    }
}

/// A number of Euro as it is written, never a binary fraction.
fn euro(cents: u64) -> Box<RawValue> {
    let text = format!("{}.{:02}", cents / 100, cents % 100);
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// The cents of a number of Euro; `None` where it is not a whole number of them.
fn cents(euro: f64) -> Option<u64> {
    let cents = (euro * 100.0).round();
    let whole = (0.0..MOST).contains(&euro) && (euro * 100.0 - cents).abs() < 1e-6;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole, not negative and small"
    )]
    whole.then_some(cents as u64)
}

/// What the beginning is answered with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Started {
    pub(crate) payment_information: Information,
    payment_request: Option<Echo>,
}

/// What a question is answered with: the information, or as at the beginning.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Asked {
    Wrapped(Started),
    Bare(Information),
}

/// `PaymentInformation`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Information {
    pub(crate) transaction_id: String,
    #[serde(rename = "transactionRedirectUrl")]
    pub(crate) redirect: Option<String>,
    transaction_reference: Option<String>,
    transaction_timestamp: Option<String>,
    status: String,
}

/// What the provider says was asked for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Echo {
    request_id: Option<String>,
    gros_amount: Option<f64>,
    currency: Option<String>,
}

impl Started {
    /// Whether it is the payment that was ordered; if not, what differs.
    pub(crate) fn is_what_was_ordered(&self, order: &Order, request_id: &str) -> Result<(), &'static str> {
        let Some(echo) = &self.payment_request else { return Ok(()) };
        if echo.request_id.as_ref().is_some_and(|id| id != request_id) {
            return Err("requestId");
        }
        echo.fits(order)
    }
}

impl Echo {
    fn fits(&self, order: &Order) -> Result<(), &'static str> {
        if self.gros_amount.is_some_and(|amount| cents(amount) != Some(order.amount_cents)) {
            return Err("grosAmount");
        }
        if self.currency.as_ref().is_some_and(|currency| currency != "EUR") {
            return Err("currency");
        }
        Ok(())
    }
}

impl Asked {
    /// The provider's word on the payment that was begun.
    pub(crate) fn word(self, transaction: &str, order: &Order) -> Result<Word, Failure> {
        let (information, echo) = match self {
            Self::Wrapped(started) => (started.payment_information, started.payment_request),
            Self::Bare(information) => (information, None),
        };
        if information.transaction_id != transaction {
            return Err(differs("transactionId"));
        }
        if let Some(echo) = echo {
            echo.fits(order).map_err(differs)?;
        }
        let code = information.status;
        match code.as_str() {
            "INITIAL" => Ok(Word::Open(information.redirect)),
            // The word of FIT-Connect for the same.
            "PAYED" | "BOOKED" => Ok(Word::Paid(Paid {
                reference: information.transaction_reference.filter(|it| !it.trim().is_empty()),
                amount_cents: None,
                at: information.transaction_timestamp.and_then(|at| at.parse().ok()),
                code,
            })),
            "FAILED" => Ok(Word::Failed(code)),
            "CANCELED" => Ok(Word::Cancelled(code)),
            _ => Err(Failure::unavailable(Reason::new(ReasonCode::UnexpectedAnswer).with("status", "200"))),
        }
    }
}

/// The provider's word for an error.
pub(crate) enum Functional {
    /// It has a payment under this request id.
    PaymentExists,
    /// It refuses, by this word.
    Refused(&'static str),
}

/// What refuses for good, whatever the status.
const REFUSED: [&str; 5] = [
    "NO_VALID_ORIGINATOR_OR_ENDPOINT",
    "CALCULATION_ERROR",
    "BOOKING_DATA_MISSING",
    "VALIDATION_ERROR",
    "FORBIDDEN",
];

/// `functionalCode` of a problem.
pub(crate) fn functional_code(answer: &Answer) -> Option<Functional> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Problem {
        functional_code: String,
    }
    let problem: Problem = serde_json::from_slice(answer.body.as_deref().ok()?).ok()?;
    match problem.functional_code.as_str() {
        "PAYMENT_EXISTS" => Some(Functional::PaymentExists),
        code => REFUSED.into_iter().find(|known| *known == code).map(Functional::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_written_to_the_cent_and_read_as_written() {
        for amount in (0..100_000).chain([99_999_899, 99_999_900]) {
            let written = euro(amount);
            assert_eq!(written.get(), format!("{}.{:02}", amount / 100, amount % 100));
            let read: f64 = serde_json::from_str(written.get()).unwrap();
            assert_eq!(cents(read), Some(amount), "{}", written.get());
        }
        for euro in [12.505, -1.0, f64::NAN, f64::INFINITY, 1e12] {
            assert_eq!(cents(euro), None, "{euro}");
        }
    }
}
