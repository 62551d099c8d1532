//! `mapping.toml`: what is what in a mapping's folder.
//!
//! ```toml
//! transform = "transform.xsl"       # XSLT 1.0; absent: the source passes through unchanged
//! input = "envelope"                # what the stylesheet sees: "data" (default) or "envelope"
//! shared = ["gemeinsam"]            # folders of the library whose files are used, too, as ../gemeinsam/…
//! [source]
//! schema = "source.xsd"
//! rules = "source.sch"              # ISO Schematron; [target] can have them, too
//! phase = "einreichung"             # one of the rules' phases; absent: the rules' default
//! format = "json"                   # the data are JSON and become XML first; the default is "xml"
//! [target]
//! standard = "xdomea@3.0.0"         # an installed standard; absent: the schema lies in the mapping's folder
//! schema = "xdomea.xsd"
//! media-type = "application/xml"    # the default
//! format = "json"                   # what the stylesheet makes becomes JSON; the default is "xml"
//! [document.index]                  # a document beside the message, which [target] is; the stylesheet wraps them
//! schema = "index.xsd"              # these keys are those of [target]
//! [attachments]                     # what attachments are called; see `attachments`
//! id = "urn_uuid_{uuid}"
//! name = "{number:03}_{name}"
//! [params]                          # the stylesheet's own parameters, each with its default
//! threshold = "100"
//! [lists]                           # code lists for code() and has-code(): genericode 1.0 (.xml) or .csv
//! anrede = "codelists/anrede.csv"
//! status = { file = "codelists/status.xml", key = "code", value = "name" }
//! ```

mod beside;

use crate::attachments::NamingRule;
use crate::bundle::Bundle;
use crate::place;
use crate::standard::{RULES, SIDES, StandardId, document_slots, rules_of_bundle, side_file};
use rohrpost_model::{DocumentName, Fault};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The file's name in the bundle.
pub(crate) const MANIFEST: &str = "mapping.toml";

const DEFAULT_MEDIA_TYPE: &str = "application/xml";

/// What `mapping.toml` says.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) transform: Option<String>,
    pub(crate) envelope: bool,
    pub(crate) source: Option<SchemaRef>,
    pub(crate) source_rules: Option<RulesRef>,
    /// Whether the data are JSON.
    pub(crate) takes_json: bool,
    pub(crate) target: Option<SchemaRef>,
    pub(crate) target_rules: Option<RulesRef>,
    /// Whether the output becomes JSON.
    pub(crate) gives_json: bool,
    pub(crate) media_type: String,
    /// What else the stylesheet makes.
    pub(crate) documents: BTreeMap<DocumentName, DocumentTable>,
    /// What attachments are called.
    pub(crate) attachments: Option<NamingRule>,
    pub(crate) params: BTreeMap<String, Param>,
    pub(crate) lists: BTreeMap<String, ListFile>,
}

/// A document beside the message.
#[derive(Debug)]
pub(crate) struct DocumentTable {
    pub(crate) schema: Option<SchemaRef>,
    pub(crate) rules: Option<RulesRef>,
    /// Whether it becomes JSON.
    pub(crate) gives_json: bool,
    pub(crate) media_type: String,
}

/// A code list in the mapping's folder.
#[derive(Debug)]
pub(crate) struct ListFile {
    pub(crate) file: String,
    /// Columns that differ from the file's own order.
    pub(crate) key: Option<String>,
    pub(crate) value: Option<String>,
}

/// Where a schema comes from.
#[derive(Debug)]
pub(crate) enum SchemaRef {
    /// The mapping's folder, with its path there.
    Own(String),
    /// A standard, for this slot; the loader has put its files into the bundle.
    Standard(String),
}

/// Rules of a side.
#[derive(Debug)]
pub(crate) struct RulesRef {
    /// Their path in the bundle.
    pub(crate) file: String,
    /// The phase that is wanted.
    pub(crate) phase: Option<String>,
}

/// A schema, or rules, of an installed standard that a mapping names, with the place in its `mapping.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedStandard {
    /// What it is for: `source`, `target`, `source-rules`, `target-rules`, or a document beside the message.
    pub slot: String,
    /// The standard.
    pub standard: StandardId,
    /// The schema or the rules, by path or name.
    pub file: String,
    /// Line of the standard's name.
    pub line: u32,
    /// Its column.
    pub column: u32,
}

