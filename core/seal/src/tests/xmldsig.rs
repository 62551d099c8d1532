use super::fixtures::*;
use crate::{DigestAlgorithm, SignatureScheme, TrustStore, Verdict, XmlDsigOptions, XmlDsigSeal, verify_xml};
use bergshamra::{DsigContext, Key, KeyUsage, KeysManager};
use rohrpost_model::ports::{Seal, Sealed};

pub fn sign(by: &Issued, options: XmlDsigOptions, document: &str) -> String {
    let seal = XmlDsigSeal::new(by.identity(), options).unwrap();
    match seal.seal(document.as_bytes()).unwrap() {
        Sealed::Enveloped(bytes) => String::from_utf8(bytes).unwrap(),
        Sealed::Detached(_) => panic!("an enveloped signature was asked for"),
    }
}

pub fn signed(document: &str) -> String {
    sign(&cast().p256, XmlDsigOptions::default(), document)
}

pub fn verdict(document: &str) -> Verdict {
    verify_xml(document.as_bytes(), &cast().authority.trust(), now())
}

/// What the library's own strict verification says, given the key of `by`: a second opinion.
fn second_opinion(by: &Issued, document: &str) -> bool {
    let der = by.certificate.to_der().unwrap();
    let data = bergshamra::keys::loader::load_x509_cert_der(&der).unwrap().data;
    let mut keys = KeysManager::new();
    keys.add_key(Key::new(data, KeyUsage::Verify));
    bergshamra::verify(&DsigContext::new(keys), document).is_ok_and(|result| result.is_valid())
}

#[test]
fn every_scheme_and_digest_is_sealed_and_believed() {
    let cast = cast();
    let schemes = [
        (&cast.rsa, None, "RSA-PSS"),
        (&cast.rsa, Some(SignatureScheme::RsaPkcs1), "RSA PKCS#1 v1.5"),
        (&cast.p256, None, "ECDSA with SHA-256"),
        (&cast.p384, Some(SignatureScheme::Ecdsa), "ECDSA with SHA-384"),
    ];
    for (by, signature, words) in schemes {
        for digest in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512] {
            let document = sign(by, XmlDsigOptions { digest, signature }, "<a xmlns='urn:a'><b/>text</a>");
            match verdict(&document) {
                Verdict::Trusted(found) => assert!(found.algorithm.starts_with(words), "{found}"),
                other => panic!("{words} {digest:?}: {other}"),
            }
            assert!(second_opinion(by, &document), "{words} {digest:?}: the library refuses it");
        }
    }
}

#[test]
fn an_unsuitable_scheme_is_refused_with_what_would_be_right() {
    let options = |signature| XmlDsigOptions { signature: Some(signature), ..XmlDsigOptions::default() };
    let refusal = XmlDsigSeal::new(cast().p256.identity(), options(SignatureScheme::RsaPss)).err().unwrap();
    assert!(refusal.0.contains("use ECDSA"), "{refusal}");
    let refusal = XmlDsigSeal::new(cast().rsa.identity(), options(SignatureScheme::Ecdsa)).err().unwrap();
    assert!(refusal.0.contains("use RSA-PSS"), "{refusal}");
}

#[test]
fn the_signature_is_the_last_child_and_every_other_byte_stays() {
    let (head, tail) = AWKWARD.split_at(AWKWARD.rfind("</x:antrag >").unwrap());
    for (document, head, tail) in [
        (AWKWARD, head, tail),
        ("<a/>", "<a>", "</a>"),
        (
            "<p:a xmlns:p='urn:p' b='/>' />\n<!-- </p:a> -->",
            "<p:a xmlns:p='urn:p' b='/>' >",
            "</p:a>\n<!-- </p:a> -->",
        ),
        ("\u{feff}<a b='1\r\n\r\n2'>\r\r\n</a>\r\n", "\u{feff}<a b='1\r\n\r\n2'>\r\r\n", "</a>\r\n"),
        ("\u{feff}<a b='1\r\n\r\n2'/>\r\n", "\u{feff}<a b='1\r\n\r\n2'>", "</a>\r\n"),
    ] {
        let signed = signed(document);
        let signature = signed.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail)).unwrap();
        assert!(
            signature.starts_with("<ds:Signature ") && signature.ends_with("</ds:Signature>"),
            "{signature}"
        );
        assert!(verdict(&signed).is_trusted(), "{document}: {}", verdict(&signed));
    }
}

#[test]
fn h8_one_changed_byte_breaks_the_signature() {
    let signed = signed(AWKWARD);
    assert!(verdict(&signed).is_trusted());
    for (from, to) in [
        ("Mustermann", "Mustermena"),
        ("a='1", "a='2"),
        ("<leer/>", "<lehr/>"),
        ("urn:standard", "urn:standarf"),
        ("<?mitten drin?>", "<?mitten Drin?>"),
        ("?nach dem", "?nach den"),
    ] {
        let changed = signed.replacen(from, to, 1);
        assert_ne!(changed, signed);
        assert!(matches!(verdict(&changed), Verdict::Broken(_)), "{from}: {}", verdict(&changed));
    }
}

#[test]
fn h8_a_changed_signature_value_or_digest_is_broken() {
    let signed = signed("<a>b</a>");
    for element in ["SignatureValue>", "DigestValue>"] {
        let at = signed.find(element).unwrap() + element.len() + 5;
        let mut changed = signed.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let found = verify_xml(&changed, &cast().authority.trust(), now());
        assert!(matches!(found, Verdict::Broken(_)), "{element} {found}");
    }
}

