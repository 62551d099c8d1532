//! `[attachments]` in `mapping.toml`: ids and names of attachments by rule, so that the message, what is sent beside it and a
//! later attempt call them alike.
//!
//! ```toml
//! [attachments]
//! id = "urn_uuid_{uuid}"
//! name = "{number:03}_{stem}.{extension}"
//! ```
//!
//! The same submission under the same mapping gives the same ids and names for ever. Within it no two are equal, nor do names
//! differ in upper and lower case only. An id is an XML name (NCName), a name is one that every file system takes.

use crate::facts::AttachmentFact;
use crate::functions::{file_name, uuid};
use rohrpost_model::media_type::extension;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What attachments are called.
#[derive(Debug, Default)]
pub(crate) struct NamingRule {
    pub(crate) id: Option<Template>,
    pub(crate) name: Option<Template>,
    /// Line and column of the table.
    pub(crate) place: (u32, u32),
}

/// What a mapping calls an attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedAttachment {
    /// The attachment's number.
    pub number: u32,
    /// Its id.
    pub id: Option<String>,
    /// Its file name.
    pub file_name: Option<String>,
}

/// A text with placeholders.
#[derive(Debug)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(String),
    Field(Field),
}

#[derive(Clone, Copy, Debug)]
enum Field {
    /// With leading zeros up to this width.
    Number(usize),
    Name,
    Stem,
    Extension,
    Uuid,
    Sha256,
    Submission,
    Case,
}

const FIELDS: [(&str, Field); 8] = [
    ("number", Field::Number(0)),
    ("name", Field::Name),
    ("stem", Field::Stem),
    ("extension", Field::Extension),
    ("uuid", Field::Uuid),
    ("sha256", Field::Sha256),
    ("submission", Field::Submission),
    ("case", Field::Case),
];

/// Ids stand in attributes of messages and in heads of MIME parts; nothing takes longer ones for granted.
const LONGEST_ID: usize = 200;

/// So long a name of a file is at most, in bytes, and so much of a sender's name is left in it.
const LONGEST_NAME: usize = 100;
const SHORTEST_NAME: usize = 8;

/// Names that Windows gives to devices, whatever their ending.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// Why a template is none: what is wrong, and what would be right.
type Wrong = (String, String);

impl Template {
    /// The template of ids: what it gives is always an XML name, whatever the attachment.
    pub(crate) fn of_ids(text: &str) -> Result<Self, Wrong> {
        let template = Self::parse(text)?;
        let begins = matches!(template.0.first(), Some(Piece::Text(text)) if text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'));
        if !begins {
            let what =
                format!("`{text}` does not always give an XML name, which begins with a letter or `_`");
            return Err((what, "write for instance urn_uuid_{uuid}, or anlage-{number}".into()));
        }
        Ok(template)
    }

    /// The template of names.
    pub(crate) fn of_names(text: &str) -> Result<Self, Wrong> {
        let template = Self::parse(text)?;
        if matches!(template.0.first(), Some(Piece::Text(text)) if text.starts_with(['.', '-'])) {
            let what = format!("`{text}` gives names that are hidden or look like options");
            return Err((what, "begin with a letter, a digit or a placeholder".into()));
        }
        Ok(template)
    }

    fn parse(text: &str) -> Result<Self, Wrong> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(at) = rest.find('{') {
            let (before, found) = rest.split_at(at);
            pieces.extend(literal(before)?);
            let (name, after) = found[1..].split_once('}').ok_or_else(|| {
                ("a brace without its counterpart".to_owned(), "write {number}, for instance".to_owned())
            })?;
            pieces.push(Piece::Field(field(name)?));
            rest = after;
        }
        pieces.extend(literal(rest)?);
        if pieces.iter().all(|piece| matches!(piece, Piece::Text(_))) {
            let what = format!("`{text}` calls every attachment alike");
            return Err((what, "a placeholder keeps them apart: {number} or {uuid}".into()));
        }
        Ok(Self(pieces))
    }

    fn fill(&self, values: &Values<'_>) -> Result<String, String> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Field(field) => values.put(*field, &mut filled)?,
            }
        }
        Ok(filled)
    }
}

/// What stands between placeholders: characters that XML names and file names both take.
fn literal(text: &str) -> Result<Option<Piece>, Wrong> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match text.chars().find(|c| !allowed(*c)) {
        Some(other) => {
            let what = format!("`{other}` cannot stand in an id or a file name");
            Err((what, "between placeholders stand a-z, A-Z, 0-9, `-`, `_` and `.`".into()))
        }
        None => Ok((!text.is_empty()).then(|| Piece::Text(text.to_owned()))),
    }
}

