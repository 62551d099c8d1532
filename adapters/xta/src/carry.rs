//! How what the hub delivers becomes a message of XTA: the same in a mailbox and in what it sends.

use crate::{BoxError, Code, Container, ContentOutline, OutgoingContent};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};
use rohrpost_model::DeliveryId;
use rohrpost_model::ports::Attached;
use serde::Deserialize;

/// A code of a list, with the schema of what is sent.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct TypeSettings {
    /// The list's URI.
    list: String,
    /// Its version.
    #[serde(default = "first_version")]
    version: String,
    /// The code.
    code: String,
    /// The payload's schema.
    pub(crate) schema: String,
}

impl TypeSettings {
    pub(crate) fn code(&self) -> Code {
        let Self { list, version, code, .. } = self.clone();
        Code { list, version, code, name: None }
    }
}

fn first_version() -> String {
    "1.0".to_owned()
}

/// The parts of a message.
pub(crate) struct Carried<'a> {
    /// The delivery.
    pub(crate) id: DeliveryId,
    /// The message.
    pub(crate) message: Bytes,
    /// Its media type.
    pub(crate) media_type: &'a str,
    /// A detached signature; it goes as an attachment of its own.
    pub(crate) signature: Option<Bytes>,
    /// The attachments.
    pub(crate) attachments: Vec<OutgoingContent<'static>>,
}

impl Carried<'_> {
    /// The container that holds them.
    pub(crate) fn container(self) -> Container<'static> {
        let id = format!("message-{}", self.id);
        let outline = ContentOutline { id: Some(id), ..outline_of(&self.message, self.media_type) };
        let message = OutgoingContent { outline, bytes: whole(self.message) };
        let signature = self.signature.map(|bytes| {
            let outline = outline_of(&bytes, "application/pkcs7-signature");
            let outline = ContentOutline { file_name: Some("signatur.p7s".into()), ..outline };
            OutgoingContent { outline, bytes: whole(bytes) }
        });
        Container::Plain { message, attachments: self.attachments.into_iter().chain(signature).collect() }
    }
}

fn outline_of(bytes: &Bytes, media_type: &str) -> ContentOutline {
    let size = Some(bytes.len() as u64).filter(|size| *size > 0);
    ContentOutline { size, ..ContentOutline::of_type(media_type) }
}

fn whole(bytes: Bytes) -> BoxStream<'static, Result<Bytes, BoxError>> {
    stream::iter([Ok(bytes)]).boxed()
}

/// What is said of an attachment.
pub(crate) fn outline(attached: &Attached) -> ContentOutline {
    ContentOutline {
        file_name: attached.file_name.clone().or_else(|| attached.name.clone()),
        id: attached.id.clone().or_else(|| Some(format!("anlage-{}", attached.number))),
        size: Some(attached.size).filter(|size| *size > 0),
        ..ContentOutline::of_type(&attached.media_type)
    }
}
