//! Names and identifiers by rule.

use super::characters;
use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

const LONGEST: usize = 100;

/// A UUID of version 5 (RFC 9562, section 5.5).
pub(crate) fn uuid(namespace: &str, name: &str) -> Result<String, String> {
    let space = Uuid::parse_str(namespace.trim())
        .map_err(|_| format!("'{namespace}' is no UUID, which the first argument of uuid() must be"))?;
    Ok(Uuid::new_v5(&space, name.as_bytes()).to_string())
}

/// A file name that every system takes. Its ending stays when it is cut.
pub(crate) fn file_name(given: &str, longest: Option<&str>) -> Result<String, String> {
    let longest = longest.map_or(Ok(LONGEST), |text| {
        text.parse()
            .ok()
            .filter(|longest| (8..=255).contains(longest))
            .ok_or_else(|| format!("'{text}' is no length of a file name: a whole number from 8 to 255 is"))
    })?;
    // Composed first, as transliterate() does.
    let readable: String =
        given.nfc().map(|c| characters::replaced(c).unwrap_or_else(|| "_".into())).collect();
    let (stem, ending) = match readable.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && (1..=6).contains(&ending.len()) => (stem, ending),
        _ => (readable.as_str(), ""),
    };
    let (stem, ending) = (tidy(stem), tidy(ending));
    let dot = if ending.is_empty() { "" } else { "." };
    let stem = if stem.is_empty() { "datei" } else { &stem };
    let room = longest - ending.len() - dot.len();
    Ok(format!("{}{dot}{ending}", stem.get(..room).unwrap_or(stem).trim_end_matches(['_', '-', '.'])))
}

/// ASCII letters, digits and `.-_`; what else stands there becomes one `_`, and none at the ends.
fn tidy(text: &str) -> String {
    let mut tidy = String::new();
    for character in text.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' => tidy.push(character),
            _ if tidy.ends_with('_') => {}
            _ => tidy.push('_'),
        }
    }
    tidy.trim_matches(['_', '-', '.']).to_owned()
}
