//! What an authority answers in a case: the data of a submission that goes back to the portal.

use crate::{Date, Kind, payment};
use serde::{Deserialize, Serialize};

/// What only portals hand in.
const ASKED: [&str; 3] = ["application", "amendment", "withdrawal"];

/// What an authority hands in for the hub itself: to have something paid. What the citizen gets is a payment request.
const PAYMENT_ORDER: &str = "payment-order";

/// The most characters of a text.
const TEXT: usize = 10_000;

/// The most documents that one answer asks for, and the most characters of the name of each.
const DOCUMENTS: usize = 50;
const DOCUMENT: usize = 200;

impl Kind {
    /// Whether it goes from an authority to the portal, and not the other way.
    pub fn is_answer(&self) -> bool {
        !ASKED.contains(&self.as_str()) && !self.is_payment_order()
    }

    /// Whether an authority orders by it that something is paid.
    pub fn is_payment_order(&self) -> bool {
        self.as_str() == PAYMENT_ORDER
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reply {
    /// What it is: `receipt`, `status`, `query`, `document-request`, `payment-request`, `payment-confirmation`, `notice`,
    /// or a word of one's own.
    pub kind: Kind,
    /// What the citizen reads: German, plain text.
    pub text: String,
    /// Until when an answer is wanted; the day itself counts.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "day")]
    pub deadline: Option<Date>,
    /// The documents that are asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<String>,
    /// What is to be paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<Payment>,
    /// What the authority calls the case: its Aktenzeichen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

fn day<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Date>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    let wrong = |_| serde::de::Error::custom("`deadline` is a day like 2027-01-31");
    text.map(|text| text.parse().map_err(wrong)).transpose()
}

/// What is to be paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Payment {
    /// In cents.
    pub amount_cents: u64,
    /// What for.
    pub purpose: String,
    /// Where it is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What is wrong with an answer: the member, and what would be right, in English and German.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongReply {
    /// The member.
    pub member: &'static str,
    /// What would be right.
    pub english: &'static str,
    /// The same in German.
    pub german: &'static str,
}

const fn wrong(member: &'static str, english: &'static str, german: &'static str) -> WrongReply {
    WrongReply { member, english, german }
}

impl Reply {
    /// One that says no more than its text.
    pub fn new(kind: Kind, text: String) -> Self {
        Self { kind, text, deadline: None, documents: Vec::new(), payment: None, reference: None }
    }

    /// Checks what the form alone cannot say.
    pub fn check(&self) -> Result<(), WrongReply> {
        if !self.kind.is_answer() && !self.kind.is_payment_order() {
            return Err(wrong(
                "kind",
                "an application, amendment or withdrawal is handed in by the portal; an answer is a receipt, status, \
                 query, document-request, payment-request, payment-confirmation or notice; a payment-order has something paid",
                "Antrag, Nachreichung und Rücknahme reicht das Portal ein; eine Antwort ist receipt, status, query, \
                 document-request, payment-request, payment-confirmation oder notice; ein payment-order lässt etwas bezahlen",
            ));
        }
        self.check_text()?;
        self.check_documents()?;
        self.check_payment()
    }

    fn check_text(&self) -> Result<(), WrongReply> {
        let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
        let length = self.text.chars().count();
        if self.text.trim().is_empty() || length > TEXT || !self.text.chars().all(plain) {
            return Err(wrong(
                "text",
                "the text for the citizen has 1 to 10000 characters and no control characters",
                "der Text für die Bürgerin oder den Bürger hat 1 bis 10000 Zeichen und keine Steuerzeichen",
            ));
        }
        match &self.reference {
            Some(reference) if reference.trim().is_empty() || reference.chars().count() > DOCUMENT => {
                Err(wrong(
                    "reference",
                    "a reference has 1 to 200 characters",
                    "ein Zeichen hat 1 bis 200 Zeichen",
                ))
            }
            _ => Ok(()),
        }
    }

    fn check_documents(&self) -> Result<(), WrongReply> {
        let asks = self.kind.as_str() == "document-request";
        let named = |name: &String| !name.trim().is_empty() && name.chars().count() <= DOCUMENT;
        let right = self.documents.len() <= DOCUMENTS && self.documents.iter().all(named);
        if !right || asks == self.documents.is_empty() {
            return Err(wrong(
                "documents",
                "a document-request names 1 to 50 documents of 1 to 200 characters each; no other kind has any",
                "eine Nachforderung nennt 1 bis 50 Unterlagen mit je 1 bis 200 Zeichen; keine andere Art hat welche",
            ));
        }
        Ok(())
    }

