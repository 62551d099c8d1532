//! XML as far as envelopes need it: a scanner that is fed bytes and hands on long texts piece by piece, trees of what is
//! small, and a writer.

mod scan;
mod tag;
mod tree;
mod write;

pub(crate) use scan::{Scanner, Token};
pub(crate) use tag::{Tag, is_ncname};
pub(crate) use tree::Builder;
pub use tree::{Attribute, Element};
pub(crate) use write::Writer;

/// Where in a document, both from 1; columns count bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Why bytes are no envelope, whatever they mean.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlFault {
    /// It carries a DOCTYPE.
    #[error("a document type declaration is not allowed in an envelope")]
    Doctype,
    /// It carries a processing instruction.
    #[error("a processing instruction is not allowed in an envelope")]
    ProcessingInstruction,
    /// It refers to an entity.
    #[error("the entity `{0}` is not known; only lt, gt, amp, quot and apos are")]
    Entity(String),
    /// It is not written in UTF-8.
    #[error("an envelope is written in UTF-8")]
    Encoding,
    /// Elements are nested too deep.
    #[error("elements are nested deeper than {0}")]
    Depth(usize),
    /// A tag or comment is longer than is kept.
    #[error("a tag or a comment is longer than {0} bytes")]
    LongMarkup(usize),
    /// Not well-formed in another way.
    #[error("not well-formed: {0}")]
    NotWellFormed(String),
    /// It ends too early.
    #[error("the document ends before its root element is closed")]
    Truncated,
}

pub(crate) fn malformed(what: impl Into<String>) -> XmlFault {
    XmlFault::NotWellFormed(what.into())
}
