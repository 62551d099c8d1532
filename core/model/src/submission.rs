//! One message as it came in.

pub use crate::callback::CallbackUrl;
use crate::ports::Location;
use crate::{Area, CaseId, ClientName, Digest, Kind, ServiceKey, SubmissionId, TenantName, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the sender's protocol says of a submission beside what the hub has words for, by name: for instance
/// `xta.author`. Content: stored encrypted.
pub type Properties = BTreeMap<String, String>;

/// One message as it came in: immutable. An answer is a submission too, of another [`Kind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Given by the hub at acceptance.
    pub id: SubmissionId,
    /// Whose submission it is: follows from its area and from what its client is granted.
    pub tenant: TenantName,
    /// Who handed it in.
    pub client: ClientName,
    /// What it is.
    pub kind: Kind,
    /// The service it asks for.
    pub service: ServiceKey,
    /// The area it concerns.
    pub area: Area,
    /// The Vorgang that it belongs to.
    pub case: CaseId,
    /// Its place in the case, counted from 1 in order of acceptance; given by the store.
    pub sequence: u64,
    /// When it was durably accepted; legally the time of receipt.
    pub received_at: Timestamp,
    /// How surely the portal knows the applicant, if it said so.
    pub trust_level: Option<TrustLevel>,
    /// Where answers are wanted.
    pub reply: Option<ReplyChannel>,
    /// A test submission never reaches a live destination.
    pub test: bool,
    /// The sender's trace (W3C Trace Context), to join its log with the hub's.
    pub traceparent: Option<String>,
    /// Nothing of it leaves before this time.
    pub not_before: Option<Timestamp>,
    /// What else the sender's protocol says of it.
    pub properties: Properties,
    /// The data, then the attachments in the order they were handed in.
    pub parts: Vec<Part>,
}

/// The property that holds what an endpoint remarked about what it took in although it is not as it should be: one remark
/// in each line, in German, with names and places but no values.
pub const REMARKS: &str = "remarks";

impl Submission {
    /// What was remarked about it when it was taken in.
    pub fn remarks(&self) -> impl Iterator<Item = &str> {
        self.properties.get(REMARKS).into_iter().flat_map(|remarks| remarks.lines())
    }

    /// The structured data. Every accepted submission has one.
    pub fn data(&self) -> Option<&Part> {
        self.parts.iter().find(|part| part.role == Role::Data)
    }

    /// The attachments, in order.
    pub fn attachments(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.role == Role::Attachment)
    }
}

/// What a part is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The structured data.
    Data,
    /// A document handed in with it.
    Attachment,
}

/// One part of a submission. Its content lies in [`Blobs`](crate::ports::Blobs).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// 0 for the data, 1 and up for attachments.
    pub number: u32,
    /// What it is for.
    pub role: Role,
    /// The file name that the sender gave. Content: it may name a person, so it is stored encrypted.
    pub name: Option<String>,
    /// The media type that the sender gave (RFC 6838), without parameters.
    pub media_type: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the bytes as they came in.
    pub sha256: Digest,
    /// Where the content lies; `None` until the store has placed it, and after it was erased.
    pub location: Option<Location>,
}

/// STORK QAA level of the applicant's identification, as the portal states it (BSI TR-03107-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct TrustLevel(u8);

impl TryFrom<u8> for TrustLevel {
    type Error = String;

    fn try_from(level: u8) -> Result<Self, String> {
        if (1..=4).contains(&level) {
            return Ok(Self(level));
        }
        Err("a trust level is a STORK QAA level from 1 (basic) to 4 (high)".into())
    }
}

impl From<TrustLevel> for u8 {
    fn from(level: TrustLevel) -> Self {
        level.0
    }
}

/// Where the applicant wants answers. Content: stored encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ReplyChannel {
    /// A post box of the applicant.
    PostBox {
        /// The kind of post box, for instance `bundid`, `elster`, `portal`.
        system: String,
        /// Its handle there.
        handle: String,
    },
    /// An address of the portal that answers are sent to.
    Callback {
        /// The address.
        url: CallbackUrl,
    },
    /// A mail address, for notices without content.
    Mail {
        /// The address.
        address: MailAddress,
    },
    /// The XTA message that is answered. Set by XTA itself.
    Xta {
        /// Its id.
        message_id: String,
    },
}

/// The ways by which answers can be wanted, as conditions of steps name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplyWay {
    /// A post box of the applicant.
    PostBox,
    /// An address of the portal.
    Callback,
    /// A mail address.
    Mail,
    /// An XTA message that is answered.
    Xta,
    /// None was named.
    None,
}

