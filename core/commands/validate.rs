//! `rohrpost validate SCHEMA FILE`.

use super::Context;
use super::library::{one, read_xml, violations};
use crate::faults::Stop;
use crate::standards::{in_standards, read_shelf};
use rohrpost_mappings::{Schema, Violation, Xml};
use rohrpost_model::Fault;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// So many folders below a schema's own are searched for schemas that it may include.
const FOLDERS_DEEP: u32 = 3;

/// Check a file against a schema.
#[derive(clap::Args)]
pub struct Arguments {
    /// A mapping's name for its source schema, MAPPING/target for its target schema, an .xsd file, or
    /// standard:NAME@VERSION/SCHEMA for one of an installed standard.
    schema: String,
    /// The file.
    file: PathBuf,
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let xml = read_xml(&arguments.file)?;
    let file = arguments.file.display().to_string();
    let found = violations(&file, &validate(&arguments.schema, &xml, context)?);
    if !found.is_empty() {
        return Err(found.into());
    }
    if context.json { context.json(&json!({ "faults": [] })) } else { context.line(format!("{file}: valid")) }
}

fn validate(schema: &str, xml: &Xml, context: &Context<'_>) -> Result<Vec<Violation>, Stop> {
    if let Some(named) = schema.strip_prefix("standard:") {
        return Ok(of_standard(named, context)?.validate(xml));
    }
    if schema.ends_with(".xsd") {
        return Ok(compile(Path::new(schema))?.validate(xml));
    }
    let (name, side) = schema.split_once('/').unwrap_or((schema, "source"));
    let mapping = one(name, context)?.compile()?;
    let chosen = match side {
        "source" => mapping.source_schema(),
        "target" => mapping.target_schema(),
        _ => {
            return Err(Stop::Usage(format!(
                "`{schema}`: write {name}, {name}/target, or a path that ends in .xsd"
            )));
        }
    };
    let chosen = chosen.ok_or_else(|| Stop::Usage(format!("the mapping `{name}` has no {side} schema")))?;
    Ok(chosen.validate(xml))
}

/// A schema of an installed standard.
fn of_standard(named: &str, context: &Context<'_>) -> Result<Schema, Stop> {
    let usage = || {
        Stop::Usage(format!(
            "`standard:{named}`: write standard:NAME@VERSION/SCHEMA, such as standard:xdomea@3.0.0/xdomea.xsd"
        ))
    };
    let (id, schema) = named.split_once('/').ok_or_else(usage)?;
    let id = id.parse().map_err(|_| usage())?;
    let (shelf, faults) = read_shelf(&context.folder);
    let picked = match shelf.pick(&id, schema) {
        // A standard that was changed is not on the shelf; what was changed says more.
        Err(_) if !faults.is_empty() => return Err(faults.into()),
        Err(fault) => return Err(Stop::Failed(format!("{}; {}", fault.message, fault.hint))),
        Ok(picked) => picked,
    };
    Schema::compile_picked(&picked)
        .map_err(|faults| Stop::Faults(faults.into_iter().map(in_standards).collect()))
}

/// A schema with those in its folder and below, which it may include.
fn compile(path: &Path) -> Result<Schema, Stop> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut files = BTreeMap::new();
    read_schemas(folder, "", FOLDERS_DEEP, &mut files).map_err(|error| Stop::file(folder, &error))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !files.contains_key(&name) {
        files.insert(name.clone(), super::read_file(path)?);
    }
    Schema::compile(&files, &name).map_err(|faults| {
        let below = |fault: Fault| Fault { file: folder.join(&fault.file).display().to_string(), ..fault };
        Stop::Faults(faults.into_iter().map(below).collect())
    })
}

fn read_schemas(
    folder: &Path,
    prefix: &str,
    deep: u32,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if path.is_dir() && deep > 0 {
            read_schemas(&path, &format!("{prefix}{name}/"), deep - 1, files)?;
        } else if name.ends_with(".xsd") && path.is_file() {
            files.insert(format!("{prefix}{name}"), fs::read(&path)?);
        }
    }
    Ok(())
}
