//! The JSON schemas for editors know the same keys as what reads the files, and take every file that is in order.

use super::{Workshop, rohrpost};
use crate::docs::{blocks, handbook};
use crate::support::hub::root;
use crate::support::peers;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// What no file has.
const UNKNOWN: &str = "zzz-unbekannt";

/// The kinds of files, each with one that has every table that there is.
const WHOLE: [(&str, &str, &str); 8] = [
    (
        "hub",
        "config/hub.toml",
        "data = \"../d\"\nkeys = \"../k\"\nmappings = \"../mappings\"\nhub-key = { file = \"secrets/hub.key\" }\nreceipt-seal = \"quittung\"\n[listen]\napi = \"127.0.0.1:1\"\noperations = \"127.0.0.1:2\"\n[listen.tls]\ncertificate = \"secrets/quittung.pem\"\nkey = { file = \"secrets/quittung.key\" }\n[limits]\ndepth = 9\n[audit]\nheads = \"../h\"\n[log]\nlevel = \"warn\"\n",
    ),
    ("tenant", "config/tenants/t.toml", "name = \"t\"\ntitle = \"T\"\nareas = [\"01*\"]\nstage = \"test\"\n"),
    (
        "client",
        "config/clients/c.toml",
        "name = \"c\"\ntokens = [{ file = \"secrets/portal.token\" }]\n[[grant]]\ntenants = [\"lk-beispiel\"]\nroles = [\"view\"]\n",
    ),
    (
        "seal",
        "config/seals/s.toml",
        "name = \"s\"\nform = \"cms\"\nkey = { file = \"secrets/siegel.key\" }\ncertificate = \"secrets/siegel.pem\"\n",
    ),
    (
        "route",
        "config/routes/r.toml",
        "name = \"r\"\ntenants = [\"lk-beispiel\"]\n[match]\nkind = \"notice\"\n[expiry]\nafter = \"9d\"\n[[step]]\nname = \"a\"\ndestination = \"lk-beispiel-enaio\"\n[step.expiry]\nafter = \"9d\"\n[step.when]\nxpath = \"true()\"\n[[override]]\ntenants = [\"lk-beispiel\"]\nstage = \"live\"\n",
    ),
    (
        "destination",
        "config/destinations/d.toml",
        "name = \"d\"\ntenants = [\"lk-beispiel\"]\nadapter = \"folder\"\n[retry]\nfirst = \"1s\"\n[breaker]\nfailures = 3\n[ramp]\nover = \"9s\"\n[awaiting]\nfirst = \"9s\"\n[hours]\nopen = [\"Mo-Fr 07:00-19:00\"]\n[[maintenance]]\nevery = \"So 02:00-05:00\"\n[folder]\npath = \"../x\"\n",
    ),
    (
        "destination",
        "config/destinations/e.toml",
        "name = \"e\"\ntenants = [\"lk-beispiel\"]\nadapter = \"http\"\n[http]\nurl = \"https://dms.example.org/in\"\n[[http.part]]\nname = \"m\"\ncontent = \"message\"\n[[http.part]]\nname = \"s\"\ncontent = \"attachments\"\n[http.answer]\nreference = { body = true }\n[http.inquire]\nurl = \"https://dms.example.org/ist/{delivery-id}\"\nabsent-when = { json-pointer = \"/n\", equals = 0 }\n[http.inquire.reference]\njson-pointer = \"/id\"\n[http.probe]\nurl = \"https://dms.example.org/ping\"\n[http.connection]\nsystem-ca = true\n",
    ),
    (
        "mapping",
        "mappings/m/mapping.toml",
        "transform = \"t.xsl\"\n[source]\nformat = \"json\"\nrules = \"r.sch\"\n[target]\nmedia-type = \"application/xml\"\n[document.index]\nformat = \"json\"\n[attachments]\nid = \"a{number}\"\n[lists.l]\nfile = \"l.csv\"\n",
    ),
];

const RULES: &str =
    "<schema xmlns='http://purl.oclc.org/dsdl/schematron'><pattern><rule context='a'/></pattern></schema>";

