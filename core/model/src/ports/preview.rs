use super::Parcel;
use crate::DocumentName;
use bytes::Bytes;

/// What stands in a preview where the target would be sent a secret.
pub const HIDDEN: &str = "***";

/// What a target would be sent for one parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// What would leave the house.
    pub sends: Sends,
    /// What the target would call it, where that is certain beforehand (the name of a file).
    pub reference: Option<String>,
}

/// What would leave the house.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sends {
    /// One HTTP request.
    Request {
        /// The method.
        method: String,
        /// The whole address.
        url: String,
        /// The headers that the adapter sets, credentials as [`HIDDEN`].
        headers: Vec<(String, String)>,
        /// The body, piece by piece.
        body: Vec<Piece>,
    },
    /// Files in a folder, in the order in which a reader sees them.
    Files {
        /// The folder.
        folder: String,
        /// Their names in it, and what stands in each.
        files: Vec<(String, Piece)>,
    },
}

/// A piece of what would be sent. Parts of the parcel are named, because whoever looks has them already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The parcel's message.
    Message,
    /// Its detached signature.
    Signature,
    /// The document of this name that goes along.
    Enclosed(DocumentName),
    /// Its attachment of this number.
    Attachment(u32),
    /// What the adapter adds.
    Bytes(Bytes),
}

impl Piece {
    /// The piece that these bytes are in what is made of `parcel`.
    pub fn of(bytes: Bytes, parcel: &Parcel<'_>) -> Self {
        match bytes {
            bytes if bytes == parcel.message => Self::Message,
            bytes if parcel.signature.as_ref() == Some(&bytes) => Self::Signature,
            bytes => match parcel.enclosed.iter().find(|enclosed| enclosed.content == bytes) {
                Some(enclosed) => Self::Enclosed(enclosed.name.clone()),
                None => Self::Bytes(bytes),
            },
        }
    }
}
