//! Signature wrapping: a genuine signature in a document that is not the one that was signed (McIntosh and Austel,
//! 2005). Each document here carries a signature value that is valid for something.

use super::fixtures::*;
use super::xmldsig::{sign, signed, verdict};
use crate::{Verdict, XmlDsigOptions};
use openssl::hash::MessageDigest;
use openssl::pkey::PKeyRef;
use openssl::sign::Signer;

const GENUINE: &str = "<antrag Id='a1'><betrag>1</betrag></antrag>";

#[track_caller]
fn refused(document: &str) {
    let found = verdict(document);
    assert!(matches!(found, Verdict::NotCovering(_)), "{found}\n{document}");
}

#[track_caller]
fn broken(document: &str) {
    let found = verdict(document);
    assert!(matches!(found, Verdict::Broken(_)), "{found}\n{document}");
}

fn signature_of(document: &str) -> (&str, &str) {
    let start = document.find("<ds:Signature ").unwrap();
    let end = document.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    (&document[start..end], &document[..start])
}

#[test]
fn h8_a_genuine_document_wrapped_into_another_is_refused() {
    refused(&format!("<antrag><betrag>1000</betrag>{}</antrag>", signed(GENUINE)));
}

#[test]
fn h8_a_signature_moved_to_another_root_or_deeper_is_refused() {
    let genuine = signed(GENUINE);
    let (signature, _) = signature_of(&genuine);
    broken(&format!("<antrag Id='a1'><betrag>1000</betrag>{signature}</antrag>"));
    refused(&format!("<antrag Id='a1'><betrag>1</betrag><x>{signature}</x></antrag>"));
    refused(signature);
}

#[test]
fn h8_a_second_signature_is_refused() {
    let genuine = signed(GENUINE);
    let (signature, head) = signature_of(&genuine);
    refused(&format!("{head}{signature}{signature}</antrag>"));
    refused(&format!("{head}{signature}<x>{signature}</x></antrag>"));
}

