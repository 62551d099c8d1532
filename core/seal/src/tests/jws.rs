use super::fixtures::*;
use crate::{JwsFault, JwsSigner, verify_jws};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rohrpost_model::ports::ReceiptSigner;

const CLAIMS: &[u8] = br#"{"id":"0199","sha256":"ab"}"#;

#[test]
fn a_receipt_names_its_certificate_and_carries_exactly_its_claims() {
    let cast = cast();
    for (by, alg) in [(&cast.p256, "ES256"), (&cast.p384, "ES384"), (&cast.rsa, "PS256")] {
        let token = JwsSigner::new(by.identity()).unwrap().sign(CLAIMS).unwrap();
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
    let token = JwsSigner::new(by.identity()).unwrap().sign(CLAIMS).unwrap();
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
