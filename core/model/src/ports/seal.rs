use serde::{Deserialize, Serialize};

/// The form of a seal: part of what a delivery pins, because it decides which bytes leave the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SealForm {
    /// XML-DSig (XMLDSIG Core 1.1), enveloped, as last child of the document's root, exclusive C14N.
    XmlDsig,
    /// CMS SignedData (RFC 5652), detached, DER: a `.p7s` beside the document.
    Cms,
}

/// What a seal made of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// The document with its signature inside.
    Enveloped(Vec<u8>),
    /// The signature alone; the document stays as it is.
    Detached(Vec<u8>),
}

/// A seal could not be put on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SealFault(pub String);

/// Signs documents with one configured key.
///
/// [`Seal::seal`] is CPU-bound and called in parallel from a bounded pool. Two calls on the same bytes may give
/// different signatures (ECDSA, PSS): the caller keeps what it got and sends that (promise H4). It changes nothing
/// outside.
pub trait Seal: Send + Sync {
    /// The form of this seal.
    fn form(&self) -> SealForm;

    /// Signs `message`. For [`SealForm::XmlDsig`] it must be a well-formed XML document.
    fn seal(&self, message: &[u8]) -> Result<Sealed, SealFault>;
}

/// What the hub states under its own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    /// It has a submission: the receipt that its sender gets.
    Receipt,
    /// Its history has this end: see [`HeadClaims`](super::HeadClaims).
    AuditHead,
}

impl Statement {
    /// The `typ` in the header of the signature, so that one statement cannot be taken for another.
    pub const fn typ(self) -> &'static str {
        match self {
            Self::Receipt => "rohrpost-receipt+jwt",
            Self::AuditHead => "rohrpost-audit-head+jwt",
        }
    }
}

/// Signs what the hub states, with the key of its receipts.
pub trait ReceiptSigner: Send + Sync {
    /// A compact JWS (RFC 7515) whose payload is exactly `claims`, with the statement's `typ` and the certificate's
    /// thumbprint (`x5t#S256`) in its protected header. Senders get the certificate beforehand, so a receipt does
    /// without it; a head is looked at years later, so it carries the certificate and its chain (`x5c`).
    fn sign(&self, statement: Statement, claims: &[u8]) -> Result<String, SealFault>;
}