/// Signs with `by` whatever the caller writes as SignedInfo: an attacker's or a careless sender's signature whose value
/// is genuine. `{digest}` becomes that of `digested`, which is already canonical.
fn forged(by: &Issued, signed_info: &str, digested: &str, document: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let digest = STANDARD.encode(openssl::sha::sha256(digested.as_bytes()));
    let content = signed_info.replace("{digest}", &digest);
    let info = format!(r#"<SignedInfo xmlns="http://www.w3.org/2000/09/xmldsig#">{content}</SignedInfo>"#);
    let value = STANDARD.encode(raw_signature(&by.key, info.as_bytes()));
    let certificate = STANDARD.encode(by.certificate.to_der().unwrap());
    let signature = format!(
        r#"<Signature xmlns="http://www.w3.org/2000/09/xmldsig#">{info}<SignatureValue>{value}</SignatureValue><KeyInfo><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></Signature>"#
    );
    document.replace("{signature}", &signature)
}

fn raw_signature(key: &PKeyRef<openssl::pkey::Private>, data: &[u8]) -> Vec<u8> {
    let mut signer = Signer::new(MessageDigest::sha256(), key).unwrap();
    let der = signer.sign_oneshot_to_vec(data).unwrap();
    let signature = openssl::ecdsa::EcdsaSig::from_der(&der).unwrap();
    [signature.r().to_vec_padded(32).unwrap(), signature.s().to_vec_padded(32).unwrap()].concat()
}

const C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const ECDSA: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

fn info(uri: &str, transforms: &[&str], method: &str, digest: &str) -> String {
    let transforms: String =
        transforms.iter().map(|t| format!(r#"<Transform Algorithm="{t}"></Transform>"#)).collect();
    format!(
        r#"<CanonicalizationMethod Algorithm="{C14N}"></CanonicalizationMethod><SignatureMethod Algorithm="{method}"></SignatureMethod><Reference URI="{uri}"><Transforms>{transforms}</Transforms><DigestMethod Algorithm="{digest}"></DigestMethod><DigestValue>{{digest}}</DigestValue></Reference>"#
    )
}

const SIGNED: &str = r#"<antrag Id="a1"><betrag>1</betrag></antrag>"#;
const PLACED: &str = r#"<antrag Id="a1"><betrag>1</betrag>{signature}</antrag>"#;

#[test]
fn the_forge_of_these_tests_makes_signatures_that_are_believed() {
    let by = &cast().p256;
    let info = |uri| info(uri, &[ENVELOPED, C14N], ECDSA, SHA256);
    let whole = verdict(&forged(by, &info(""), SIGNED, PLACED));
    assert!(matches!(&whole, Verdict::Trusted(by) if by.covers == "the whole document"), "{whole}");
    let root = verdict(&forged(by, &info("#a1"), SIGNED, PLACED));
    assert!(matches!(&root, Verdict::Trusted(by) if by.covers == "the whole root element"), "{root}");
}

#[test]
fn h8_a_reference_to_a_part_or_to_an_ambiguous_id_is_refused() {
    let by = &cast().p256;
    let reference = |uri| info(uri, &[ENVELOPED, C14N], ECDSA, SHA256);
    let evil = r#"<antrag><betrag>1000</betrag><alt><antrag Id="a1"><betrag>1</betrag></antrag></alt>{signature}</antrag>"#;
    refused(&forged(by, &reference("#a1"), SIGNED, evil));
    let twice = r#"<antrag Id="a1"><betrag>1</betrag><x ID="a1"></x>{signature}</antrag>"#;
    let digested = r#"<antrag Id="a1"><betrag>1</betrag><x ID="a1"></x></antrag>"#;
    refused(&forged(by, &reference("#a1"), digested, twice));
    refused(&forged(by, &reference("#fehlt"), SIGNED, PLACED));
    refused(&forged(by, &reference("#xpointer(/)"), SIGNED, PLACED));
    refused(&forged(by, &reference("#xpointer(id('a1'))"), SIGNED, PLACED));
    refused(&forged(by, &reference("Cargo.toml"), SIGNED, PLACED));
    refused(&forged(by, &reference("cid:anhang"), SIGNED, PLACED));
}

#[test]
fn h8_a_transform_that_could_hide_something_is_refused() {
    let by = &cast().p256;
    let xpath = "http://www.w3.org/TR/1999/REC-xpath-19991116";
    let xslt = "http://www.w3.org/TR/1999/REC-xslt-19991116";
    for transforms in [
        &[ENVELOPED, xpath, C14N][..],
        &[xslt, ENVELOPED],
        &[ENVELOPED, xslt],
        &[C14N, ENVELOPED],
        &[ENVELOPED, C14N, C14N],
        &[C14N],
        &[],
    ] {
        refused(&forged(by, &info("", transforms, ECDSA, SHA256), SIGNED, PLACED));
    }
}

#[test]
fn h8_several_references_or_signed_infos_are_refused() {
    let by = &cast().p256;
    let one = info("", &[ENVELOPED, C14N], ECDSA, SHA256);
    let reference = &one[one.find("<Reference").unwrap()..];
    refused(&forged(by, &format!("{one}{reference}"), SIGNED, PLACED));
    let genuine = forged(by, &one, SIGNED, PLACED);
    let start = genuine.find("<SignedInfo").unwrap();
    let end = genuine.find("</SignedInfo>").unwrap() + "</SignedInfo>".len();
    broken(&format!("{}{}{}", &genuine[..end], &genuine[start..end], &genuine[end..]));
}

#[test]
fn algorithms_that_prove_nothing_are_broken() {
    let by = &cast().p256;
    let sha1 = "http://www.w3.org/2000/09/xmldsig#sha1";
    let ecdsa_sha1 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1";
    let hmac = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256";
    for (method, digest) in [(ECDSA, sha1), (ecdsa_sha1, SHA256), (hmac, SHA256)] {
        let found = verdict(&forged(by, &info("", &[ENVELOPED, C14N], method, digest), SIGNED, PLACED));
        assert!(matches!(&found, Verdict::Broken(reason) if reason.contains("proves nothing")), "{found}");
    }
}

#[test]
fn a_certificate_that_is_not_meant_for_signatures_is_not_trusted() {
    let key = p256();
    let certificate = certificate("nur Verschl\u{fc}sselung", &key, Some(&cast().authority), false, false);
    let by = Issued { key, certificate };
    let found = verdict(&forged(&by, &info("", &[ENVELOPED, C14N], ECDSA, SHA256), SIGNED, PLACED));
    assert!(matches!(&found, Verdict::Untrusted { reason, .. } if reason.contains("not meant")), "{found}");
}

#[test]
fn a_bare_key_without_certificate_is_broken() {
    let genuine = forged(&cast().p256, &info("", &[ENVELOPED, C14N], ECDSA, SHA256), SIGNED, PLACED);
    let start = genuine.find("<X509Data>").unwrap();
    let end = genuine.find("</X509Data>").unwrap() + "</X509Data>".len();
    let key_value =
        "<KeyValue><RSAKeyValue><Modulus>AQAB</Modulus><Exponent>AQAB</Exponent></RSAKeyValue></KeyValue>";
    broken(&format!("{}{key_value}{}", &genuine[..start], &genuine[end..]));
    broken(&format!("{}{}", &genuine[..start], &genuine[end..]));
}

#[test]
fn a_short_rsa_key_is_broken_though_certified() {
    let short = cast().authority.issue("kurz", rsa(1024), false);
    let genuine = sign(&cast().rsa, XmlDsigOptions::default(), GENUINE);
    let certificate = |issued: &Issued| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        STANDARD.encode(issued.certificate.to_der().unwrap())
    };
    let found = verdict(&genuine.replace(&certificate(&cast().rsa), &certificate(&short)));
    assert!(matches!(&found, Verdict::Broken(reason) if reason.contains("1024")), "{found}");
}

#[test]
fn what_is_not_signed_or_not_safe_to_parse_is_said() {
    assert_eq!(verdict("<a/>"), Verdict::NoSignature);
    broken("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>");
    broken("<a>");
    let other_namespace = "<a><Signature xmlns='urn:x'/></a>";
    assert_eq!(verdict(other_namespace), Verdict::NoSignature);
}
