//! What must not leave a hub in a hand over: keys, secrets and addresses. A route and a mapping hold none; a comment may.

use super::container::Members;
use crate::config::Texts;
use rohrpost_kit::settings::Secrets;
use rohrpost_model::Fault;
use secrecy::ExposeSecret as _;
use std::path::Path;
use toml::Value;

/// A text that is shorter stands anywhere.
const SHORTEST: usize = 8;

/// What a private key in PEM begins with.
const KEY: &str = "PRIVATE KEY-----";

/// A text that must not leave, and what it is. It never prints.
struct Kept {
    text: String,
    what: String,
}

/// A fault for each file of a hand over that holds a private key, a secret that the configuration names, or what only a
/// destination says: where it is.
pub fn guarded(members: &Members, texts: &Texts, secrets: &dyn Secrets) -> Vec<Fault> {
    let (kept, mut faults) = (kept(texts, secrets), Vec::new());
    for (path, content) in members {
        let text = String::from_utf8_lossy(content);
        for kept in kept.iter().filter(|kept| text.contains(&kept.text) || path.contains(&kept.text)) {
            let fault = Fault::of_file(path.as_str(), format!("holds {}", kept.what));
            faults.push(fault.hint("take it out: what is handed over has no secret and no address"));
        }
        faults.extend(holds_key(path, content));
    }
    faults
}

/// A fault where a file holds a private key.
pub fn holds_key(path: &str, content: &[u8]) -> Option<Fault> {
    let fault = || {
        let fault = Fault::of_file(path, "holds a private key");
        fault.hint("take it out, and make a new key: this one has been handed on")
    };
    String::from_utf8_lossy(content).contains(KEY).then(fault)
}

fn kept(texts: &Texts, secrets: &dyn Secrets) -> Vec<Kept> {
    let mut kept = Vec::new();
    for (file, text) in &texts.files {
        // A file that is no TOML is a fault that others tell.
        let Ok(table) = text.parse::<toml::Table>() else { continue };
        let of_destination = file.starts_with("destinations/");
        look(&Value::Table(table), "", (file, of_destination), secrets, &mut kept);
    }
    kept.retain(|kept| kept.text.len() >= SHORTEST);
    kept
}

fn look(
    value: &Value,
    key: &str,
    (file, outside): (&str, bool),
    secrets: &dyn Secrets,
    kept: &mut Vec<Kept>,
) {
    let mut keep = |text: &str, what: &str| {
        kept.push(Kept { text: text.to_owned(), what: format!("{what} of {file}") });
    };
    match value {
        Value::String(text) if outside => addresses(text, key).for_each(|text| keep(text, "an address")),
        Value::Array(items) => {
            items.iter().for_each(|item| look(item, key, (file, outside), secrets, kept));
        }
        Value::Table(table) => match secret(table, secrets) {
            Some(secret) => secret.lines().for_each(|line| keep(line.trim(), "a secret")),
            None => {
                for (key, value) in table {
                    look(value, key, (file, outside), secrets, kept);
                }
            }
        },
        _ => {}
    }
}

/// Where a text of a destination leads: a URL and the machine in it, a machine, or a folder.
fn addresses<'t>(text: &'t str, key: &str) -> impl Iterator<Item = &'t str> {
    let machine = text.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(rest));
    let whole = machine.is_some() || ["host", "path"].contains(&key);
    machine.into_iter().chain(Some(text).filter(|_| whole))
}

/// The secret behind `{ file = "…" }` or `{ env = "…" }`; empty where it cannot be fetched.
fn secret(table: &toml::Table, secrets: &dyn Secrets) -> Option<String> {
    let (key, value) = table.iter().next().filter(|_| table.len() == 1)?;
    let name = value.as_str()?;
    let secret = match key.as_str() {
        "file" => secrets.file(Path::new(name)),
        "env" => secrets.env(name),
        _ => return None,
    };
    Some(secret.map(|secret| secret.expose_secret().to_owned()).unwrap_or_default())
}