fn schema(kind: &str) -> Value {
    let folder = TempDir::new().expect("a folder");
    assert_eq!(rohrpost(folder.path(), &["init"]).code, 0);
    let text =
        fs::read_to_string(folder.path().join(format!("config/.schema/{kind}.json"))).expect("a schema");
    serde_json::from_str(&text).expect("JSON")
}

/// The paths of all tables in a document; a list of tables is its first.
fn tables(value: &toml::Value, path: &[String]) -> Vec<Vec<String>> {
    let table = match value {
        toml::Value::Table(table) => table,
        toml::Value::Array(items) => return items.first().map_or(Vec::new(), |first| tables(first, path)),
        _ => return Vec::new(),
    };
    let below =
        table.iter().flat_map(|(key, value)| tables(value, &[path, std::slice::from_ref(key)].concat()));
    std::iter::once(path.to_vec()).chain(below).collect()
}

fn table_at<'v>(value: &'v mut toml::Value, path: &[String]) -> &'v mut toml::Table {
    let value = path.iter().fold(value, |value, key| match &mut value[key.as_str()] {
        toml::Value::Array(items) => &mut items[0],
        other => other,
    });
    value.as_table_mut().expect("a table")
}

/// The keys that the schema allows in the table at `path`; `None` where it allows any.
fn allowed(schema: &Value, path: &[String]) -> Option<BTreeSet<String>> {
    let Some((key, rest)) = path.split_first() else {
        // The tables of adapters belong to those.
        let adapters = schema["properties"]["adapter"]["enum"].as_array().cloned().unwrap_or_default();
        let keys = schema["properties"].as_object()?.keys().cloned();
        return Some(keys.filter(|key| !adapters.contains(&json!(key))).collect());
    };
    let next = match &schema["properties"][key.as_str()] {
        Value::Null => &schema["additionalProperties"],
        next => next,
    };
    let next = if next["items"].is_object() { &next["items"] } else { next };
    let choice =
        |all: &Value| all.as_array().and_then(|all| all.iter().find(|one| one["type"] == "object").cloned());
    let next = choice(&next["anyOf"]).unwrap_or_else(|| next.clone());
    allowed(&next, rest)
}

/// The keys that the program names where it finds one that it does not know.
fn named(shop: &Workshop, file: &str) -> BTreeSet<String> {
    let ran = shop.run(&["check"]);
    let line =
        ran.errors.lines().find(|line| line.contains(UNKNOWN)).unwrap_or_else(|| panic!("{file}: {ran:?}"));
    let known =
        ["Known keys: ", "known keys: ", "known here: "].iter().find_map(|begin| line.split_once(begin));
    match known {
        Some((_, keys)) => keys.split(", ").map(|key| key.trim().to_owned()).collect(),
        None => line.split('`').skip(3).step_by(2).map(str::to_owned).collect(),
    }
}

#[test]
fn a_schema_allows_the_keys_that_are_read_and_no_others() {
    for (kind, file, whole) in WHOLE {
        let (shop, schema) = (Workshop::new(), schema(kind));
        shop.write(
            "mappings/m/t.xsl",
            "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'/>",
        );
        shop.write("mappings/m/l.csv", "a;b\n1;2\n");
        shop.write("mappings/m/r.sch", RULES);
        let document: toml::Value = toml::from_str(whole).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut looked_at = 0;
        for path in tables(&document, &[]) {
            // Secrets are one key, and names that people choose are not known.
            let is_secret =
                path.last().is_some_and(|key| ["hub-key", "key", "tokens"].contains(&key.as_str()));
            if is_secret || path == ["lists"] || path == ["document"] {
                continue;
            }
            let mut changed = document.clone();
            table_at(&mut changed, &path).insert(UNKNOWN.to_owned(), 1.into());
            shop.write(file, toml::to_string(&changed).expect("TOML"));
            let allowed =
                allowed(&schema, &path).unwrap_or_else(|| panic!("{kind}: {path:?} is in no schema"));
            assert_eq!(named(&shop, file), allowed, "{kind}: {path:?}");
            looked_at += 1;
        }
        assert!(looked_at >= 1, "{kind}");
    }
}

