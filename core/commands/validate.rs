//! `rohrpost validate SCHEMA|RULES FILE`.

use super::Context;
use super::library::{one, read_xml, violations};
use crate::faults::Stop;
use crate::standards::{in_standards, read_shelf};
use rohrpost_mappings::{Judgement, MappingFault, Rules, Schema, Xml};
use rohrpost_model::Fault;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// So many folders below a file's own are searched for others that it may include.
const FOLDERS_DEEP: u32 = 3;

/// Check a file against a schema, or against rules (Schematron).
#[derive(clap::Args)]
pub struct Arguments {
    /// A mapping's name for its source schema and rules, MAPPING/target for those of its target, MAPPING/DOCUMENT for
    /// those of another document that it makes, an .xsd or .sch file, or
    /// standard:NAME@VERSION/FILE for a schema or rules of an installed standard.
    schema: String,
    /// The file.
    file: PathBuf,
    /// The phase of an .sch file, #ALL or #DEFAULT. Absent: the file's default phase, or all of its patterns.
    #[arg(long)]
    phase: Option<String>,
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let xml = read_xml(&arguments.file)?;
    let file = arguments.file.display().to_string();
    let Judgement { violations: found, warnings } = validate(arguments, &xml, context)?;
    let warnings = violations(&file, &warnings);
    let found = violations(&file, &found);
    if context.json && found.is_empty() {
        return context.json(&json!({ "faults": [], "warnings": warnings }));
    }
    if !context.json {
        warnings.iter().try_for_each(|warning| context.line(format!("warning: {warning}")))?;
    }
    if found.is_empty() { context.line(format!("{file}: valid")) } else { Err(found.into()) }
}

fn validate(arguments: &Arguments, xml: &Xml, context: &Context<'_>) -> Result<Judgement, Stop> {
    let Arguments { schema, phase, .. } = arguments;
    let phase = phase.as_deref();
    if phase.is_some() && !schema.ends_with(".sch") {
        return Err(Stop::Usage(format!("`{schema}`: --phase is for rules, files that end in .sch")));
    }
    if let Some(named) = schema.strip_prefix("standard:") {
        return of_standard(named, phase, xml, context);
    }
    if schema.ends_with(".xsd") {
        return Ok(by_schema(&compile(Path::new(schema))?, xml));
    }
    if schema.ends_with(".sch") {
        let below = |fault: Fault| below(folder_of(Path::new(schema)), fault);
        return by_rules(&compile_rules(Path::new(schema), phase)?, xml, below);
    }
    by_mapping(schema, xml, context)
}

fn by_schema(schema: &Schema, xml: &Xml) -> Judgement {
    Judgement { violations: schema.validate(xml), warnings: Vec::new() }
}

/// Rules that fail have faults; `named` says where they lie.
fn by_rules(rules: &Rules, xml: &Xml, named: impl Fn(Fault) -> Fault) -> Result<Judgement, Stop> {
    rules.judge(xml).map_err(|fault| match fault {
        MappingFault::Transform(faults) => Stop::Faults(faults.into_iter().map(named).collect()),
        other => Stop::Failed(format!("{}: {other}", rules.file())),
    })
}

/// By schema and rules of a side of a mapping; the rules are asked of what fits the schema.
fn by_mapping(named: &str, xml: &Xml, context: &Context<'_>) -> Result<Judgement, Stop> {
    let (name, side) = named.split_once('/').unwrap_or((named, "source"));
    let entry = one(name, context)?;
    let mapping = entry.compile()?;
    let (schema, rules) = match side {
        "source" => (mapping.source_schema(), mapping.source_rules()),
        "target" => (mapping.target_schema(), mapping.target_rules()),
        other => match mapping.documents().find(|document| document.as_str() == other) {
            Some(document) => (mapping.schema_of(Some(document)), mapping.rules_of(document)),
            None => {
                return Err(Stop::Usage(format!(
                    "`{named}`: write {name}, {name}/target, {name}/DOCUMENT for another document that it makes, or a path \
                     that ends in .xsd or .sch"
                )));
            }
        },
    };
    if schema.is_none() && rules.is_none() {
        return Err(Stop::Usage(format!("the mapping `{name}` has no {side} schema and no rules")));
    }
    let judged = schema.map_or_else(Judgement::default, |schema| by_schema(schema, xml));
    match rules.filter(|_| judged.violations.is_empty()) {
        Some(rules) => by_rules(rules, xml, |fault| below(&entry.folder, fault)),
        None => Ok(judged),
    }
}

