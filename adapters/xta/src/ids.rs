//! Message ids: `urn:de:xta:messageid:<sender>:<UUID>`, compared without regard to case.

use uuid::Uuid;

/// How an id of the standard begins.
pub const PREFIX: &str = "urn:de:xta:messageid:";
/// An id is at most this long.
pub const MAX_LENGTH: usize = 100;
const MAX_SENDER: usize = 41;

/// An id that does not follow the pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMessageId {
    /// Longer than the standard allows.
    #[error("a message id has at most {MAX_LENGTH} characters")]
    TooLong,
    /// Another beginning.
    #[error("a message id begins with `{PREFIX}`")]
    Prefix,
    /// No sender, or one that is too long.
    #[error(
        "the sender in a message id has 1 to {MAX_SENDER} characters, none of them a colon or white space"
    )]
    Sender,
    /// No UUID at the end.
    #[error("a message id ends with a UUID")]
    Uuid,
}

/// Checks an id that somebody else made.
pub fn check(id: &str) -> Result<(), BadMessageId> {
    if id.chars().count() > MAX_LENGTH {
        return Err(BadMessageId::TooLong);
    }
    let head = id.get(..PREFIX.len()).filter(|head| head.eq_ignore_ascii_case(PREFIX));
    let rest = head.map(|_| &id[PREFIX.len()..]).ok_or(BadMessageId::Prefix)?;
    let (sender, uuid) = rest.rsplit_once(':').ok_or(BadMessageId::Sender)?;
    if !good_sender(sender) {
        return Err(BadMessageId::Sender);
    }
    let hyphenated = uuid.len() == 36 && Uuid::try_parse(uuid).is_ok();
    if hyphenated { Ok(()) } else { Err(BadMessageId::Uuid) }
}

/// Makes one. The caller brings the UUID, as it brings the time everywhere.
pub fn make(sender: &str, uuid: Uuid) -> Result<String, BadMessageId> {
    let id = format!("{PREFIX}{sender}:{uuid}");
    check(&id).map(|()| id)
}

/// The form in which ids are compared and kept as keys.
pub fn key(id: &str) -> String {
    id.trim().to_lowercase()
}

/// Whether two ids name the same message.
pub fn same(one: &str, other: &str) -> bool {
    key(one) == key(other)
}

fn good_sender(sender: &str) -> bool {
    let length = sender.chars().count();
    (1..=MAX_SENDER).contains(&length)
        && !sender.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control())
}
