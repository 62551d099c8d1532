//! CMS SignedData (RFC 5652), detached, for documents that are not XML.

mod signer_info;

use crate::identity::{KeyFault, SigningIdentity};
use crate::trust::{TrustStore, Verdict, believable_key, signed_by};
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::error::ErrorStack;
use openssl::pkcs7::{Pkcs7, Pkcs7Flags};
use openssl::stack::Stack;
use openssl::x509::X509;
use rohrpost_model::Timestamp;
use rohrpost_model::ports::{Seal, SealFault, SealForm, Sealed};
use signer_info::read_algorithm;

/// `CMS_CADES`: adds the attribute signing-certificate-v2 (RFC 5035), which makes the signature CAdES-BES
/// (ETSI EN 319 122-1, section 5). The bindings do not name it.
const CADES: CMSOptions = CMSOptions::from_bits_retain(0x10_0000);

/// Signs documents of any kind, detached: SHA-256, with signed attributes, signing time and the certificate chain;
/// RSA PKCS#1 v1.5 or ECDSA, by the key.
pub struct CmsSeal {
    identity: SigningIdentity,
    chain: Stack<X509>,
    flags: CMSOptions,
}

impl CmsSeal {
    /// Prepares the seal. `cades` makes the signatures CAdES-BES, which binds the certificate into the signature.
    pub fn new(identity: SigningIdentity, cades: bool) -> Result<Self, KeyFault> {
        let mut chain = Stack::new()?;
        for certificate in identity.chain().iter().skip(1) {
            chain.push(certificate.clone())?;
        }
        let plain = CMSOptions::DETACHED | CMSOptions::BINARY | CMSOptions::NOSMIMECAP;
        Ok(Self { identity, chain, flags: if cades { plain | CADES } else { plain } })
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let leaf = self.identity.chain().first().map(|leaf| &**leaf);
        CmsContentInfo::sign(leaf, Some(self.identity.key()), Some(&self.chain), Some(message), self.flags)?
            .to_der()
    }
}

impl Seal for CmsSeal {
    fn form(&self) -> SealForm {
        SealForm::Cms
    }

    fn seal(&self, message: &[u8]) -> Result<Sealed, SealFault> {
        let signature = self.sign(message).map_err(|_| SealFault("the key could not sign".to_owned()))?;
        Ok(Sealed::Detached(signature))
    }
}

/// Judges a detached signature (DER) over `message` at the time `now`. One signer only, with signed attributes: without
/// them the bytes of someone's attributes could be passed off as a message (RFC 5652, section 14).
pub fn verify_cms(message: &[u8], signature: &[u8], trust: &TrustStore, now: Timestamp) -> Verdict {
    judge(message, signature, trust, now).unwrap_or_else(Verdict::Broken)
}

fn judge(message: &[u8], signature: &[u8], trust: &TrustStore, now: Timestamp) -> Result<Verdict, String> {
    let mut cms =
        CmsContentInfo::from_der(signature).map_err(|_| "the file is not a CMS signature in DER")?;
    let algorithm = read_algorithm(signature)?;
    let (signer, certificates) = certificates(signature)?;
    believable_key(&signer)?;
    check_value(&mut cms, &signer, message).map_err(|_| "the document or the signature was changed")?;
    let by = signed_by(&signer, algorithm, "the whole file");
    Ok(trust.judge(by, &signer, &certificates, now))
}

/// The signer's certificate as the signature names it, and all that it carries.
fn certificates(signature: &[u8]) -> Result<(X509, Vec<X509>), String> {
    let missing =
        |_: ErrorStack| "it carries no certificate of its signer, so nobody vouches for its key".to_owned();
    let pkcs7 = Pkcs7::from_der(signature).map_err(missing)?;
    let none = Stack::new().map_err(missing)?;
    let signers = pkcs7.signers(&none, Pkcs7Flags::empty()).map_err(missing)?;
    let mut signers = signers.into_iter();
    let (Some(signer), None) = (signers.next(), signers.next()) else {
        return Err("it has not exactly one signer".to_owned());
    };
    let carried = pkcs7
        .signed()
        .and_then(|signed| signed.certificates())
        .map(|stack| stack.iter().map(|c| c.to_owned()).collect());
    Ok((signer, carried.unwrap_or_default()))
}

/// Verifies with this very certificate; the chain is judged apart.
fn check_value(cms: &mut CmsContentInfo, signer: &X509, message: &[u8]) -> Result<(), ErrorStack> {
    let mut only_signer = Stack::new()?;
    only_signer.push(signer.clone())?;
    let flags = CMSOptions::BINARY | CMSOptions::NOINTERN | CMSOptions::NO_SIGNER_CERT_VERIFY;
    cms.verify(Some(&only_signer), None, Some(message), None, flags)
}
