//! What others call a case.

use crate::{BadName, SubmissionId, TenantName, Timestamp};
use crate::{CaseId, Kind, ServiceKey};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use unicode_normalization::UnicodeNormalization as _;

/// The most characters of an identifier.
const LONGEST: usize = 500;

/// The most identifiers that a sender gives with one submission.
pub const MOST: usize = 10;

/// An identifier that somebody else gave a case: an Aktenzeichen, the id of a document, a Kassenzeichen. Content: stored
/// encrypted, found by a keyed hash, and never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ForeignId(String);

impl ForeignId {
    /// The text as it was given, without spaces around it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ForeignId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let text = text.trim();
        let right =
            !text.is_empty() && text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
        if right {
            return Ok(Self(text.to_owned()));
        }
        Err(BadName(format!("an identifier has 1 to {LONGEST} characters and no control characters")))
    }
}

impl TryFrom<String> for ForeignId {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<ForeignId> for String {
    fn from(id: ForeignId) -> Self {
        id.0
    }
}

impl fmt::Debug for ForeignId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForeignId(***)")
    }
}

/// The form in which values are compared: people type them from paper. Composed (NFC), in upper case, and without spaces,
/// which are set now like this and now like that. Part of the stored format: what is found by it was hashed in this form.
pub fn normalised(value: &str) -> String {
    let letters = value.chars().filter(|c| !c.is_whitespace()).nfc();
    letters.flat_map(char::to_uppercase).nfc().collect()
}

/// Who gave an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Giver {
    /// A destination, in its receipt.
    Receipt,
    /// An authority, in its answer.
    Answer,
    /// Whoever handed a submission in.
    Sender,
}

/// An identifier that the hub learned of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAs {
    /// The identifier.
    pub id: ForeignId,
    /// Who gave it.
    pub from: Giver,
    /// Its name: of a destination, or of a client.
    pub system: String,
    /// The submission that it came with.
    pub submission: SubmissionId,
    /// When it was learned.
    pub learned_at: Timestamp,
}

/// What is looked for. Everything in it is content.
#[derive(Clone, PartialEq, Eq)]
pub enum Sought {
    /// An identifier, whoever gave it; only that of one destination or client where it is named.
    ForeignId(String, Option<String>),
    /// What a target called it in its receipt.
    Receipt(String),
    /// The name of a file that was handed in.
    FileName(String),
}

impl Sought {
    /// The value.
    pub fn value(&self) -> &str {
        let (Self::ForeignId(value, _) | Self::Receipt(value) | Self::FileName(value)) = self;
        value
    }
}

/// A submission that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Whose it is.
    pub tenant: TenantName,
    /// Its case.
    pub case: CaseId,
    /// The submission that the value came with.
    pub submission: SubmissionId,
    /// What it is.
    pub kind: Kind,
    /// Its service.
    pub service: ServiceKey,
    /// When it was received.
    pub received_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_as_people_write_them() {
        for (one, other) in [
            (" WB 4711/26 ", "wb 4711/26"),
            ("WB 4711/26", "WB\u{a0}4711 / 26"),
            ("Gr\u{fc}n-1", "GRU\u{308}N-1"),
            ("Stra\u{df}e", "STRASSE"),
        ] {
            assert_eq!(normalised(one), normalised(other), "{one}");
        }
        assert_ne!(normalised("WB 4711/26"), normalised("WB 4711/27"));
        assert_ne!(normalised("4711-26"), normalised("471126"), "signs count");
    }

    #[test]
    fn an_identifier_is_never_printed() {
        let id: ForeignId = " AZ-MUSTERMANN ".parse().unwrap();
        assert_eq!((id.as_str(), format!("{id:?}").as_str()), ("AZ-MUSTERMANN", "ForeignId(***)"));
        for wrong in ["", "  ", "a\u{7}b", &"x".repeat(501)] {
            assert!(wrong.parse::<ForeignId>().is_err());
        }
    }
}
