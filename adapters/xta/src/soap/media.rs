//! Media types with their parameters.

/// A media type, its name in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Media {
    pub(super) essence: String,
    parameters: Vec<(String, String)>,
}

impl Media {
    /// Reads as much as can be read: what follows a broken parameter is left out.
    pub(super) fn read(text: &str) -> Self {
        let (essence, mut rest) = text.split_once(';').unwrap_or((text, ""));
        let mut media = Self { essence: essence.trim().to_ascii_lowercase(), parameters: Vec::new() };
        while let Some((name, after)) = rest.split_once('=') {
            let (value, after) = value(after.trim_start());
            let name = name.trim_matches([' ', '\t', ';', '\r', '\n']).to_ascii_lowercase();
            media.parameters.push((name, value));
            rest = after;
        }
        media
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The action: its own, or that of a media type within it, as some stacks nest them.
    pub(super) fn action(&self) -> Option<String> {
        let nested = |name| self.parameter(name).and_then(|text| Self::read(text).own_action());
        self.own_action().or_else(|| nested("start-info")).or_else(|| nested("type"))
    }

    fn own_action(&self) -> Option<String> {
        self.parameter("action").map(str::to_owned)
    }
}

/// A token or a quoted string, and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return (text[..end].trim().to_owned(), text.get(end + 1..).unwrap_or(""));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}
