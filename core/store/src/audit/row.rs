use rohrpost_model::digest::Hasher;
use rohrpost_model::{DeliveryId, Digest};
use serde::{Deserialize, Serialize};

/// A row of the history with all that its hash covers, as it is exported: one JSON object. What is not there is left
/// out. Nothing in it is content: a person's words are covered by the hash of their encrypted form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditRow {
    /// Its number, from 1, without gaps.
    pub seq: u64,
    /// The delivery that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryId>,
    /// What else it is about: `destination NAME` or `command ID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When: nanoseconds since 1970-01-01T00:00:00Z. In JSON a text, because many readers of JSON round such numbers.
    #[serde(with = "nanoseconds")]
    pub at: i64,
    /// What happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The state of the delivery after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What was behind it: an attempt, a command, or a named rule of the hub.
    pub cause: String,
    /// A client's name, or `rohrpost`.
    pub who: String,
    /// SHA-256 of a person's words, encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_sha256: Option<Digest>,
    /// The reason: JSON, byte for byte as it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// SHA-256 of what was accepted, or of what was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Digest>,
    /// Covers all of it, and the hash before.
    pub hash: Digest,
}

impl AuditRow {
    /// What its hash has to be after a row with the hash `before`; `None` if the row is of no form that there is.
    ///
    /// SHA-256 over: the name of the format, the hash before, the number, what it is about, the time, and the fields.
    /// Numbers are 8 bytes, the most significant first; a field is a zero byte where it is not there, else a one, its
    /// length in 8 bytes, and itself. Format 1 is about a delivery (its 16 bytes), format 2 about a subject (a field);
    /// the state stands between event and cause, in format 1 only.
    pub fn hash_after(&self, before: &Digest) -> Option<Digest> {
        let mut hasher = Hasher::default();
        let start = |hasher: &mut Hasher, format: &[u8]| {
            hasher.update(format);
            hasher.update(before.as_bytes());
            hasher.update(&self.seq.to_be_bytes());
        };
        match (&self.delivery, &self.state, &self.subject) {
            (Some(delivery), Some(_), None) => {
                start(&mut hasher, b"rohrpost history 1");
                hasher.update(delivery.as_bytes());
            }
            (None, None, Some(subject)) => {
                start(&mut hasher, b"rohrpost history 2");
                field(&mut hasher, Some(subject.as_bytes()));
            }
            _ => return None,
        }
        hasher.update(&self.at.to_be_bytes());
        field(&mut hasher, self.event.as_deref().map(str::as_bytes));
        if let Some(state) = &self.state {
            field(&mut hasher, Some(state.as_bytes()));
        }
        field(&mut hasher, Some(self.cause.as_bytes()));
        field(&mut hasher, Some(self.who.as_bytes()));
        field(&mut hasher, self.why_sha256.as_ref().map(|digest| digest.as_bytes().as_slice()));
        field(&mut hasher, self.reason.as_deref().map(str::as_bytes));
        field(&mut hasher, self.evidence.as_ref().map(|digest| digest.as_bytes().as_slice()));
        Some(hasher.finish())
    }
}

fn field(hasher: &mut Hasher, value: Option<&[u8]>) {
    let Some(value) = value else { return hasher.update(&[0]) };
    hasher.update(&[1]);
    hasher.update(&(value.len() as u64).to_be_bytes());
    hasher.update(value);
}

/// A number as a text.
mod nanoseconds {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom("nanoseconds as a text are expected"))
    }
}