#[test]
fn comments_may_change_because_they_are_not_signed() {
    let signed = signed(AWKWARD);
    assert!(verdict(&signed.replacen("noch einer", "ein anderer", 1)).is_trusted());
}

#[test]
fn h8_a_swapped_certificate_is_broken() {
    let cast = cast();
    let body = |pem: Vec<u8>| {
        let text = String::from_utf8(pem).unwrap();
        text.lines().filter(|line| !line.starts_with('-')).collect::<String>()
    };
    let signed = signed("<a>b</a>");
    let own = body(cast.p256.certificate_pem());
    assert!(signed.contains(&own));
    let swapped = signed.replace(&own, &body(cast.p384.certificate_pem()));
    assert!(matches!(verdict(&swapped), Verdict::Broken(_)), "{}", verdict(&swapped));
}

#[test]
fn h8_an_untrusted_certificate_is_intact_but_not_trusted() {
    let document = sign(&cast().stranger, XmlDsigOptions::default(), "<a>b</a>");
    match verdict(&document) {
        Verdict::Untrusted { signed_by, .. } => {
            assert_eq!(signed_by.subject, "CN=Siegel P-256, O=Landkreis Beispiel")
        }
        other => panic!("{other}"),
    }
    let nobody = TrustStore::from_pems(Vec::new()).unwrap();
    assert!(matches!(verify_xml(document.as_bytes(), &nobody, now()), Verdict::Untrusted { .. }));
}

#[test]
fn trust_may_be_given_to_a_certificate_itself_or_through_an_intermediate() {
    let cast = cast();
    let document = sign(&cast.stranger, XmlDsigOptions::default(), "<a>b</a>");
    assert!(verify_xml(document.as_bytes(), &cast.stranger.trust(), now()).is_trusted());

    let intermediate = cast.authority.issue("Zwischen-CA", p256(), true);
    let leaf = intermediate.issue("Siegel", p256(), false);
    let mut material = leaf.material();
    let without = SealedWith(&leaf.material());
    assert!(matches!(verdict(&without.sign()), Verdict::Untrusted { .. }), "the intermediate is missing");
    material.certificates = Some([leaf.certificate_pem(), intermediate.certificate_pem()].concat());
    assert!(verdict(&SealedWith(&material).sign()).is_trusted());
}

struct SealedWith<'a>(&'a crate::KeyMaterial);

impl SealedWith<'_> {
    fn sign(&self) -> String {
        let identity = crate::SigningIdentity::load(self.0, 3072, now()).unwrap();
        let seal = XmlDsigSeal::new(identity, XmlDsigOptions::default()).unwrap();
        match seal.seal(b"<a>b</a>").unwrap() {
            Sealed::Enveloped(bytes) => String::from_utf8(bytes).unwrap(),
            Sealed::Detached(_) => unreachable!(),
        }
    }
}

#[test]
fn a_certificate_that_is_no_authority_vouches_for_nobody() {
    let leaf = cast().p256.issue("Trittbrettfahrer", p256(), false);
    let mut material = leaf.material();
    material.certificates = Some([leaf.certificate_pem(), cast().p256.certificate_pem()].concat());
    assert!(matches!(verdict(&SealedWith(&material).sign()), Verdict::Untrusted { .. }));
}

#[test]
fn the_time_decides_with_the_time_that_is_given() {
    let document = signed("<a>b</a>");
    let trust = cast().authority.trust();
    for time in ["2019-12-31T00:00:00Z", "2049-01-02T00:00:00Z"] {
        let found = verify_xml(document.as_bytes(), &trust, at(time));
        assert!(matches!(found, Verdict::Untrusted { .. }), "{time}: {found}");
    }
}

#[test]
fn a_file_without_a_certificate_in_the_trust_folder_is_named() {
    let fault = TrustStore::from_pems(vec![("leer.pem".to_owned(), b"nichts".to_vec())]).unwrap_err();
    assert!(fault.0.starts_with("leer.pem holds no certificate"), "{fault}");
}

#[test]
fn what_cannot_be_sealed_is_refused_without_quoting_it() {
    let seal = XmlDsigSeal::new(cast().p256.identity(), XmlDsigOptions::default()).unwrap();
    let deep = format!("{}{}", "<Geheimnis>".repeat(1000), "</Geheimnis>".repeat(1000));
    let signed = signed("<a/>");
    for (document, reason) in [
        ("<!DOCTYPE Geheimnis [<!ENTITY e 'x'>]><a>&e;</a>", "DTD"),
        ("<?xml version='1.0'?><!-- c --><!DOCTYPE Geheimnis><a/>", "DTD"),
        ("<a><Geheimnis></a>", "line 1"),
        ("<a>&Geheimnis;</a>", "line 1"),
        ("<a", "not well-formed"),
        ("", "not well-formed"),
        ("<?xml version='1.0' encoding='ISO-8859-1'?><a/>", "other than UTF-8"),
        (deep.as_str(), "nested deeper"),
        (signed.as_str(), "already signed"),
    ] {
        let fault = seal.seal(document.as_bytes()).unwrap_err().0;
        assert!(fault.contains(reason), "{document:.60}: {fault}");
        assert!(!fault.contains("Geheimnis"), "{fault}");
    }
    assert!(seal.seal(b"<a>\xff</a>").unwrap_err().0.contains("not UTF-8"));
}

#[test]
fn the_deepest_allowed_document_is_sealed_on_a_small_stack() {
    let document = format!("{}{}", "<a>".repeat(255), "</a>".repeat(255));
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let found = thread.spawn(move || verdict(&signed(&document))).unwrap().join().unwrap();
    assert!(found.is_trusted(), "{found}");
}
