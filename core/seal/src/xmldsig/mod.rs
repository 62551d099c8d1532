//! XML-DSig (XMLDSIG Core 1.1), enveloped, exclusive C14N: putting a signature on, and judging one.

mod verify;

pub use verify::verify_xml;

use crate::algorithm::{Algorithm, DigestAlgorithm, SignatureScheme};
use crate::identity::{KeyFault, SigningIdentity};
use crate::xml::{self, DSIG, Parsed};
use base64::{Engine, engine::general_purpose::STANDARD};
use bergshamra::c14n::{C14nMode, canonicalize_doc};
use rohrpost_model::ports::{Seal, SealFault, SealForm, Sealed};

/// The enveloped-signature transform (XMLDSIG Core 1.1, section 6.6.4).
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// How an XML document is signed. The reference is always the whole document (`URI=""`).
#[derive(Clone, Copy, Debug, Default)]
pub struct XmlDsigOptions {
    /// The hash of the document and, for RSA, of the signature.
    pub digest: DigestAlgorithm,
    /// The scheme; `None` takes RSA-PSS for RSA keys and ECDSA for EC keys.
    pub signature: Option<SignatureScheme>,
}

/// Puts an enveloped signature on XML documents, as the last child of the root. The document's own bytes stay as they
/// are; the signature is written between them.
pub struct XmlDsigSeal {
    identity: SigningIdentity,
    algorithm: Algorithm,
    digest: DigestAlgorithm,
    key_info: String,
}

impl XmlDsigSeal {
    /// Prepares the seal. Refused where `options` ask for a scheme that the key cannot do.
    pub fn new(identity: SigningIdentity, options: XmlDsigOptions) -> Result<Self, KeyFault> {
        let algorithm = identity.algorithm(options.signature, options.digest)?;
        let key_info = key_info(&identity)?;
        Ok(Self { identity, algorithm, digest: options.digest, key_info })
    }

    fn signature_element(&self, parsed: &Parsed<'_>) -> Result<String, SealFault> {
        // Exclusive C14N of the document as it stands is what the enveloped transform leaves of the signed one.
        let canonical = canonicalize_doc::<&str>(&parsed.doc, C14nMode::Exclusive, None, &[])
            .map_err(|_| SealFault("the document cannot be brought into canonical form".to_owned()))?;
        let content = self.signed_info_content(&STANDARD.encode(self.digest.of(&canonical)));
        let signed_info = format!(r#"<ds:SignedInfo xmlns:ds="{DSIG}">{content}</ds:SignedInfo>"#);
        let signature = self
            .identity
            .sign(self.algorithm, signed_info.as_bytes())
            .map_err(|_| SealFault("the key could not sign".to_owned()))?;
        Ok(format!(
            r#"<ds:Signature xmlns:ds="{DSIG}"><ds:SignedInfo>{content}</ds:SignedInfo><ds:SignatureValue>{}</ds:SignatureValue>{}</ds:Signature>"#,
            STANDARD.encode(signature),
            self.key_info
        ))
    }

    /// Written as exclusive C14N would write it, so that it need not be parsed again to be signed.
    fn signed_info_content(&self, digest: &str) -> String {
        let c14n = C14nMode::Exclusive.uri();
        let method = |name, uri: &str| format!(r#"<ds:{name} Algorithm="{uri}"></ds:{name}>"#);
        [
            method("CanonicalizationMethod", c14n),
            method("SignatureMethod", &self.algorithm.uri()),
            r#"<ds:Reference URI=""><ds:Transforms>"#.to_owned(),
            method("Transform", ENVELOPED),
            method("Transform", c14n),
            "</ds:Transforms>".to_owned(),
            method("DigestMethod", self.digest.uri()),
            format!("<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"),
        ]
        .concat()
    }
}

impl Seal for XmlDsigSeal {
    fn form(&self) -> SealForm {
        SealForm::XmlDsig
    }

    fn seal(&self, message: &[u8]) -> Result<Sealed, SealFault> {
        let text = xml::read(message).map_err(SealFault)?;
        let parsed = xml::parse(&text).map_err(SealFault)?;
        if xml::child_elements(&parsed.doc, parsed.root)
            .any(|node| xml::is_dsig(&parsed.doc, node, "Signature"))
        {
            return Err(SealFault(
                "the document is already signed; seal it before, or without, that signature".to_owned(),
            ));
        }
        let signature = self.signature_element(&parsed)?;
        Ok(Sealed::Enveloped(insert_last(&parsed, &text, message, &signature)?))
    }
}

/// `X509Data` with the whole chain, the signer's certificate first (XMLDSIG Core 1.1, section 4.5.4).
fn key_info(identity: &SigningIdentity) -> Result<String, KeyFault> {
    let mut certificates = String::new();
    for certificate in identity.chain() {
        let der = STANDARD.encode(certificate.to_der()?);
        certificates.push_str(&format!("<ds:X509Certificate>{der}</ds:X509Certificate>"));
    }
    Ok(format!("<ds:KeyInfo><ds:X509Data>{certificates}</ds:X509Data></ds:KeyInfo>"))
}

/// Writes `signature` before the root's end tag, and leaves every other byte of `message` as it was. `text` is what was
/// parsed of it.
fn insert_last(
    parsed: &Parsed<'_>,
    text: &str,
    message: &[u8],
    signature: &str,
) -> Result<Vec<u8>, SealFault> {
    let lost = || SealFault("the end of the document's root was not found".to_owned());
    let range = parsed.doc.node_range(parsed.root).ok_or_else(lost)?;
    let body = text.get(..range.end).ok_or_else(lost)?;
    let (at, skip, open, close) = match body.strip_suffix("/>") {
        Some(head) => (head.len(), 2, ">", format!("</{}>", root_name(parsed))),
        None => (body.rfind("</").ok_or_else(lost)?, 0, "", String::new()),
    };
    let (head, tail) = message.split_at_checked(xml::source_offset(message, at)).ok_or_else(lost)?;
    let tail = tail.get(skip..).ok_or_else(lost)?;
    Ok([head, open.as_bytes(), signature.as_bytes(), close.as_bytes(), tail].concat())
}

fn root_name(parsed: &Parsed<'_>) -> String {
    parsed.doc.element(parsed.root).map(|root| root.name.prefixed_name().into_owned()).unwrap_or_default()
}