impl ReplyWay {
    const ALL: [(&'static str, Self); 5] = [
        ("post-box", Self::PostBox),
        ("callback", Self::Callback),
        ("mail", Self::Mail),
        ("xta", Self::Xta),
        ("none", Self::None),
    ];

    /// The way of a channel.
    pub const fn of(channel: Option<&ReplyChannel>) -> Self {
        match channel {
            Some(ReplyChannel::PostBox { .. }) => Self::PostBox,
            Some(ReplyChannel::Callback { .. }) => Self::Callback,
            Some(ReplyChannel::Mail { .. }) => Self::Mail,
            Some(ReplyChannel::Xta { .. }) => Self::Xta,
            None => Self::None,
        }
    }

    /// The word in the configuration.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, way)| *way == self).map_or("", |(word, _)| word)
    }
}

impl std::str::FromStr for ReplyWay {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(known, _)| *known == word).map(|(_, way)| *way);
        found.ok_or_else(|| format!("the ways are {}", Self::ALL.map(|(word, _)| word).join(", ")))
    }
}

/// A mail address without a name. Content.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailAddress(String);

impl MailAddress {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MailAddress {
    type Error = &'static str;

    /// What every mail server takes: no quoted names and no umlauts, nor what could begin another header or recipient.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let plain = |c: char| c.is_ascii_graphic() && !r#"<>()[]",;:\@"#.contains(c);
        let dotted = |part: &str| !part.is_empty() && part.split('.').all(|word| !word.is_empty());
        let host = |part: &str| {
            part.contains('.') && part.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c))
        };
        match text.split_once('@') {
            Some((name, domain))
                if text.len() <= 254
                    && name.chars().all(plain)
                    && dotted(name)
                    && dotted(domain)
                    && host(domain) =>
            {
                Ok(Self(text))
            }
            _ => {
                Err("a mail address is written like name@example.org, in ASCII and without a name before it")
            }
        }
    }
}

impl From<MailAddress> for String {
    fn from(address: MailAddress) -> Self {
        address.0
    }
}

impl std::fmt::Debug for MailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailAddress(***)")
    }
}

/// The public state of a submission, made of the states of its deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PublicState {
    /// Nothing was sent yet.
    Accepted,
    /// Something was sent, something is still to do.
    Underway,
    /// A delivery needs a person.
    Attention,
    /// Every delivery was delivered, or skipped by its own condition.
    Completed,
    /// Every delivery ended, at least one discarded or expired.
    Ended,
}

impl PublicState {
    /// The public state of a submission with these deliveries.
    pub fn of(deliveries: &[crate::Delivery]) -> Self {
        use crate::State as S;
        let any = |wanted: fn(S) -> bool| deliveries.iter().any(|delivery| wanted(delivery.state));
        let all = |wanted: fn(S) -> bool| deliveries.iter().all(|delivery| wanted(delivery.state));
        if all(S::is_end) {
            return if any(|state| matches!(state, S::Discarded | S::Expired)) {
                Self::Ended
            } else {
                Self::Completed
            };
        }
        if any(|state| state == S::Parked) {
            return Self::Attention;
        }
        let nothing_sent = deliveries.iter().all(|delivery| delivery.attempts == 0);
        if nothing_sent { Self::Accepted } else { Self::Underway }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_address_is_one_address_and_nothing_more() {
        let read = |text: &str| MailAddress::try_from(text.to_owned());
        assert_eq!(
            read("erika.mustermann+amt@example.org").unwrap().as_str(),
            "erika.mustermann+amt@example.org"
        );
        for wrong in [
            "",
            "erika",
            "@example.org",
            "erika@",
            "erika@localhost",
            "a@b@example.org",
            "a b@example.org",
            "Erika <erika@example.org>",
            "erika@example.org, max@example.org",
            "erika@example.org\r\nBcc: x@y.de",
            "m\u{fc}ller@example.org",
            "erika@m\u{fc}ller.example",
            "erika..m@example.org",
            "\"e\"@example.org",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let long = format!("{}@example.org", "e".repeat(250));
        assert!(read(&long).is_err());
        assert_eq!(format!("{:?}", read("erika@example.org").unwrap()), "MailAddress(***)");
    }

    #[test]
    fn ways_are_written_as_they_are_stored() {
        for (word, way) in ReplyWay::ALL {
            assert_eq!(serde_json::to_value(way).unwrap(), word);
            assert_eq!((word.parse(), way.word()), (Ok(way), word));
        }
    }
}
