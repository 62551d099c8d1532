use super::{Body, Piece, Request};
use rohrpost_model::ports::{self, HIDDEN, Parcel, Sends};

/// Headers that carry credentials also where they are written out in a configuration.
const CREDENTIALS: [&str; 5] =
    ["authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"];

impl Request {
    /// What would be sent, for people. No stream in it is read.
    pub fn preview(self, parcel: &Parcel<'_>) -> Sends {
        let headers = self.headers.iter().map(|(name, value)| {
            let hidden = value.is_sensitive() || CREDENTIALS.contains(&name.as_str());
            let shown = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), if hidden { HIDDEN.to_owned() } else { shown })
        });
        Sends::Request {
            method: self.method.to_string(),
            url: self.url.to_string(),
            headers: headers.collect(),
            body: pieces(self.body, parcel),
        }
    }
}

fn pieces(body: Body, parcel: &Parcel<'_>) -> Vec<ports::Piece> {
    match body {
        // What a stream holds is known to whoever made it.
        Body::Empty | Body::Stream(_) => Vec::new(),
        Body::Bytes(bytes) => vec![ports::Piece::of(bytes, parcel)],
        Body::Pieces(pieces) => pieces.into_iter().filter_map(|piece| shown(piece, parcel)).collect(),
    }
}

/// A stream that is no attachment belongs to no parcel.
fn shown(piece: Piece, parcel: &Parcel<'_>) -> Option<ports::Piece> {
    match piece {
        Piece::Bytes(bytes) => Some(ports::Piece::of(bytes, parcel)),
        Piece::Stream { attachment, .. } => attachment.map(ports::Piece::Attachment),
    }
}
