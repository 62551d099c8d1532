//! What is made in enaio: objects with a type, fields, and perhaps a file.

use crate::index::Fields;
use bytes::Bytes;
use rohrpost_kit::http::{Multipart, Part};
use rohrpost_kit::parcel::CheckedStream;
use rohrpost_model::ports::Attached;

/// How objects of one kind are made and found again.
pub(crate) struct Kind {
    /// The object type, by number or by its internal name.
    pub(crate) object_type: String,
    /// The field that holds the hub's mark.
    pub(crate) key_field: String,
}

/// One object about to be made, or to be made anew.
pub(crate) struct Object<'a> {
    pub(crate) kind: &'a Kind,
    /// What it lies in; nothing for a folder.
    pub(crate) parent: Option<&'a str>,
    /// With the hub's mark.
    pub(crate) fields: &'a Fields,
    pub(crate) file: Option<File<'a>>,
}

/// The file of a document.
pub(crate) struct File<'a> {
    pub(crate) name: &'a str,
    pub(crate) media_type: &'a str,
    pub(crate) content: Content<'a>,
}

pub(crate) enum Content<'a> {
    Bytes(Bytes),
    Attached(&'a Attached, CheckedStream),
}

impl File<'_> {
    /// Adds it to a form, under `field`.
    pub(crate) fn put_into(self, form: &mut Multipart, field: &str, content_id: Option<&str>) {
        let (name, file_name, content_type) = (field, Some(self.name), Some(self.media_type));
        let head = Part { name, file_name, content_type, content_id };
        match self.content {
            Content::Bytes(bytes) => form.bytes(&head, bytes),
            Content::Attached(attached, stream) => form.attachment(&head, attached, stream),
        }
    }
}
