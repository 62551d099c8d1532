//! Names that people give, each a type of its own so that none can stand in another's place.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// The text does not have the form that its name asks for; the message says which form that is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadName(pub String);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                $check(text)?;
                Ok(Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

fn check_slug(text: &str) -> Result<(), BadName> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_' || c == '.';
    let starts = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if starts && text.len() <= 100 && text.chars().all(allowed) {
        return Ok(());
    }
    Err(BadName(
        "a name has 1 to 100 characters of a-z, 0-9, '-', '_' and '.', and starts with a letter or digit"
            .into(),
    ))
}

fn check_document(text: &str) -> Result<(), BadName> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    let starts = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if starts && text.len() <= 40 && text.chars().all(allowed) {
        return Ok(());
    }
    Err(BadName(
        "a document's name has 1 to 40 characters of a-z, 0-9, '-' and '_', and starts with a letter or digit".into(),
    ))
}

fn check_leika(text: &str) -> Result<(), BadName> {
    if text.len() == 14 && text.starts_with("99") && text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err(BadName("a LeiKa key has 14 digits and starts with 99".into()))
}

fn check_ars(text: &str) -> Result<(), BadName> {
    if matches!(text.len(), 2 | 3 | 5 | 9 | 12) && text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err(BadName("an area is an Amtlicher Regionalschlüssel (ARS) of 2, 3, 5, 9 or 12 digits".into()))
}

fn check_case(text: &str) -> Result<(), BadName> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-');
    if (1..=100).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(());
    }
    Err(BadName("a case has 1 to 100 characters of A-Z, a-z, 0-9, '.', '_', ':' and '-'; it must not carry personal data".into()))
}

name! {
    /// A municipality or authority.
    TenantName, check_slug
}
name! {
    /// Who may hand in, fetch or operate.
    ClientName, check_slug
}
name! {
    /// A route.
    RouteName, check_slug
}
name! {
    /// A step, unique in its route. [`UNROUTED`](crate::route::UNROUTED) is the hub's own.
    StepName, check_slug
}
name! {
    /// A configured foreign system.
    DestinationName, check_slug
}
name! {
    /// A configured way of signing.
    SealName, check_slug
}
name! {
    /// Where the hub listens for a protocol of foreign systems.
    ListenerName, check_slug
}
name! {
    /// A place outside that the hub fetches from.
    SourceName, check_slug
}
name! {
    /// A folder of the mapping library.
    MappingName, check_slug
}
name! {
    /// A document that a mapping makes beside its message. It stands in names of files, so it has no dot.
    DocumentName, check_document
}
name! {
    /// What a submission is: `application`, `amendment`, `withdrawal`, `receipt`, `status`, `query`,
    /// `document-request`, `payment-request`, `payment-confirmation`, `notice`. The list is open.
    Kind, check_slug
}
name! {
    /// A LeiKa key: the service of public administration that is asked for, 14 digits.
    ServiceKey, check_leika
}
name! {
    /// An Amtlicher Regionalschlüssel: the area that a submission concerns.
    Area, check_ars
}
name! {
    /// The Vorgang that a submission, its amendments and all answers share; unique per tenant. Given by the client or
    /// by the hub. It stands in URLs, so it must not carry personal data (promise H10).
    CaseId, check_case
}

/// An area or a prefix of areas, as routes and tenants write it: `15091*`, `150910000000`, or `*` for all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AreaPattern {
    digits: String,
    open: bool,
}

impl AreaPattern {
    /// Whether `area` is the area named, or lies under the prefix.
    pub fn covers(&self, area: &Area) -> bool {
        if self.open { area.as_str().starts_with(&self.digits) } else { area.as_str() == self.digits }
    }

    /// How narrowly it says what it covers: the longer the digits the narrower, and an exact area is narrower than
    /// the same digits with a `*`. The larger number wins.
    pub fn specificity(&self) -> usize {
        self.digits.len() * 2 + usize::from(!self.open)
    }

    /// The patterns that cover `area`, the narrowest first.
    pub fn covering(area: &Area) -> impl Iterator<Item = Self> {
        let text = area.as_str().to_owned();
        let exact = Self { digits: text.clone(), open: false };
        let prefix = move |length: usize| Self { digits: text.chars().take(length).collect(), open: true };
        std::iter::once(exact).chain((0..=area.as_str().len()).rev().map(prefix))
    }

    /// Whether some area is covered by both.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self.open, other.open) {
            (true, true) => self.digits.starts_with(&other.digits) || other.digits.starts_with(&self.digits),
            (true, false) => other.digits.starts_with(&self.digits),
            (false, true) => self.digits.starts_with(&other.digits),
            (false, false) => self.digits == other.digits,
        }
    }
}

impl FromStr for AreaPattern {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let (digits, open) = text.strip_suffix('*').map_or((text, false), |digits| (digits, true));
        let whole = open || check_ars(digits).is_ok();
        if whole && digits.len() <= 12 && digits.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Self { digits: digits.to_owned(), open });
        }
        Err(BadName("an area is an ARS of 2, 3, 5, 9 or 12 digits, or a prefix followed by '*'".into()))
    }
}

impl TryFrom<String> for AreaPattern {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<AreaPattern> for String {
    fn from(pattern: AreaPattern) -> String {
        pattern.to_string()
    }
}

impl fmt::Display for AreaPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.digits, if self.open { "*" } else { "" })
    }
}
