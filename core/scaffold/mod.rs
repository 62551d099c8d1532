//! Files for whoever begins: a fresh configuration, and new items in one. What is written passes `check` and `test`, and is
//! to be changed by hand.

use crate::config::write_whole;
use crate::faults::Stop;
use std::path::{Path, PathBuf};

mod schemas;
mod texts;

pub use schemas::{SCHEMAS, write_schemas};
pub use texts::{Example, NewRoute, destination, fresh, listener, mapping, route, secrets, source};

/// A text with `{{name}}` where values belong.
fn filled(text: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
}

/// A text as TOML has it, in quotes.
pub fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Texts as the items of a list in TOML.
fn listed<T: ToString>(items: &[T]) -> String {
    items.iter().map(|item| quoted(&item.to_string())).collect::<Vec<_>>().join(", ")
}

/// Files to be written, by their paths in one folder.
pub type Sheets = Vec<(String, String)>;

/// Writes them below `folder`, none where any of them is there already. Returns their paths.
pub fn write_new(folder: &Path, sheets: &Sheets) -> Result<Vec<PathBuf>, Stop> {
    let paths: Vec<_> = sheets.iter().map(|(name, _)| folder.join(name)).collect();
    let there: Vec<_> =
        paths.iter().filter(|path| path.exists()).map(|path| path.display().to_string()).collect();
    if !there.is_empty() {
        return Err(Stop::Failed(format!(
            "es wurde nichts geschrieben, denn es gibt schon: {}",
            there.join(", ")
        )));
    }
    for (path, (_, text)) in paths.iter().zip(sheets) {
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        written
            .and_then(|()| write_whole(path, text.as_bytes(), 0o644))
            .map_err(|error| Stop::file(path, &error))?;
    }
    Ok(paths)
}
