//! Signed heads: read, opened, and judged by whom they were signed.

use super::told;
use crate::faults::Stop;
use rohrpost_model::ports::{Head, HeadClaims};
use rohrpost_seal::{TrustStore, Verdict, open_audit_head};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A head whose signature is intact.
pub struct Opened {
    /// What it says.
    pub claims: HeadClaims,
    /// Who claims to have signed it.
    pub signer: String,
    /// Whether the signer is trusted; `None` where nobody said whom to trust.
    pub trusted: Option<bool>,
}

/// A head as it is told.
#[derive(Serialize)]
pub struct Judged {
    /// Where it stands.
    pub file: String,
    /// The row, if it can be read.
    pub seq: Option<u64>,
    /// When it was signed.
    pub at: Option<rohrpost_model::Timestamp>,
    /// Who claims to have signed it.
    pub signer: Option<String>,
    /// Whether the signer is trusted; null where nobody said whom to trust.
    pub trusted: Option<bool>,
    /// `fits`, `differs` (the chain has another hash there), `beyond` (the chain ends before), `forged`, `untrusted`.
    pub verdict: &'static str,
    /// The German sentence, where it does not fit.
    #[serde(skip)]
    pub german: String,
}

/// A file that ought to hold a head.
pub struct Given {
    /// The file.
    pub file: String,
    /// The head, or why it is none.
    pub head: Result<Opened, String>,
}

/// Reads the heads in files.
pub fn read(files: &[PathBuf], trust: Option<&TrustStore>) -> Result<Vec<Given>, Stop> {
    let given =
        |file: &PathBuf| Ok(Given { file: file.display().to_string(), head: open(&text(file)?, trust) });
    files.iter().map(given).collect()
}

fn text(file: &Path) -> Result<String, Stop> {
    let bytes = crate::commands::read_file(file)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Opens a head; the error says in German why it is none.
pub fn open(jws: &str, trust: Option<&TrustStore>) -> Result<Opened, String> {
    let opened = open_audit_head(jws).map_err(|fault| fault.to_string())?;
    let claims: HeadClaims =
        serde_json::from_slice(opened.claims()).map_err(|_| "it says nothing of a history".to_owned())?;
    let trusted = trust.map(|trust| matches!(opened.judge(trust, claims.at), Verdict::Trusted(_)));
    Ok(Opened { claims, signer: opened.signed_by().subject, trusted })
}

impl Opened {
    /// The head, to compare a chain with.
    pub const fn head(&self) -> Head {
        self.claims.head()
    }
}

impl Judged {
    /// A head that is none.
    pub fn forged(file: String, why: &str) -> Self {
        let german = told::forged(why);
        Self { file, seq: None, at: None, signer: None, trusted: None, verdict: "forged", german }
    }

    /// A head with how it fits.
    pub fn of(file: String, opened: Opened, fit: rohrpost_store::audit::Fit) -> Self {
        let (verdict, german) = told::fit(fit, opened.claims.seq);
        let (verdict, german) = match opened.trusted {
            Some(false) if verdict == "fits" => ("untrusted", told::untrusted(&opened.signer)),
            _ => (verdict, german),
        };
        Self {
            file,
            seq: Some(opened.claims.seq),
            at: Some(opened.claims.at),
            signer: Some(opened.signer),
            trusted: opened.trusted,
            verdict,
            german,
        }
    }

    /// Whether it vouches for the chain.
    pub fn fits(&self) -> bool {
        self.verdict == "fits"
    }
}