/// The schemas and rules of installed standards that a mapping names: whoever loads it puts them into its bundle
/// ([`Picked::put_into`](crate::Picked::put_into)). What else is wrong with its `mapping.toml` is the business of
/// [`Mapping::compile`](crate::Mapping::compile).
pub fn wanted_standards(bundle: &Bundle) -> Vec<WantedStandard> {
    let Some(text) = bundle.files.get(MANIFEST).and_then(|bytes| std::str::from_utf8(bytes).ok()) else {
        return Vec::new();
    };
    let (table, _) = DeTable::parse_recoverable(text);
    let root = table.get_ref();
    let sides = SIDES
        .iter()
        .zip(RULES)
        .filter_map(|(side, rules)| Some((root.get(*side)?, [(*side).to_owned(), rules.to_owned()])));
    let documents = root.get(DOCUMENT).and_then(|documents| documents.get_ref().as_table());
    let documents =
        documents.into_iter().flatten().map(|(name, side)| (side, document_slots(name.get_ref())));
    let slots = sides
        .chain(documents)
        .flat_map(|(side, [schema, rules])| [(side, schema, false), (side, rules, true)]);
    slots.filter_map(|(side, slot, rules)| wanted(bundle, text, side, slot, rules)).collect()
}

/// The key of the tables of documents beside the message.
const DOCUMENT: &str = "document";

/// The key of shared folders.
const SHARED: &str = "shared";

/// The folders of the library that a mapping names as shared. Whoever loads it puts their files into its bundle, below the
/// folder's name: there `../gemeinsam/namen.xsl` leads, because nothing is above a bundle.
pub fn shared_folders(bundle: &Bundle) -> Vec<String> {
    let Some(text) = bundle.files.get(MANIFEST).and_then(|bytes| std::str::from_utf8(bytes).ok()) else {
        return Vec::new();
    };
    let (table, _) = DeTable::parse_recoverable(text);
    let Some(DeValue::Array(items)) = table.get_ref().get(SHARED).map(Spanned::get_ref) else {
        return Vec::new();
    };
    items.iter().filter_map(|item| shared_name(item.get_ref().as_str()?)).map(str::to_owned).collect()
}

/// Folders of the library are named as mappings are.
fn shared_name(name: &str) -> Option<&str> {
    name.parse::<rohrpost_model::MappingName>().ok().map(|_| name)
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Where a file of a bundle lies in the library: in the mapping's folder, or in a shared one.
pub fn place_in_library(bundle: &Bundle, file: &str) -> String {
    let is_shared = shared_folders(bundle).iter().any(|name| is_below(file, name));
    if is_shared { file.to_owned() } else { format!("{}/{file}", bundle.name) }
}

fn wanted(
    bundle: &Bundle,
    text: &str,
    side: &Entry<'_>,
    slot: String,
    rules: bool,
) -> Option<WantedStandard> {
    let table = side.get_ref();
    let named = table.get("standard")?;
    let standard = named.get_ref().as_str()?.parse().ok()?;
    let file = table.get(if rules { "rules" } else { "schema" })?.get_ref().as_str()?.to_owned();
    let (line, column) = place::of(text, named.span().start);
    // Rules of the mapping's own go before those of the standard.
    let own = rules && bundle.files.contains_key(&file);
    (!own).then_some(WantedStandard { slot, standard, file, line, column })
}

/// A parameter of the mapping's own.
#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) default: String,
    /// Line and column of its name.
    pub(crate) place: (u32, u32),
}

type Table<'t> = DeTable<'t>;
type Entry<'t> = Spanned<DeValue<'t>>;

impl Manifest {
    /// Reads the manifest of a bundle and adds its faults; `None` if there is none to read.
    pub(crate) fn read(bundle: &Bundle, faults: &mut Vec<Fault>) -> Option<Self> {
        let Some(bytes) = bundle.files.get(MANIFEST) else {
            faults.push(Fault::of_file(MANIFEST, "the mapping has no mapping.toml"));
            return None;
        };
        let Ok(text) = std::str::from_utf8(bytes) else {
            faults.push(Fault::of_file(MANIFEST, "the file is not UTF-8"));
            return None;
        };
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut reader = Reader { text, bundle, faults };
        for error in &errors {
            reader.fault(error.span().unwrap_or_default(), error.message());
        }
        Some(reader.manifest(table.get_ref()))
    }
}

const fn usual_media_type(gives_json: bool) -> &'static str {
    if gives_json { "application/json" } else { DEFAULT_MEDIA_TYPE }
}

/// The keys of what comes out.
const OUTPUT: [&str; 6] = ["standard", "schema", "rules", "phase", "media-type", "format"];

struct Reader<'r> {
    text: &'r str,
    bundle: &'r Bundle,
    faults: &'r mut Vec<Fault>,
}

