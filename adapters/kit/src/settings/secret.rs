use secrecy::{ExposeSecret, SecretString};
use serde::de::{Deserializer, MapAccess, Visitor};
use std::fmt;
use std::path::{Path, PathBuf};

/// Where a secret is to be found: `{ file = "…" }` or `{ env = "…" }`. The secret itself is never written into the
/// configuration.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// In a file; one line end at its end does not belong to the secret.
    File(PathBuf),
    /// In an environment variable.
    Env(String),
}

/// Fetches secrets. The root implements it: only it may read the environment, and it knows the folder that relative
/// paths start from. The errors say what is wrong with the place, never what is in it.
pub trait Secrets: Send + Sync {
    /// The content of a file, relative to the configuration folder.
    fn file(&self, path: &Path) -> Result<SecretString, String>;

    /// The value of an environment variable.
    fn env(&self, name: &str) -> Result<SecretString, String>;
}

impl SecretRef {
    /// Fetches the secret. An empty one is an error.
    pub fn resolve(&self, secrets: &dyn Secrets) -> Result<SecretString, String> {
        let secret = match self {
            Self::File(path) => without_line_end(secrets.file(path)?),
            Self::Env(name) => secrets.env(name)?,
        };
        if secret.expose_secret().is_empty() {
            return Err("the secret is empty".into());
        }
        Ok(secret)
    }
}

fn without_line_end(secret: SecretString) -> SecretString {
    let text = secret.expose_secret();
    match text.strip_suffix('\n') {
        Some(line) => line.strip_suffix('\r').unwrap_or(line).into(),
        None => secret,
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> serde::Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reference)
    }
}

struct Reference;

const FORM: &str = "a secret is written as { file = \"…\" } or { env = \"…\" }, never as itself";

impl<'de> Visitor<'de> for Reference {
    type Value = SecretRef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ file = \"…\" } or { env = \"…\" }")
    }

    // Serde's own messages quote the value, and this one may be the secret.
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<SecretRef, E> {
        Err(E::custom(FORM))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<SecretRef, E> {
        Err(E::custom(FORM))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<SecretRef, E> {
        Err(E::custom(FORM))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretRef, A::Error> {
        let wrong = || serde::de::Error::custom(FORM);
        let (kind, value) = map.next_entry::<String, Text>()?.ok_or_else(wrong)?;
        let reference = match kind.as_str() {
            "file" => SecretRef::File(value.0.into()),
            "env" => SecretRef::Env(value.0),
            _ => return Err(wrong()),
        };
        if map.next_key::<String>()?.is_some() {
            return Err(wrong());
        }
        Ok(reference)
    }
}

/// A text whose type error does not quote what stood in its place.
struct Text(String);

impl<'de> serde::Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self).map_err(|_| serde::de::Error::custom(FORM))
    }
}
