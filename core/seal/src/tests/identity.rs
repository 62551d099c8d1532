use super::fixtures::*;
use crate::{KeyMaterial, SigningIdentity};
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::symm::Cipher;
use secrecy::SecretString;
use zeroize::Zeroizing;

fn load(material: &KeyMaterial) -> Result<SigningIdentity, String> {
    SigningIdentity::load(material, 3072, now()).map_err(|fault| fault.0)
}

fn pem(key: Vec<u8>, certificates: Option<Vec<u8>>) -> KeyMaterial {
    KeyMaterial { key: Zeroizing::new(key), certificates, password: None }
}

#[test]
fn keys_are_read_from_every_usual_form() {
    let cast = cast();
    let rsa = &cast.rsa;
    let pkcs1 = rsa.key.rsa().unwrap().private_key_to_pem().unwrap();
    let sec1 = cast.p256.key.ec_key().unwrap().private_key_to_pem().unwrap();
    load(&pem(pkcs1, Some(rsa.certificate_pem()))).unwrap();
    load(&pem(sec1, Some(cast.p256.certificate_pem()))).unwrap();
    load(&cast.p384.material()).unwrap();
    let one_file = [rsa.key_pem(), rsa.certificate_pem()].concat();
    load(&pem(one_file, None)).unwrap();
}

#[test]
fn the_own_certificate_is_found_in_a_chain_of_any_order() {
    let cast = cast();
    let chain = [cast.authority.certificate_pem(), cast.rsa.certificate_pem()].concat();
    let identity = load(&pem(cast.rsa.key_pem(), Some(chain))).unwrap();
    assert_eq!(identity.subject(), "CN=Siegel RSA, O=Landkreis Beispiel");
    assert_eq!(identity.chain().len(), 2);
    assert_eq!(identity.valid_until(), Some(at(VALID_UNTIL)));
}

#[test]
fn a_password_opens_pkcs12_and_encrypted_pem_and_a_wrong_one_is_named() {
    let cast = cast();
    let p12 = Pkcs12::builder().pkey(&cast.p256.key).cert(&cast.p256.certificate).build2("geheim").unwrap();
    let with = |password: Option<&str>| KeyMaterial {
        key: Zeroizing::new(p12.to_der().unwrap()),
        certificates: None,
        password: password.map(SecretString::from),
    };
    load(&with(Some("geheim"))).unwrap();
    assert!(load(&with(Some("falsch"))).unwrap_err().contains("password is wrong"));
    assert!(load(&with(None)).unwrap_err().contains("password is wrong"));

    let key = cast.p256.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"geheim").unwrap();
    let mut encrypted = pem(key, Some(cast.p256.certificate_pem()));
    assert!(load(&encrypted).unwrap_err().contains("give its password"));
    encrypted.password = Some("falsch".into());
    assert!(load(&encrypted).unwrap_err().contains("its password is wrong"));
    encrypted.password = Some("geheim".into());
    load(&encrypted).unwrap();
}

#[test]
fn weak_and_foreign_keys_are_refused_with_what_would_be_right() {
    let authority = &cast().authority;
    let refusal = |key| load(&authority.issue("schwach", key, false).material()).unwrap_err();
    assert!(refusal(rsa(2048)).contains("at least 3072"));
    assert!(refusal(ec(Nid::SECP256K1)).contains("P-256 or P-384"));
    assert!(refusal(ec(Nid::SECP521R1)).contains("P-256 or P-384"));
    assert!(load(&pem(b"Kauderwelsch".to_vec(), None)).unwrap_err().contains("PKCS#12"));
    let ed25519 = PKey::generate_ed25519().unwrap().private_key_to_pem_pkcs8().unwrap();
    assert!(load(&pem(ed25519, None)).unwrap_err().contains("neither RSA nor EC"));
}

#[test]
fn a_shorter_rsa_key_needs_an_explicit_word_and_1024_bits_never_do() {
    let short = cast().authority.issue("kurz", rsa(2048), false);
    assert!(SigningIdentity::load(&short.material(), 2048, now()).is_ok());
    let shorter = cast().authority.issue("kürzer", rsa(1024), false);
    let refusal = SigningIdentity::load(&shorter.material(), 1024, now()).unwrap_err();
    assert!(refusal.0.contains("at least 2048"), "{refusal}");
}

#[test]
fn key_and_certificate_must_belong_together_and_be_valid_now() {
    let cast = cast();
    let swapped = pem(cast.p256.key_pem(), Some(cast.p384.certificate_pem()));
    assert!(load(&swapped).unwrap_err().contains("none of the certificates belongs to the key"));
    assert!(load(&pem(cast.p256.key_pem(), None)).unwrap_err().contains("there is no certificate"));
    let early = SigningIdentity::load(&cast.p256.material(), 3072, at("2019-12-31T00:00:00Z")).unwrap_err();
    assert!(early.0.contains("valid only from"), "{early}");
    let late = SigningIdentity::load(&cast.p256.material(), 3072, at("2049-01-02T00:00:00Z")).unwrap_err();
    assert!(late.0.contains("renew it"), "{late}");
}

#[test]
fn a_certificate_for_encryption_does_not_sign() {
    let key = p256();
    let certificate = certificate("nur Verschlüsselung", &key, Some(&cast().authority), false, false);
    let material = Issued { key, certificate }.material();
    assert!(load(&material).unwrap_err().contains("digitalSignature"));
}

#[test]
fn h10_secrets_are_not_printed() {
    let mut material = cast().p256.material();
    material.password = Some("geheim".into());
    let printed = format!("{material:?} {:?}", cast().p256.identity());
    assert_eq!(printed, "KeyMaterial(***) SigningIdentity(CN=Siegel P-256, O=Landkreis Beispiel, ***)");
}

#[test]
fn a_configured_seal_has_the_form_it_was_asked_for() {
    use crate::{SealConfig, XmlDsigOptions, receipt_signer, seal_from_config, verify_jws};
    use rohrpost_model::ports::{SealForm, Sealed, Statement};
    let by = &cast().p256;
    for form in [SealForm::XmlDsig, SealForm::Cms] {
        let config = SealConfig {
            form,
            key: by.material(),
            xml: XmlDsigOptions::default(),
            cades: true,
            minimum_rsa_bits: 3072,
        };
        let seal = seal_from_config(&config, now()).unwrap();
        assert_eq!(seal.form(), form);
        let sealed = seal.seal(b"<a/>").unwrap();
        assert_eq!(matches!(sealed, Sealed::Enveloped(_)), form == SealForm::XmlDsig);
        assert!(seal_from_config(&config, at("2049-01-02T00:00:00Z")).is_err());
    }
    let token = receipt_signer(&by.material(), 3072, now()).unwrap().sign(Statement::Receipt, b"{}").unwrap();
    assert_eq!(verify_jws(&token, &by.certificate_pem()).unwrap(), b"{}");
}
