//! Content on its way out, checked against the digests that stand in the attempt (promise H8).

use bytes::Bytes;
use futures::StreamExt;
use rohrpost_model::digest::Hasher;
use rohrpost_model::document::manifest;
use rohrpost_model::ports::{Attached, ContentStream, Parcel, StoreFault};
use rohrpost_model::{Digest, Failure, Reason, ReasonCode};

/// The bytes at hand are not those that were marked to be sent.
#[derive(Debug, thiserror::Error)]
pub enum ContentFault {
    /// Size or SHA-256 differ.
    #[error("the content is not the one that was marked to be sent")]
    Differs,
    /// The store could not read it.
    #[error(transparent)]
    Store(#[from] StoreFault),
}

impl ContentFault {
    /// Why, as it is told to people.
    pub const fn reason(&self) -> Reason {
        Reason::new(match self {
            Self::Differs | Self::Store(StoreFault::Damaged(_)) => ReasonCode::ContentDamaged,
            Self::Store(StoreFault::Erased) => ReasonCode::ContentErased,
            Self::Store(_) => ReasonCode::HubTrouble,
        })
    }

    /// What becomes of the attempt if no byte has left the house yet.
    pub fn before_sending(&self) -> Failure {
        let reason = self.reason();
        match self {
            Self::Store(StoreFault::Unavailable(_) | StoreFault::Full(_) | StoreFault::Stopped(_)) => {
                Failure::unavailable(reason)
            }
            _ => Failure::Defect(reason),
        }
    }

    /// The same if a part of it may have left. A content that is not what it was is never sent whole, now or later, so the
    /// target cannot have taken it and need not be asked; a person is told why.
    pub fn while_sending(&self) -> Failure {
        match self.before_sending() {
            Failure::Defect(reason) => Failure::Defect(reason),
            _ => Failure::Unknown(self.reason()),
        }
    }
}

/// Checks that message, signature, documents and the attachments' digests are those of the attempt. Attachments are checked while
/// they are read, see [`checked`].
pub fn check(parcel: &Parcel<'_>) -> Result<(), Failure> {
    let attachments =
        parcel.attachments.iter().map(|attached| (attached.number, attached.size, attached.sha256));
    let sent = manifest(&parcel.message, parcel.signature.as_deref(), parcel.enclosed, attachments);
    if sent == parcel.sent_sha256 { Ok(()) } else { Err(ContentFault::Differs.before_sending()) }
}

/// A stream of content whose last piece is given out only if the whole has the right size and digest.
pub type CheckedStream = futures::stream::BoxStream<'static, Result<Bytes, ContentFault>>;

/// Opens an attachment so that it cannot be sent to its end unless it is the one that was marked to be sent.
pub async fn checked(attached: &Attached) -> Result<CheckedStream, ContentFault> {
    let content = attached.content.open().await?;
    let checking = Checking {
        content,
        hasher: Hasher::default(),
        held: None,
        size: 0,
        of: (attached.size, attached.sha256),
    };
    Ok(futures::stream::try_unfold(Some(checking), |checking| async {
        match checking {
            Some(checking) => checking.next().await,
            None => Ok(None),
        }
    })
    .boxed())
}

struct Checking {
    content: ContentStream,
    hasher: Hasher,
    held: Option<Bytes>,
    size: u64,
    of: (u64, Digest),
}

impl Checking {
    async fn next(mut self) -> Result<Option<(Bytes, Option<Self>)>, ContentFault> {
        while let Some(piece) = self.content.next().await {
            let piece = piece?;
            self.hasher.update(&piece);
            self.size += piece.len() as u64;
            if let Some(before) = self.held.replace(piece) {
                return Ok(Some((before, Some(self))));
            }
        }
        if (self.size, self.hasher.finish()) != self.of {
            return Err(ContentFault::Differs);
        }
        Ok(self.held.map(|last| (last, None)))
    }
}
