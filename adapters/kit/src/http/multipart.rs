use super::{Body, Piece};
use crate::parcel::CheckedStream;
use bytes::Bytes;
use rohrpost_model::DeliveryId;
use rohrpost_model::ports::Attached;

/// A body of media type `multipart/form-data` (RFC 7578). Its boundary is made of the delivery's key, so that every
/// attempt sends the same bytes (promise H4).
pub struct Multipart {
    boundary: String,
    pieces: Vec<Piece>,
}

/// The head of one part.
#[derive(Clone, Copy, Default)]
pub struct Part<'a> {
    /// The name of the form's field.
    pub name: &'a str,
    /// The file name, for a file.
    pub file_name: Option<&'a str>,
    /// The media type.
    pub content_type: Option<&'a str>,
    /// What other parts call it: the header `Content-ID`.
    pub content_id: Option<&'a str>,
}

impl Multipart {
    /// An empty body for this delivery.
    pub fn new(key: DeliveryId) -> Self {
        Self { boundary: format!("rohrpost-{key}"), pieces: vec![] }
    }

    /// The value of the header `Content-Type`.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// Adds a part that is in memory.
    pub fn bytes(&mut self, part: &Part<'_>, content: Bytes) {
        self.head(part);
        self.push(content);
        self.push(Bytes::from_static(b"\r\n"));
    }

    /// Adds a part of `size` bytes that is streamed.
    pub fn stream(&mut self, part: &Part<'_>, size: u64, content: CheckedStream) {
        self.streamed(part, size, None, content);
    }

    /// Adds an attachment, whose `content` is streamed.
    pub fn attachment(&mut self, part: &Part<'_>, attached: &Attached, content: CheckedStream) {
        self.streamed(part, attached.size, Some(attached.number), content);
    }

    fn streamed(&mut self, part: &Part<'_>, size: u64, attachment: Option<u32>, content: CheckedStream) {
        self.head(part);
        self.pieces.push(Piece::Stream { size, attachment, content });
        self.push(Bytes::from_static(b"\r\n"));
    }

    /// The whole.
    pub fn finish(mut self) -> Body {
        self.push(format!("--{}--\r\n", self.boundary).into());
        Body::Pieces(self.pieces)
    }

    fn head(&mut self, part: &Part<'_>) {
        let mut head = format!(
            "--{}\r\nContent-Disposition: form-data; name=\"{}\"",
            self.boundary,
            parameter(part.name)
        );
        if let Some(file_name) = part.file_name {
            head.push_str(&format!("; filename=\"{}\"", parameter(file_name)));
        }
        if let Some(content_type) = part.content_type {
            head.push_str(&format!("\r\nContent-Type: {}", one_line(content_type)));
        }
        if let Some(content_id) = part.content_id {
            head.push_str(&format!("\r\nContent-ID: {}", one_line(content_id)));
        }
        head.push_str("\r\n\r\n");
        self.push(head.into());
    }

    fn push(&mut self, bytes: Bytes) {
        self.pieces.push(Piece::Bytes(bytes));
    }
}

/// As browsers write it (WHATWG HTML, multipart/form-data encoding): UTF-8, with these three percent-encoded.
fn parameter(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
