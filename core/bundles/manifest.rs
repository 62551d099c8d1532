//! `manifest.json`: what a hand over holds and needs. It is what is signed.

use rohrpost_mappings::StandardId;
use rohrpost_model::{Digest, Fault, MappingName, RouteName, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Its name.
pub const MANIFEST: &str = "manifest.json";

/// The name of the signature over it.
pub const SIGNATURE: &str = "manifest.p7s";

/// The format that is written and read.
const FORMAT: u64 = 1;

/// What a hand over says of itself.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: u64,
    /// The version of Rohrpost that wrote it.
    pub rohrpost: String,
    /// When it was written.
    pub created: Timestamp,
    /// The routes in it.
    pub routes: BTreeSet<RouteName>,
    /// The mappings in it: those that the routes name.
    pub mappings: BTreeSet<MappingName>,
    /// Folders of the library that the mappings share.
    pub shared: BTreeSet<MappingName>,
    /// What the hub that takes it must have.
    pub needs: Needs,
    /// The SHA-256 of each file.
    pub files: BTreeMap<String, Digest>,
}

/// What a hub must have to run the routes: names and kinds, no address and no secret.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// Destinations, by the steps that lead to them.
    pub destinations: Vec<DestinationNeed>,
    /// Seals, with their forms.
    pub seals: BTreeMap<String, String>,
    /// The tenants that the routes serve.
    pub tenants: BTreeSet<String>,
    /// The areas that the routes take.
    pub areas: BTreeSet<String>,
    /// What a tenant's file says under `[values]`.
    pub values: BTreeSet<String>,
    /// Installed standards, with the SHA-256 of their `standard.toml`.
    pub standards: BTreeMap<StandardId, Digest>,
}

/// A destination that a step leads to.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestinationNeed {
    /// The route.
    pub route: String,
    /// The step.
    pub step: String,
    /// Its name as the route writes it, with placeholders.
    pub name: String,
    /// Whether test submissions go there.
    pub test: bool,
    /// The placeholders in the name.
    pub placeholders: BTreeSet<String>,
    /// The kinds of adapters behind it where the file was written.
    pub adapters: BTreeSet<String>,
}

impl Manifest {
    /// That of a new hand over.
    pub fn new(created: Timestamp, routes: BTreeSet<RouteName>, mappings: BTreeSet<MappingName>) -> Self {
        let (rohrpost, needs, files) = (env!("CARGO_PKG_VERSION").into(), Needs::default(), BTreeMap::new());
        Self { format: FORMAT, rohrpost, created, routes, mappings, shared: BTreeSet::new(), needs, files }
    }

    /// Its text.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }

    /// Reads it; `shown` is the file that it is in.
    pub fn read(bytes: &[u8], shown: &str) -> Result<Self, Vec<Fault>> {
        let file = format!("{shown}/{MANIFEST}");
        let fault = |error: serde_json::Error| {
            let place = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
            let (line, column) = (place(error.line()), place(error.column()));
            let hint = "have the file written anew with `rohrpost bundle export`";
            vec![Fault::at(file.as_str(), line, column, format!("cannot be read: {error}")).hint(hint)]
        };
        // The format first: a later one may have other fields.
        let Format { format } = serde_json::from_slice(bytes).map_err(fault)?;
        if format != FORMAT {
            let message = format!("has the format {format}; this Rohrpost reads the format {FORMAT}");
            return Err(vec![Fault::of_file(file, message).hint("update the older one of both hubs")]);
        }
        serde_json::from_slice(bytes).map_err(fault)
    }
}

#[derive(Deserialize)]
struct Format {
    format: u64,
}