    fn check_payment(&self) -> Result<(), WrongReply> {
        if self.kind.is_payment_order() {
            return self.check_payment_order();
        }
        let asks = self.kind.as_str() == "payment-request";
        let right = |payment: &Payment| {
            payment.amount_cents > 0
                && (1..=DOCUMENT).contains(&payment.purpose.trim().chars().count())
                && payment.url.as_ref().is_none_or(|url| url.starts_with("https://") && url.len() <= 2048)
        };
        if asks == self.payment.is_some() && self.payment.as_ref().is_none_or(right) {
            return Ok(());
        }
        Err(wrong(
            "payment",
            "a payment-request says amountCents (more than 0), purpose (1 to 200 characters) and, where there is one, url \
             (https); apart from a payment-order no other kind has a payment",
            "eine Zahlungsaufforderung nennt amountCents (mehr als 0), purpose (1 bis 200 Zeichen) und, wo es eine gibt, url \
             (https); außer payment-order hat keine andere Art eine Zahlung",
        ))
    }

    /// Checked when it is handed in: later nobody is there who could mend it.
    fn check_payment_order(&self) -> Result<(), WrongReply> {
        let right = |payment: &Payment| {
            (1..=payment::AMOUNT).contains(&payment.amount_cents)
                && payment::purpose(&payment.purpose).is_some()
                && payment.url.is_none()
        };
        if self.payment.as_ref().is_some_and(right) {
            return Ok(());
        }
        Err(wrong(
            "payment",
            "a payment-order says amountCents (1 to 99999900) and purpose (as it stands on the statement: 1 to 27 letters, digits, \
             blanks and hyphens; ä counts as ae), and no url",
            "ein payment-order nennt amountCents (1 bis 99999900) und purpose (wie er auf dem Kontoauszug steht: 1 bis 27 \
             Buchstaben, Ziffern, Leerzeichen und Bindestriche; ä zählt als ae), und keine url",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: &str) -> Option<&'static str> {
        let reply: Reply = serde_json::from_str(json).unwrap();
        reply.check().err().map(|wrong| wrong.member)
    }

    #[test]
    fn an_answer_says_what_its_kind_needs() {
        for (json, wrong) in [
            (r#"{"kind":"status","text":"In Arbeit."}"#, None),
            (r#"{"kind":"application","text":"x"}"#, Some("kind")),
            (r#"{"kind":"status","text":" "}"#, Some("text")),
            (r#"{"kind":"status","text":"a\u0007"}"#, Some("text")),
            (r#"{"kind":"document-request","text":"x"}"#, Some("documents")),
            (
                r#"{"kind":"document-request","text":"x","documents":["Lageplan"],"deadline":"2027-01-31"}"#,
                None,
            ),
            (r#"{"kind":"status","text":"x","documents":["Lageplan"]}"#, Some("documents")),
            (r#"{"kind":"payment-request","text":"x"}"#, Some("payment")),
            (
                r#"{"kind":"payment-request","text":"x","payment":{"amountCents":0,"purpose":"Gebühr"}}"#,
                Some("payment"),
            ),
            (
                r#"{"kind":"payment-request","text":"x","payment":{"amountCents":1250,"purpose":"Gebühr"}}"#,
                None,
            ),
            (r#"{"kind":"notice","text":"x","reference":""}"#, Some("reference")),
            (r#"{"kind":"payment-order","text":"x"}"#, Some("payment")),
            (
                r#"{"kind":"payment-order","text":"x","payment":{"amountCents":4250,"purpose":"Gebühr SN-12"}}"#,
                None,
            ),
            (
                r#"{"kind":"payment-order","text":"x","payment":{"amountCents":4250,"purpose":"42,50 €"}}"#,
                Some("payment"),
            ),
            (
                r#"{"kind":"payment-order","text":"x","payment":{"amountCents":99999901,"purpose":"Gebühr"}}"#,
                Some("payment"),
            ),
        ] {
            assert_eq!(told(json), wrong, "{json}");
        }
    }
}
