//! What the standard says of a content beside its bytes.

use super::attribute_of;
use crate::xml::Element;
use crate::xml::is_ncname;

/// Which content of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ContentKind {
    /// The message.
    Message,
    /// The attachment of this number, from 0.
    Attachment(usize),
    /// The container as a whole, encrypted by its author: an `xenc:EncryptedData`.
    Encrypted,
}

/// The attributes of a content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentOutline {
    /// Media type.
    pub content_type: String,
    /// A text for people.
    pub description: Option<String>,
    /// Character set of a text.
    pub encoding: Option<String>,
    /// File name.
    pub file_name: Option<String>,
    /// The id by which the message refers to an attachment.
    pub id: Option<String>,
    /// Language.
    pub language: Option<String>,
    /// The size that is said to be its; an empty content cannot state one.
    pub size: Option<u64>,
}

impl ContentOutline {
    /// An outline of a media type.
    pub fn of_type(content_type: &str) -> Self {
        Self { content_type: content_type.to_owned(), ..Self::default() }
    }

    pub(crate) fn read(element: &Element) -> Self {
        let attribute = |name| attribute_of(element, name);
        Self {
            content_type: attribute("contentType").unwrap_or_default(),
            description: attribute("contentDescription"),
            encoding: attribute("encoding"),
            file_name: attribute("filename"),
            id: attribute("id"),
            language: attribute("lang"),
            size: attribute("size").and_then(|size| size.parse().ok()),
        }
    }

    pub(crate) fn attributes(&self) -> Vec<(&'static str, String)> {
        let size = self.size.filter(|size| *size > 0).map(|size| size.to_string());
        let known = [
            ("contentDescription", self.description.clone()),
            ("contentType", Some(self.content_type.clone())),
            ("encoding", self.encoding.clone()),
            ("filename", self.file_name.clone()),
            ("id", self.id.clone()),
            ("lang", self.language.clone()),
            ("size", size),
        ];
        known.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// Gives every content an id that is an NCName and its alone: some partners' validators know the type as xs:ID. What an
/// NCName cannot hold becomes `_`, as XBau lays it down for `urn:uuid:…`.
pub(crate) fn settle_ids(outlines: &mut [&mut ContentOutline]) {
    let mut taken: Vec<String> = Vec::new();
    for (number, outline) in outlines.iter_mut().enumerate() {
        let wanted = match outline.id.as_deref() {
            Some(id) if !id.is_empty() => as_ncname(id),
            _ if number == 0 => "MESSAGE".to_owned(),
            _ => format!("ATTACHMENT_{number}"),
        };
        let free = |id: &String| !taken.contains(id);
        let numbered = (2..).map(|count| format!("{wanted}_{count}"));
        let id = std::iter::once(wanted.clone()).chain(numbered).find(free).unwrap_or(wanted);
        taken.push(id.clone());
        outline.id = Some(id);
    }
}

fn as_ncname(id: &str) -> String {
    let allowed = |c: char| if is_ncname(&format!("_{c}")) { c } else { '_' };
    let id: String = id.chars().map(allowed).collect();
    if is_ncname(&id) { id } else { format!("_{id}") }
}
