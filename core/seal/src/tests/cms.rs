use super::fixtures::*;
use crate::{CmsSeal, Verdict, verify_cms};
use openssl::cms::{CMSOptions, CmsContentInfo};
use rohrpost_model::ports::{Seal, SealForm, Sealed};

const MESSAGE: &[u8] = b"%PDF-1.7\r\n\x00\xff binary \n\r\n";

pub fn sign(by: &Issued, cades: bool, message: &[u8]) -> Vec<u8> {
    let seal = CmsSeal::new(by.identity(), cades).unwrap();
    assert_eq!(seal.form(), SealForm::Cms);
    match seal.seal(message).unwrap() {
        Sealed::Detached(signature) => signature,
        Sealed::Enveloped(_) => panic!("a detached signature was asked for"),
    }
}

fn verdict(message: &[u8], signature: &[u8]) -> Verdict {
    verify_cms(message, signature, &cast().authority.trust(), now())
}

#[test]
fn every_kind_of_key_is_sealed_and_believed() {
    let cast = cast();
    for (by, words) in [
        (&cast.rsa, "RSA PKCS#1 v1.5 with SHA-256"),
        (&cast.p256, "ECDSA with SHA-256"),
        (&cast.p384, "ECDSA with SHA-256"),
    ] {
        for message in [MESSAGE, b""] {
            match verdict(message, &sign(by, false, message)) {
                Verdict::Trusted(found) => {
                    assert_eq!((found.algorithm.as_str(), found.covers.as_str()), (words, "the whole file"))
                }
                other => panic!("{words}: {other}"),
            }
        }
    }
}

#[test]
fn cades_binds_the_certificate_into_the_signature() {
    // id-aa-signingCertificateV2, 1.2.840.113549.1.9.16.2.47 (RFC 5035).
    let attribute = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f];
    let has = |signature: &[u8]| signature.windows(attribute.len()).any(|window| window == attribute);
    let with = sign(&cast().p256, true, MESSAGE);
    assert!(has(&with) && verdict(MESSAGE, &with).is_trusted());
    assert!(!has(&sign(&cast().p256, false, MESSAGE)));
}

#[test]
fn h8_a_changed_message_or_signature_is_broken() {
    let signature = sign(&cast().rsa, true, MESSAGE);
    for at in 0..MESSAGE.len() {
        let mut changed = MESSAGE.to_vec();
        changed[at] ^= 1;
        assert!(matches!(verdict(&changed, &signature), Verdict::Broken(_)));
    }
    let mut changed = signature.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(matches!(verdict(MESSAGE, &changed), Verdict::Broken(_)));
    // Line ends are content: nothing is taken for text.
    let with_unix_lines = MESSAGE.iter().copied().filter(|&b| b != b'\r').collect::<Vec<_>>();
    assert!(matches!(verdict(&with_unix_lines, &signature), Verdict::Broken(_)));
}

#[test]
fn h8_an_untrusted_signer_is_intact_but_not_trusted() {
    let found = verdict(MESSAGE, &sign(&cast().stranger, true, MESSAGE));
    assert!(matches!(found, Verdict::Untrusted { .. }), "{found}");
}

#[test]
fn what_proves_nothing_is_broken() {
    let by = &cast().p256;
    let with = |flags| {
        CmsContentInfo::sign(Some(&*by.certificate), Some(&*by.key), None, Some(MESSAGE), flags)
            .unwrap()
            .to_der()
            .unwrap()
    };
    let base = CMSOptions::BINARY;
    let reason = |signature: &[u8]| match verdict(MESSAGE, signature) {
        Verdict::Broken(reason) => reason,
        other => panic!("{other}"),
    };
    assert!(reason(&with(base)).contains("content of its own"));
    assert!(reason(&with(base | CMSOptions::DETACHED | CMSOptions::NOATTR)).contains("no attributes"));
    assert!(reason(&with(base | CMSOptions::DETACHED | CMSOptions::CMS_NOCERTS)).contains("no certificate"));
    assert!(reason(b"nichts").contains("not a CMS"));
    let good = with(base | CMSOptions::DETACHED);
    assert!(verdict(MESSAGE, &good).is_trusted());
    // SHA-256 becomes SHA-1's OID of the same length class: refused before anything is computed.
    let sha256 = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
    let at = good.windows(9).rposition(|window| window == sha256).unwrap();
    let mut weak = good.clone();
    weak[at + 8] = 0x04;
    assert!(reason(&weak).contains("digest algorithm proves nothing"));
    for length in 0..good.len() {
        assert!(matches!(verdict(MESSAGE, &good[..length]), Verdict::Broken(_)), "cut at {length}");
    }
}