impl Reader<'_> {
    fn manifest(&mut self, root: &Table<'_>) -> Manifest {
        self.known(
            root,
            &["transform", "input", "shared", "source", "target", DOCUMENT, "attachments", "params", "lists"],
        );
        self.shared(root);
        let source = self.table(root, "source", &["standard", "schema", "rules", "phase", "format"]);
        let target = self.table(root, "target", &OUTPUT);
        let takes_json = source.is_some_and(|table| self.is_json(table));
        let gives_json = target.is_some_and(|table| self.is_json(table));
        let usual = usual_media_type(gives_json);
        let manifest = Manifest {
            takes_json,
            gives_json,
            transform: self.file(root, "transform"),
            envelope: self.input(root),
            source: source.and_then(|table| self.schema(table, SIDES[0])),
            target: target.and_then(|table| self.schema(table, SIDES[1])),
            source_rules: source.and_then(|table| self.rules(table, RULES[0])),
            target_rules: target.and_then(|table| self.rules(table, RULES[1])),
            media_type: target.map_or(usual.into(), |table| self.media_type(table, usual)),
            documents: self.documents(root),
            attachments: self.attachments(root),
            params: self.params(root),
            lists: self.lists(root),
        };
        if let (None, Some((key, _))) = (&manifest.transform, root.get_key_value("params")) {
            self.fault(key.span(), "[params] without a transform: nobody would read them");
        }
        if let (None, Some((key, _))) = (&manifest.transform, root.get_key_value(DOCUMENT)) {
            self.fault(key.span(), "[document.…] without a transform: nobody would make them");
        }
        manifest
    }

    fn fault(&mut self, span: Range<usize>, message: &str) -> &mut Fault {
        let (line, column) = place::of(self.text, span.start);
        self.faults.push(Fault::at(MANIFEST, line, column, message));
        let last = self.faults.len() - 1;
        &mut self.faults[last]
    }

    fn known(&mut self, table: &Table<'_>, keys: &[&str]) {
        for key in table.keys().filter(|key| !keys.contains(&key.get_ref().as_ref())) {
            self.fault(key.span(), &format!("unknown key `{}`", key.get_ref())).hint =
                format!("known here: {}", keys.join(", "));
        }
    }

    fn table<'t, 'i>(&mut self, root: &'t Table<'i>, key: &str, keys: &[&str]) -> Option<&'t Table<'i>> {
        let entry = root.get(key)?;
        let DeValue::Table(table) = entry.get_ref() else {
            self.fault(entry.span(), &format!("`{key}` is a table")).hint = format!("write [{key}]");
            return None;
        };
        self.known(table, keys);
        Some(table)
    }

    fn string(&mut self, table: &Table<'_>, key: &str) -> Option<(String, Range<usize>)> {
        let entry = table.get(key)?;
        self.text_of(key, entry).map(|text| (text, entry.span()))
    }

    fn text_of(&mut self, key: &str, entry: &Entry<'_>) -> Option<String> {
        let DeValue::String(text) = entry.get_ref() else {
            self.fault(entry.span(), &format!("`{key}` is a string")).hint =
                "put it in quotation marks".into();
            return None;
        };
        Some(text.to_string())
    }

    /// The folders of the library whose files the mapping uses, too; the loader has put those into the bundle.
    fn shared(&mut self, root: &Table<'_>) {
        let Some(entry) = root.get(SHARED) else { return };
        let DeValue::Array(items) = entry.get_ref() else {
            self.fault(entry.span(), &format!("`{SHARED}` is a list")).hint =
                "write shared = [\"gemeinsam\"]".into();
            return;
        };
        for item in items {
            let Some(name) = self.text_of(SHARED, item) else { continue };
            if shared_name(&name).is_none() {
                self.fault(item.span(), &format!("`{name}` is no folder of the library")).hint =
                    "name a folder beside the mapping's, without a path".into();
            } else if !self.bundle.files.keys().any(|path| is_below(path, &name)) {
                self.fault(
                    item.span(),
                    &format!("the library has no folder `{name}`, or nothing lies in it"),
                );
            }
        }
    }

    /// The path of a file that must lie in the folder, or in a shared one: `../gemeinsam/namen.xsl`.
    fn file(&mut self, table: &Table<'_>, key: &str) -> Option<String> {
        let (written, span) = self.string(table, key)?;
        let shared = shared_folders(self.bundle);
        let of_shared =
            written.strip_prefix("../").filter(|path| shared.iter().any(|name| is_below(path, name)));
        let path = of_shared.unwrap_or(&written).to_owned();
        if !self.bundle.files.contains_key(&path) {
            self.fault(span, &format!("the mapping's folder has no file `{path}`"));
            return None;
        }
        Some(path)
    }

    /// The schema of a side: a file of the folder, or one of a standard.
    fn schema(&mut self, table: &Table<'_>, slot: &str) -> Option<SchemaRef> {
        let Some((standard, span)) = self.string(table, "standard") else {
            return self.file(table, "schema").map(SchemaRef::Own);
        };
        if let Err(error) = standard.parse::<StandardId>() {
            self.fault(span, &error.to_string());
        } else if table.get("schema").is_none() && table.get("rules").is_none() {
            self.fault(span, "a standard without `schema`").hint =
                "name the schema, such as schema = \"xdomea.xsd\"".into();
        } else if self.string(table, "schema").is_some() {
            return self.installed(&standard, span, slot).then(|| SchemaRef::Standard(slot.to_owned()));
        }
        None
    }

    /// Whether the loader has put there what a standard has for this slot.
    fn installed(&mut self, standard: &str, span: Range<usize>, slot: &str) -> bool {
        let there = self.bundle.files.contains_key(&side_file(slot));
        if !there {
            self.fault(span, &format!("the standard `{standard}` is not installed")).hint =
                "rohrpost standard add".into();
        }
        there
    }

    /// The rules of a side: a file of the folder, else one of the standard.
    fn rules(&mut self, table: &Table<'_>, slot: &str) -> Option<RulesRef> {
        let phase = self.string(table, "phase");
        let Some((path, span)) = self.string(table, "rules") else {
            if let Some((_, span)) = phase {
                self.fault(span, "`phase` without `rules`: nobody would read it");
            }
            return None;
        };
        if !path.ends_with(".sch") {
            self.fault(span, &format!("`{path}` is not named like rules")).hint = "name it .sch".into();
            return None;
        }
        let phase = phase.map(|(phase, _)| phase);
        let standard = table.get("standard").filter(|_| !self.bundle.files.contains_key(&path));
        let Some(standard) = standard else {
            return Some(RulesRef { file: self.file(table, "rules")?, phase });
        };
        let name = standard.get_ref().as_str().unwrap_or_default();
        let sound = name.parse::<StandardId>().is_ok() && self.installed(name, standard.span(), slot);
        let file = rules_of_bundle(self.bundle, slot).filter(|_| sound)?;
        Some(RulesRef { file, phase })
    }

    fn input(&mut self, root: &Table<'_>) -> bool {
        match self.string(root, "input") {
            Some((input, _)) if input == "envelope" => true,
            Some((input, span)) if input != "data" => {
                self.fault(span, &format!("unknown input `{input}`")).hint = "known: data, envelope".into();
                false
            }
            _ => false,
        }
    }

    fn is_json(&mut self, table: &Table<'_>) -> bool {
        match self.string(table, "format") {
            Some((format, _)) if format == "json" => true,
            Some((format, span)) if format != "xml" => {
                self.fault(span, &format!("unknown format `{format}`")).hint = "known: xml, json".into();
                false
            }
            _ => false,
        }
    }

    fn media_type(&mut self, target: &Table<'_>, usual: &str) -> String {
        let Some((media_type, span)) = self.string(target, "media-type") else {
            return usual.into();
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c);
        let sound = |part: &str| !part.is_empty() && part.chars().all(allowed);
        if !media_type.split_once('/').is_some_and(|(kind, subtype)| sound(kind) && sound(subtype)) {
            self.fault(span, &format!("`{media_type}` is no media type")).hint =
                "write it like application/xml".into();
        }
        media_type
    }

    fn params(&mut self, root: &Table<'_>) -> BTreeMap<String, Param> {
        let Some(DeValue::Table(table)) = root.get("params").map(Spanned::get_ref) else {
            if let Some(entry) = root.get("params") {
                self.fault(entry.span(), "`params` is a table").hint = "write [params]".into();
            }
            return BTreeMap::new();
        };
        let mut params = BTreeMap::new();
        for (key, entry) in table {
            let name = key.get_ref().to_string();
            let place = place::of(self.text, key.span().start);
            if let Some(default) = self.text_of(&name, entry) {
                params.insert(name, Param { default, place });
            }
        }
        params
    }

    fn lists(&mut self, root: &Table<'_>) -> BTreeMap<String, ListFile> {
        let Some(DeValue::Table(table)) = root.get("lists").map(Spanned::get_ref) else {
            if let Some(entry) = root.get("lists") {
                self.fault(entry.span(), "`lists` is a table").hint = "write [lists]".into();
            }
            return BTreeMap::new();
        };
        let entries = table.iter().map(|(key, entry)| (key.get_ref().to_string(), entry));
        entries.filter_map(|(name, entry)| Some((name.clone(), self.list(table, &name, entry)?))).collect()
    }

    fn list(&mut self, lists: &Table<'_>, name: &str, entry: &Entry<'_>) -> Option<ListFile> {
        let DeValue::Table(table) = entry.get_ref() else {
            return Some(ListFile { file: self.file(lists, name)?, key: None, value: None });
        };
        self.known(table, &["file", "key", "value"]);
        if !table.contains_key("file") {
            self.fault(entry.span(), &format!("the code list `{name}` names no file")).hint =
                "write file = \"codelists/….csv\"".into();
        }
        let mut text = |key| self.string(table, key).map(|(text, _)| text);
        let (key, value) = (text("key"), text("value"));
        Some(ListFile { file: self.file(table, "file")?, key, value })
    }
}
