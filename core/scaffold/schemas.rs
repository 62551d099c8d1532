//! JSON schemas of the configuration's files, for editors: they complete and check while somebody writes. What the hub itself
//! says of a file comes from reading it, with all that a schema cannot express; a test holds both against each other.

use crate::assemble::{ADAPTERS, INBOUND, SOURCES};
use crate::config::write_whole;
use crate::faults::Stop;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Where they lie, in the configuration folder.
pub const SCHEMAS: &str = ".schema";

macro_rules! schema {
    ($name:literal) => {
        ($name, include_str!(concat!("schemas/", $name, ".json")))
    };
}

/// What each kind of file is called, and its schema; those of destinations, listeners and sources without the tables of adapters.
const TEXTS: [(&str, &str); 9] = [
    schema!("hub"),
    schema!("tenant"),
    schema!("client"),
    schema!("seal"),
    schema!("route"),
    schema!("destination"),
    schema!("listener"),
    schema!("source"),
    schema!("mapping"),
];

/// Writes all of them into the configuration folder, in place of those of an earlier version.
pub fn write_schemas(folder: &Path) -> Result<Vec<PathBuf>, Stop> {
    let folder = folder.join(SCHEMAS);
    std::fs::create_dir_all(&folder).map_err(|error| Stop::file(&folder, &error))?;
    let written = TEXTS.iter().map(|(name, text)| {
        let mut schema: Value =
            serde_json::from_str(text).map_err(|error| Stop::Failed(error.to_string()))?;
        let tables: Vec<_> = match *name {
            "destination" => ADAPTERS.iter().map(|adapter| (adapter.kind(), adapter.schema())).collect(),
            "listener" => INBOUND.iter().map(|adapter| (adapter.kind(), adapter.schema())).collect(),
            "source" => SOURCES.iter().map(|adapter| (adapter.kind(), adapter.schema())).collect(),
            _ => Vec::new(),
        };
        tables.into_iter().try_for_each(|table| add_adapter(table, &mut schema))?;
        let path = folder.join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(&schema).map_err(|error| Stop::Failed(error.to_string()))?;
        write_whole(&path, format!("{text}\n").as_bytes(), 0o644)
            .map_err(|error| Stop::file(&path, &error))?;
        Ok(path)
    });
    written.collect()
}

/// The adapter's word, its table, and that the table belongs to the word.
fn add_adapter((kind, table): (&str, &str), schema: &mut Value) -> Result<(), Stop> {
    let table = serde_json::from_str::<Value>(table);
    schema["properties"][kind] = table.map_err(|error| Stop::Failed(format!("{kind}: {error}")))?;
    let push = |list: &mut Value, item: Value| match list {
        Value::Array(items) => items.push(item),
        other => *other = json!([item]),
    };
    push(&mut schema["properties"]["adapter"]["enum"], json!(kind));
    let own =
        json!({ "if": { "properties": { "adapter": { "const": kind } } }, "then": { "required": [kind] } });
    push(&mut schema["allOf"], own);
    Ok(())
}
