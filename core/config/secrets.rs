//! What a configuration names and does not hold: secrets, keys and certificates. Only whether they changed is told, so
//! that a digest of each is enough. It stays in memory.

use super::files::Files;
use rohrpost_kit::settings::Secrets;
use rohrpost_model::Digest;
use secrecy::ExposeSecret as _;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use toml::Value;

/// Keys whose value is the path of a key or a certificate.
const PATHS: [&str; 7] =
    ["certificate", "certificates", "pkcs12", "ca", "client-ca", "client-certificate", "client-pkcs12"];

/// Each of them by the name that the configuration gives it, with the digest of its content. What cannot be read is not
/// there.
pub fn named(files: &Files, folder: &Path, secrets: &dyn Secrets) -> BTreeMap<String, Digest> {
    let mut found = BTreeMap::new();
    for source in files.all() {
        // A file that is no TOML is a fault that others tell.
        if let Ok(table) = source.text.parse::<toml::Table>() {
            look(&Value::Table(table), folder, secrets, &mut found);
        }
    }
    found
}

fn look(value: &Value, folder: &Path, secrets: &dyn Secrets, found: &mut BTreeMap<String, Digest>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| look(item, folder, secrets, found)),
        Value::Table(table) => {
            found.extend(secret(table, secrets));
            for (key, value) in table {
                if PATHS.contains(&key.as_str()) {
                    paths(value).for_each(|path| found.extend(content(path, folder)));
                }
                look(value, folder, secrets, found);
            }
        }
        _ => {}
    }
}

/// The secret behind `{ file = "…" }` or `{ env = "…" }`.
fn secret(table: &toml::Table, secrets: &dyn Secrets) -> Option<(String, Digest)> {
    let (key, value) = table.iter().next().filter(|_| table.len() == 1)?;
    let name = value.as_str()?;
    let (shown, secret) = match key.as_str() {
        "file" => (name.to_owned(), secrets.file(Path::new(name)).ok()?),
        "env" => (format!("${name}"), secrets.env(name).ok()?),
        _ => return None,
    };
    Some((shown, Digest::of(secret.expose_secret().as_bytes())))
}

fn paths(value: &Value) -> impl Iterator<Item = &str> {
    let listed = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    value.as_str().into_iter().chain(listed)
}

fn content(path: &str, folder: &Path) -> Option<(String, Digest)> {
    Some((path.to_owned(), Digest::of(&fs::read(folder.join(path)).ok()?)))
}
