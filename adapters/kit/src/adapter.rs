//! What an adapter is, and what it is configured from.

use crate::settings::{self, Places, SecretRef, Secrets};
use rohrpost_model::Fault;
use rohrpost_model::ports::{Clock, Target};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::Spanned;

/// A kind of foreign system that the hub can talk to.
///
/// A destination's file names its adapter's kind and has a table of that name, which belongs to the adapter:
/// `adapter = "folder"` and `[folder]`. A new adapter is one crate, its line in the root's `Cargo.toml`, and its line
/// in the list in `core/assemble.rs`.
pub trait Adapter: Send + Sync {
    /// The word in the configuration.
    fn kind(&self) -> &'static str;

    /// The table of a new destination with comments for whoever changes it, in German: it is in order, without asking for
    /// files, or for secrets other than [`secrets`](Self::secrets). `{{name}}` stands for the destination's name.
    fn example(&self) -> &'static str;

    /// The random secrets without which there is no such destination: files in the folder of secrets, which are made together
    /// with a new one. `{{name}}` stands for its name.
    fn secrets(&self) -> &'static [&'static str] {
        &[]
    }

    /// The JSON schema (draft 7) of the table, for editors: every key that [`configure`](Self::configure) knows and no other,
    /// with a description in German. It refers to nothing outside itself.
    fn schema(&self) -> &'static str;

    /// Checks a destination's settings wholly and makes its target. It reads files (certificates) and secrets, but
    /// opens no connection and changes nothing; it is called by `check` as well as by `serve`, and again for every
    /// new configuration. Returns every fault, not only the first.
    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Target>, Vec<Fault>>;
}

/// What an adapter is configured from.
pub struct AdapterSource<'a> {
    /// The destination's file, as people name it.
    pub file: &'a str,
    /// Its whole text.
    pub text: &'a str,
    /// What relative paths start from.
    pub folder: &'a Path,
    /// Fetches secrets.
    pub secrets: &'a dyn Secrets,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl AdapterSource<'_> {
    /// Reads the adapter's own table.
    pub fn read<T: DeserializeOwned>(&self, kind: &str) -> Result<T, Vec<Fault>> {
        settings::read(self.file, self.text, Some(kind))
    }

    /// Reads the adapter's own table into two structs: what it has in common with others, and what only it has.
    pub fn read_groups<A, B>(&self, kind: &str) -> Result<(A, B), Vec<Fault>>
    where
        A: DeserializeOwned,
        B: DeserializeOwned,
    {
        settings::read_groups(self.file, self.text, kind)
    }

    /// Makes faults with places in the file.
    pub fn places(&self) -> Places<'_> {
        Places::new(self.file, self.text)
    }

    /// A configured path, from the folder that relative ones start from.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// Fetches a secret; the fault stands at its reference.
    pub fn secret(&self, reference: &Spanned<SecretRef>) -> Result<SecretString, Fault> {
        reference.get_ref().resolve(self.secrets).map_err(|error| self.places().fault_at(reference, error))
    }
}

/// Gathers faults while the parts of a configuration are made.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// The value, or `None` after noting its faults.
    pub fn note<T, E: IntoFaults>(&mut self, made: Result<T, E>) -> Option<T> {
        made.map_err(|faults| self.0.extend(faults.into_faults())).ok()
    }

    /// Notes a fault.
    pub fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// The whole, if nothing was noted. `whole` is `None` only if something was.
    pub fn finish<T>(self, whole: Option<T>) -> Result<T, Vec<Fault>> {
        match whole {
            Some(whole) if self.0.is_empty() => Ok(whole),
            _ => Err(self.0),
        }
    }
}

/// One fault or many.
pub trait IntoFaults {
    /// All of them.
    fn into_faults(self) -> Vec<Fault>;
}

impl IntoFaults for Fault {
    fn into_faults(self) -> Vec<Fault> {
        vec![self]
    }
}

impl IntoFaults for Vec<Fault> {
    fn into_faults(self) -> Vec<Fault> {
        self
    }
}
