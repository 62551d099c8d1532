use super::fixtures::*;
use crate::{JwsFault, JwsSigner, TrustStore, open_audit_head, verify_jws};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rohrpost_model::ports::{ReceiptSigner, Statement};

const CLAIMS: &[u8] = br#"{"id":"0199","sha256":"ab"}"#;

#[test]
fn a_receipt_names_its_certificate_and_carries_exactly_its_claims() {
    let cast = cast();
    for (by, alg) in [(&cast.p256, "ES256"), (&cast.p384, "ES384"), (&cast.rsa, "PS256")] {
        let token = JwsSigner::new(by.identity()).unwrap().sign(Statement::Receipt, CLAIMS).unwrap();
        let header: serde_json::Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap())
                .unwrap();
        let thumbprint = URL_SAFE_NO_PAD.encode(openssl::sha::sha256(&by.certificate.to_der().unwrap()));
        assert_eq!(
            header,
            serde_json::json!({"alg": alg, "typ": "rohrpost-receipt+jwt", "x5t#S256": thumbprint})
        );
        assert_eq!(verify_jws(&token, &by.certificate_pem()).unwrap(), CLAIMS);
    }
}

#[test]
fn a_changed_receipt_is_refused() {
    let by = &cast().p256;
    let certificate = by.certificate_pem();
    let token = JwsSigner::new(by.identity()).unwrap().sign(Statement::Receipt, CLAIMS).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let other = URL_SAFE_NO_PAD.encode(br#"{"id":"0200","sha256":"ab"}"#);
    assert_eq!(
        verify_jws(&format!("{}.{other}.{}", parts[0], parts[2]), &certificate),
        Err(JwsFault::Broken)
    );
    assert_eq!(verify_jws(&format!("{}.{}.", parts[0], parts[1]), &certificate), Err(JwsFault::Broken));
    let header = |alg: &str| {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
        URL_SAFE_NO_PAD.encode(text.replace("ES256", alg))
    };
    for alg in ["none", "HS256", "RS256"] {
        let found = verify_jws(&format!("{}.{}.{}", header(alg), parts[1], parts[2]), &certificate);
        assert!(matches!(found, Err(JwsFault::Form(_))), "{alg}: {found:?}");
    }
    let swapped = verify_jws(&format!("{}.{}.{}", header("PS256"), parts[1], parts[2]), &certificate);
    assert_eq!(swapped, Err(JwsFault::Broken));
    assert!(matches!(verify_jws(&token, &cast().p384.certificate_pem()), Err(JwsFault::Form(_))));
    assert!(matches!(verify_jws("nichts", &certificate), Err(JwsFault::Form(_))));
    assert!(matches!(verify_jws(&token, b"nichts"), Err(JwsFault::Certificate(_))));
}

fn head(by: &Issued) -> String {
    JwsSigner::new(by.identity()).unwrap().sign(Statement::AuditHead, CLAIMS).unwrap()
}

fn header(token: &str) -> serde_json::Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

/// The token with another header.
fn with_header(token: &str, header: &serde_json::Value) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[test]
fn a_head_carries_its_certificate_and_is_believed_by_whoever_trusts_the_authority() {
    let cast = cast();
    for by in [&cast.p256, &cast.p384, &cast.rsa] {
        let token = head(by);
        let opened = open_audit_head(&format!("{token}\n")).unwrap();
        assert_eq!(opened.claims(), CLAIMS);
        assert!(opened.judge(&cast.authority.trust(), now()).is_trusted());
        assert!(opened.signed_by().subject.starts_with("CN=Siegel"), "{:?}", opened.signed_by());
        let alone = TrustStore::from_pems(vec![("own".into(), by.certificate_pem())]).unwrap();
        assert!(opened.judge(&alone, now()).is_trusted(), "the signer's own certificate is an anchor too");
        // Judged when it was signed, not when it is looked at.
        assert!(!opened.judge(&cast.authority.trust(), at("2049-01-02T00:00:00Z")).is_trusted());
    }
    let foreign = open_audit_head(&head(&cast.stranger)).unwrap();
    assert!(!foreign.judge(&cast.authority.trust(), now()).is_trusted(), "of another hub");
    let nobody = TrustStore::from_pems(vec![]).unwrap();
    assert!(!open_audit_head(&head(&cast.p256)).unwrap().judge(&nobody, now()).is_trusted());
}

#[test]
fn a_forged_head_is_refused() {
    let cast = cast();
    let token = head(&cast.p256);
    let parts: Vec<&str> = token.split('.').collect();
    let other = URL_SAFE_NO_PAD.encode(br#"{"seq":1}"#);
    let changed = open_audit_head(&format!("{}.{other}.{}", parts[0], parts[2])).err();
    assert_eq!(changed, Some(JwsFault::Broken));
    // Another's certificate with one's own key, with and without its thumbprint.
    let mut borrowed = header(&head(&cast.stranger));
    borrowed["x5c"] = header(&token)["x5c"].clone();
    let fault = open_audit_head(&with_header(&head(&cast.stranger), &borrowed)).err();
    assert_eq!(fault, Some(JwsFault::Form("it names another certificate")));
    borrowed["x5t#S256"] = header(&token)["x5t#S256"].clone();
    let fault = open_audit_head(&with_header(&head(&cast.stranger), &borrowed)).err();
    assert_eq!(fault, Some(JwsFault::Broken));
    let mut bare = header(&token);
    bare["x5c"] = serde_json::json!([]);
    let fault = open_audit_head(&with_header(&token, &bare)).err();
    assert_eq!(fault, Some(JwsFault::Form("it carries no certificate")));
    for nonsense in ["", "a.b.c", "nichts"] {
        assert!(matches!(open_audit_head(nonsense), Err(JwsFault::Form(_))), "{nonsense}");
    }
}

#[test]
fn a_receipt_is_no_head_and_a_head_no_receipt() {
    let by = &cast().p256;
    let receipt = JwsSigner::new(by.identity()).unwrap().sign(Statement::Receipt, CLAIMS).unwrap();
    assert!(matches!(open_audit_head(&receipt), Err(JwsFault::Form("its header is that of something else"))));
    let taken = verify_jws(&head(by), &by.certificate_pem());
    assert_eq!(taken, Err(JwsFault::Form("its header is that of something else")));
}