/// By a schema or rules of an installed standard.
fn of_standard(
    named: &str,
    phase: Option<&str>,
    xml: &Xml,
    context: &Context<'_>,
) -> Result<Judgement, Stop> {
    let usage = || {
        Stop::Usage(format!(
            "`standard:{named}`: write standard:NAME@VERSION/SCHEMA, such as standard:xdomea@3.0.0/xdomea.xsd"
        ))
    };
    let (id, file) = named.split_once('/').ok_or_else(usage)?;
    let id = id.parse().map_err(|_| usage())?;
    let (shelf, faults) = read_shelf(&context.folder);
    let picked = match shelf.pick(&id, file) {
        // A standard that was changed is not on the shelf; what was changed says more.
        Err(_) if !faults.is_empty() => return Err(faults.into()),
        Err(fault) => return Err(Stop::Failed(format!("{}; {}", fault.message, fault.hint))),
        Ok(picked) => picked,
    };
    let installed = |faults: Vec<Fault>| Stop::Faults(faults.into_iter().map(in_standards).collect());
    if file.ends_with(".sch") {
        return by_rules(&Rules::compile_picked(&picked, phase).map_err(installed)?, xml, in_standards);
    }
    Ok(by_schema(&Schema::compile_picked(&picked).map_err(installed)?, xml))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn below(folder: &Path, fault: Fault) -> Fault {
    Fault { file: folder.join(&fault.file).display().to_string(), ..fault }
}

/// A schema with those in its folder and below, which it may include.
fn compile(path: &Path) -> Result<Schema, Stop> {
    let (name, files) = read_beside(path, ".xsd")?;
    Schema::compile(&files, &name).map_err(|faults| all_below(path, faults))
}

/// Rules with those in their folder and below, which they may include; where they ask for documents, with these, too.
fn compile_rules(path: &Path, phase: Option<&str>) -> Result<Rules, Stop> {
    let (name, mut files) = read_beside(path, ".sch")?;
    let asks = |text: &Vec<u8>| String::from_utf8_lossy(text).contains("document(");
    if files.values().any(asks) {
        read_files(folder_of(path), "", ".xml", FOLDERS_DEEP, &mut files)
            .map_err(|error| Stop::file(path, &error))?;
    }
    Rules::compile(&files, &name, phase).map_err(|faults| all_below(path, faults))
}

fn all_below(path: &Path, faults: Vec<Fault>) -> Stop {
    Stop::Faults(faults.into_iter().map(|fault| below(folder_of(path), fault)).collect())
}

/// The file's name, and it with all files of its kind in its folder and below.
fn read_beside(path: &Path, extension: &str) -> Result<(String, BTreeMap<String, Vec<u8>>), Stop> {
    let folder = folder_of(path);
    let mut files = BTreeMap::new();
    read_files(folder, "", extension, FOLDERS_DEEP, &mut files)
        .map_err(|error| Stop::file(folder, &error))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !files.contains_key(&name) {
        files.insert(name.clone(), super::read_file(path)?);
    }
    Ok((name, files))
}

fn read_files(
    folder: &Path,
    prefix: &str,
    extension: &str,
    deep: u32,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if path.is_dir() && deep > 0 {
            read_files(&path, &format!("{prefix}{name}/"), extension, deep - 1, files)?;
        } else if name.ends_with(extension) && path.is_file() {
            files.insert(format!("{prefix}{name}"), fs::read(&path)?);
        }
    }
    Ok(())
}