/// The kind of a file in a configuration, by its path.
fn kind_of(file: &str) -> Option<&'static str> {
    let kinds = [
        ("tenants/", "tenant"),
        ("clients/", "client"),
        ("seals/", "seal"),
        ("routes/", "route"),
        ("destinations/", "destination"),
        ("/listeners/", "listener"),
        ("mapping.toml", "mapping"),
        ("hub.toml", "hub"),
    ];
    kinds.iter().find(|(part, _)| file.contains(part) && !file.contains("/cases/")).map(|(_, kind)| *kind)
}

fn shipped() -> Vec<(String, String)> {
    let files = [root().join("config"), root().join("mappings")]
        .into_iter()
        .flat_map(|folder| crate::face::files(&folder));
    let toml = files.filter(|file| file.extension().is_some_and(|extension| extension == "toml"));
    toml.map(|file| (file.display().to_string(), fs::read_to_string(&file).expect("a file"))).collect()
}

fn in_the_handbook() -> Vec<(String, String)> {
    let blocks =
        handbook().iter().flat_map(blocks).filter(|block| block.language == "toml").collect::<Vec<_>>();
    blocks.into_iter().filter_map(|block| Some((block.title()?.to_owned(), block.text))).collect()
}

const JUDGE: &str = "
import json, sys
from jsonschema import Draft7Validator
for job in json.load(open(sys.argv[1])):
    Draft7Validator.check_schema(job['schema'])
    for error in Draft7Validator(job['schema']).iter_errors(job['document']):
        print(job['file'], job['bad'], list(error.absolute_path), error.message)
    if job['bad'] and Draft7Validator(job['schema']).is_valid(job['document']):
        print(job['file'], 'was taken')
";

/// Has jsonschema judge documents; what it says of those that ought to be right, and which wrong ones it took.
fn judged(jobs: &[Value], folder: &Path) -> Option<Vec<String>> {
    let python = root().join("target/peers/python/bin/python");
    let there = peers::run(Command::new(&python).args(["-c", "import jsonschema"]))?;
    if !there.status.success() {
        peers::missing("jsonschema (scripts/python-peers installs it)");
        return None;
    }
    let file = folder.join("jobs.json");
    fs::write(&file, serde_json::to_vec(jobs).expect("JSON")).expect("a file");
    let said = peers::succeed(Command::new(&python).args(["-c", JUDGE]).arg(&file))?;
    let said = String::from_utf8(said).expect("text");
    Some(said.lines().filter(|line| !line.contains(" True [")).map(str::to_owned).collect())
}

#[test]
fn every_file_that_is_in_order_fits_its_schema_and_wrong_ones_do_not() {
    let folder = TempDir::new().expect("a folder");
    let mut jobs = Vec::new();
    let good = shipped().into_iter().chain(in_the_handbook());
    for (file, text) in good.chain(WHOLE.map(|(_, file, text)| (file.to_owned(), text.to_owned()))) {
        let Some(kind) = kind_of(&file) else { continue };
        let document: Value = toml::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        jobs.push(json!({ "file": file, "schema": schema(kind), "document": document, "bad": false }));
    }
    assert!(jobs.len() > 30, "{}", jobs.len());
    let wrong = [
        (
            "route",
            json!({ "name": "r", "tenants": ["t"], "match": { "service": "123" }, "step": [{ "name": "a", "destination": "d" }] }),
        ),
        ("destination", json!({ "name": "d", "tenants": ["t"], "adapter": "brieftaube" })),
        ("destination", json!({ "name": "d", "tenants": ["t"], "adapter": "folder" })),
        ("seal", json!({ "name": "s", "form": "pgp" })),
        ("tenant", json!({ "name": "T", "title": "T", "areas": ["01*"] })),
        ("mapping", json!({ "transform": "t.xsl", "document": { "message": {} } })),
        ("mapping", json!({ "attachments": { "id": "{number}" } })),
    ];
    for (kind, document) in wrong {
        jobs.push(json!({ "file": kind, "schema": schema(kind), "document": document, "bad": true }));
    }
    if let Some(said) = judged(&jobs, folder.path()) {
        assert!(said.is_empty(), "{}", said.join("\n"));
    }
}