fn field(name: &str) -> Result<Field, Wrong> {
    if let Some(width) = name.strip_prefix("number:") {
        let digits = width.strip_prefix('0').and_then(|width| width.parse().ok());
        let width = digits.filter(|width| (1..=9).contains(width));
        let wrong =
            || (format!("`{width:?}` is no width of a number"), "write {number:03} for 001".to_owned());
        return width.map(Field::Number).ok_or_else(wrong);
    }
    FIELDS.iter().find(|(known, _)| *known == name).map(|(_, field)| *field).ok_or_else(|| {
        let known: Vec<_> = FIELDS.iter().map(|(known, _)| format!("{{{known}}}")).collect();
        (format!("unknown placeholder {{{name}}}"), format!("known here: {}", known.join(", ")))
    })
}

/// What fills the placeholders for one attachment.
struct Values<'v> {
    submission: &'v str,
    case: &'v str,
    attachment: &'v AttachmentFact,
    /// So much of the sender's name is taken.
    longest: usize,
}

impl Values<'_> {
    fn put(&self, field: Field, out: &mut String) -> Result<(), String> {
        let AttachmentFact { number, sha256, .. } = self.attachment;
        match field {
            // Writing into a text cannot fail.
            Field::Number(width) => drop(write!(out, "{number:0width$}")),
            Field::Name => out.push_str(&self.name()?),
            Field::Stem => out.push_str(self.split(&self.name()?).0),
            Field::Extension => out.push_str(self.split(&self.name()?).1),
            Field::Uuid => out.push_str(&uuid(self.submission, &format!("anlage-{number}"))?),
            Field::Sha256 => out.push_str(sha256),
            Field::Submission => out.push_str(self.submission),
            // The one character of a case that XML names and file names do not take.
            Field::Case => out.push_str(&self.case.replace(':', "_")),
        }
        Ok(())
    }

    /// The sender's name as every system takes it, or one of number and media type.
    fn name(&self) -> Result<String, String> {
        let AttachmentFact { number, name, media_type, .. } = self.attachment;
        match name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
            Some(name) => file_name(name, Some(&self.longest.to_string())),
            None => Ok(format!("anlage{number}.{}", extension(media_type))),
        }
    }

    /// A name without its ending is given one of its media type.
    fn split<'n>(&self, name: &'n str) -> (&'n str, &'n str) {
        name.rsplit_once('.').unwrap_or((name, extension(&self.attachment.media_type)))
    }
}

impl NamingRule {
    /// What the attachments of a submission are called. The error names those of which two would be called alike.
    pub(crate) fn names(
        &self,
        submission: &str,
        case: &str,
        attachments: &[AttachmentFact],
    ) -> Result<Vec<NamedAttachment>, String> {
        let named = |attachment: &AttachmentFact| {
            let values = Values { submission, case, attachment, longest: LONGEST_NAME };
            let id = self.id.as_ref().map(|template| id(template, &values)).transpose()?;
            let file_name = self.name.as_ref().map(|template| name(template, &values)).transpose()?;
            Ok(NamedAttachment { number: attachment.number, id, file_name })
        };
        let all: Vec<_> = attachments.iter().map(named).collect::<Result<_, String>>()?;
        unique("id", all.iter().map(|one| (one.number, one.id.clone())))?;
        unique(
            "name",
            all.iter().map(|one| (one.number, one.file_name.as_ref().map(|name| name.to_lowercase()))),
        )?;
        Ok(all)
    }
}

fn id(template: &Template, values: &Values<'_>) -> Result<String, String> {
    let id = template.fill(values)?;
    let number = values.attachment.number;
    let sound = id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    match sound && id.len() <= LONGEST_ID {
        true => Ok(id),
        false => Err(format!(
            "the rule gives the attachment {number} an id that is no XML name of at most {LONGEST_ID} characters"
        )),
    }
}

/// Where a name is too long, the sender's part in it is shortened: what the rule keeps names apart by stays.
fn name(template: &Template, values: &Values<'_>) -> Result<String, String> {
    let mut filled = template.fill(values)?;
    if filled.len() > LONGEST_NAME {
        let longest = (2 * LONGEST_NAME).saturating_sub(filled.len()).max(SHORTEST_NAME);
        filled = template.fill(&Values { longest, ..*values })?;
    }
    let name = file_name(&filled, None)?;
    let stem = name.split('.').next().unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit());
    let is_device = DEVICES.iter().any(|device| device.eq_ignore_ascii_case(stem));
    Ok(if is_device { format!("datei_{name}") } else { name })
}

fn unique(what: &str, names: impl Iterator<Item = (u32, Option<String>)>) -> Result<(), String> {
    let mut seen = BTreeMap::new();
    for (number, name) in names.filter_map(|(number, name)| Some((number, name?))) {
        if let Some(first) = seen.insert(name, number) {
            return Err(format!("by the rule the attachments {first} and {number} have the same {what}"));
        }
    }
    Ok(())
}
