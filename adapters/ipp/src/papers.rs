//! What of a parcel is printed.

use bytes::Bytes;
use rohrpost_kit::http::misconfigured;
use rohrpost_kit::pdf::Rules;
use rohrpost_model::ports::{Attached, Parcel};
use rohrpost_model::{Digest, Failure, Reason, ReasonCode};
use serde::Deserialize;

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum What {
    /// The message.
    #[default]
    Message,
    /// Every attachment that is a PDF.
    Attachments,
}

/// One document: one job.
pub(crate) struct Paper<'a> {
    /// What progress calls it.
    pub(crate) word: String,
    /// The name of its job.
    pub(crate) mark: String,
    /// What reasons call it.
    document: String,
    sha256: Digest,
    source: Source<'a>,
}

enum Source<'a> {
    Message(&'a Bytes),
    Attached(&'a Attached),
}

impl What {
    /// The documents of a parcel, at least one.
    pub(crate) fn papers<'a>(self, parcel: &'a Parcel<'_>) -> Result<Vec<Paper<'a>>, Failure> {
        let paper = |word: String, document, sha256, source| {
            let mark = format!("rohrpost-{}-{word}-{}", parcel.key, short(sha256));
            Paper { word, mark, document, sha256, source }
        };
        if self == Self::Message {
            if parcel.signature.is_some() {
                // A signature beside the message cannot be printed, and is never left out in silence.
                return Err(misconfigured("seal"));
            }
            let (sha256, source) = (Digest::of(&parcel.message), Source::Message(&parcel.message));
            return Ok(vec![paper("message".to_owned(), "message".to_owned(), sha256, source)]);
        }
        let chosen = parcel.attachments.iter().filter(|attached| is_pdf(&attached.media_type));
        let papers: Vec<_> = chosen
            .map(|attached| {
                let (word, document) =
                    (format!("a{}", attached.number), format!("attachment {}", attached.number));
                paper(word, document, attached.sha256, Source::Attached(attached))
            })
            .collect();
        if papers.is_empty() {
            return Err(Failure::Refused(Reason::new(ReasonCode::NothingToPrint)));
        }
        Ok(papers)
    }
}

impl Paper<'_> {
    /// Looks at it before anything is sent. An attachment is read twice, so that no more than one is ever in memory.
    pub(crate) async fn check(&self, rules: &Rules) -> Result<(), Failure> {
        let bytes = self.bytes(rules).await?;
        rules.look_at(&self.document, bytes).await.map(drop)
    }

    /// Its bytes, as they were marked to be sent.
    pub(crate) async fn bytes(&self, rules: &Rules) -> Result<Bytes, Failure> {
        match self.source {
            Source::Message(message) => Ok(message.clone()),
            Source::Attached(attached) => rules.read(&self.document, attached).await,
        }
    }

    /// Tells its bytes from those that it had before a person mended the delivery.
    pub(crate) fn bytes_mark(&self) -> String {
        short(self.sha256)
    }
}

/// Enough to tell versions of one document apart, too little to guess a content by.
fn short(sha256: Digest) -> String {
    sha256.to_string().chars().take(8).collect()
}

fn is_pdf(media_type: &str) -> bool {
    let kind = media_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/pdf")
}
