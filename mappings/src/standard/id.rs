//! What a standard is called.

use std::fmt;
use std::str::FromStr;

/// An edition of a standard: `xdomea@3.0.0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StandardId {
    name: String,
    version: String,
}

/// The text names no edition of a standard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no standard: write NAME@VERSION, each of letters, digits, '.', '-' and '_', such as xdomea@3.0.0"
)]
pub struct NotAStandard(String);

impl StandardId {
    /// An edition by name and version.
    pub fn new(name: &str, version: &str) -> Result<Self, NotAStandard> {
        match sound(name) && sound(version) {
            true => Ok(Self { name: name.to_owned(), version: version.to_owned() }),
            false => Err(NotAStandard(format!("{name}@{version}"))),
        }
    }

    /// The standard's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// Both are names of folders, so neither may lead out of one or hide it.
fn sound(part: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    (1..=64).contains(&part.len()) && !part.starts_with('.') && part.chars().all(allowed)
}

impl FromStr for StandardId {
    type Err = NotAStandard;

    fn from_str(text: &str) -> Result<Self, NotAStandard> {
        let (name, version) = text.split_once('@').ok_or_else(|| NotAStandard(text.to_owned()))?;
        Self::new(name, version).map_err(|_| NotAStandard(text.to_owned()))
    }
}

impl fmt::Display for StandardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

impl serde::Serialize for StandardId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for StandardId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
