//! Reads from a CMS signature what the library does not tell: which algorithms it claims, and that it is detached.

use crate::algorithm::{Algorithm, DigestAlgorithm, SignatureScheme};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OID: u8 = 0x06;
const CONTEXT_0: u8 = 0xa0;

/// 2.16.840.1.101.3.4.2.{1,2,3} (RFC 5754, section 2).
const DIGESTS: [(&[u8], DigestAlgorithm); 3] = [
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01], DigestAlgorithm::Sha256),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02], DigestAlgorithm::Sha384),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03], DigestAlgorithm::Sha512),
];

/// rsaEncryption and sha{256,384,512}WithRSAEncryption, id-RSASSA-PSS (RFC 8017, appendix C), and
/// ecdsa-with-SHA{256,384,512} (RFC 5754, section 3.3).
const SCHEMES: [(&[u8], SignatureScheme); 8] = [
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01], SignatureScheme::RsaPkcs1),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b], SignatureScheme::RsaPkcs1),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c], SignatureScheme::RsaPkcs1),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d], SignatureScheme::RsaPkcs1),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a], SignatureScheme::RsaPss),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02], SignatureScheme::Ecdsa),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03], SignatureScheme::Ecdsa),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04], SignatureScheme::Ecdsa),
];

/// The algorithm of the only SignerInfo of a detached SignedData.
pub(super) fn read_algorithm(der: &[u8]) -> Result<Algorithm, String> {
    let signer = only_signer(der)?;
    let mut fields = Der(signer);
    fields.skip(2)?;
    let digest = algorithm_oid(&mut fields)?;
    if fields.take(CONTEXT_0).is_none() {
        return Err("its signer signed no attributes".to_owned());
    }
    let scheme = algorithm_oid(&mut fields)?;
    let digest =
        find(&DIGESTS, digest).ok_or("its digest algorithm proves nothing here (SHA-1 or unknown)")?;
    let scheme =
        find(&SCHEMES, scheme).ok_or("its signature algorithm proves nothing here (DSA or unknown)")?;
    Ok(Algorithm { scheme, digest })
}

fn find<T: Copy>(list: &[(&[u8], T)], oid: &[u8]) -> Option<T> {
    list.iter().find(|(known, _)| *known == oid).map(|(_, value)| *value)
}

/// ContentInfo → SignedData → signerInfos (RFC 5652, sections 3 and 5.1).
fn only_signer(der: &[u8]) -> Result<&[u8], String> {
    let mut content_info = Der(Der(der).expect(SEQUENCE)?);
    content_info.expect(OID)?;
    let mut signed_data = Der(Der(content_info.expect(CONTEXT_0)?).expect(SEQUENCE)?);
    signed_data.skip(2)?;
    let mut content = Der(signed_data.expect(SEQUENCE)?);
    content.expect(OID)?;
    if !content.0.is_empty() {
        return Err("it carries content of its own; a detached signature was expected".to_owned());
    }
    while signed_data.tag().is_some_and(|tag| tag != SET) {
        signed_data.skip(1)?;
    }
    let mut signers = Der(signed_data.expect(SET)?);
    let signer = signers.expect(SEQUENCE)?;
    if signers.0.is_empty() { Ok(signer) } else { Err("it has more than one signer".to_owned()) }
}

/// The OID of an AlgorithmIdentifier.
fn algorithm_oid<'a>(fields: &mut Der<'a>) -> Result<&'a [u8], String> {
    Der(fields.expect(SEQUENCE)?).expect(OID)
}

/// What is left to read of a sequence of DER values (X.690). Indefinite lengths are refused.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The content of the next value if it has this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        if self.tag()? != tag {
            return None;
        }
        let (&first, rest) = self.0.get(1..)?.split_first()?;
        let length_bytes = if first < 0x80 { 0 } else { usize::from(first & 0x7f) };
        if first == 0x80 || length_bytes > 4 {
            return None;
        }
        let (length, rest) = rest.split_at_checked(length_bytes)?;
        let length = match first < 0x80 {
            true => usize::from(first),
            false => length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)),
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }

    fn expect(&mut self, tag: u8) -> Result<&'a [u8], String> {
        self.take(tag).ok_or_else(|| "it is not a CMS SignedData in DER".to_owned())
    }

    fn skip(&mut self, count: usize) -> Result<(), String> {
        for _ in 0..count {
            let tag = self.tag().unwrap_or_default();
            self.expect(tag)?;
        }
        Ok(())
    }
}
