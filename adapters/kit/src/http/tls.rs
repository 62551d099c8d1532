//! TLS as BSI TR-02102-2 (2026-01) asks: version 1.3 with AES-GCM, version 1.2 only with ECDHE and AES-GCM, key exchange
//! over secp256r1 and secp384r1. ChaCha20-Poly1305 and X25519 are not on its lists.

use crate::adapter::{AdapterSource, Faults};
use crate::settings::SecretRef;
use crate::tls::TlsSettings;
use openssl::pkcs12::Pkcs12;
use rohrpost_model::Fault;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, cipher_suite as suite, kx_group};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use toml::Spanned;

/// The system's certificate authorities, read once: a change in them needs a restart.
static SYSTEM: LazyLock<Vec<CertificateDer<'static>>> =
    LazyLock::new(|| rustls_native_certs::load_native_certs().certs);

/// How TLS is spoken to one destination.
#[derive(Clone)]
pub struct Tls {
    /// As deliveries speak it.
    pub(crate) config: Arc<ClientConfig>,
    /// Judges certificates of servers as `config` does; none where no authority is trusted at all.
    pub(crate) verifier: Option<Arc<WebPkiServerVerifier>>,
}

pub(crate) fn configure(settings: &TlsSettings, source: &AdapterSource<'_>) -> Result<Tls, Vec<Fault>> {
    let mut faults = Faults::default();
    let roots = faults.note(roots(settings, source).map(Arc::new));
    let config = roots.as_ref().and_then(|roots| faults.note(client(settings, source, roots)));
    if roots.is_none() {
        // All faults at once: those of the client's certificate too.
        faults.note(identity(settings, source));
    }
    faults.finish(config.zip(roots).map(|(config, roots)| {
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::new(provider()));
        Tls { config: Arc::new(config), verifier: verifier.build().ok() }
    }))
}

fn client(
    settings: &TlsSettings,
    source: &AdapterSource<'_>,
    roots: &Arc<RootCertStore>,
) -> Result<ClientConfig, Vec<Fault>> {
    let identity = identity(settings, source)?;
    let broken = |error: rustls::Error| vec![Fault::of_file(source.file, format!("TLS: {error}"))];
    let builder = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(broken)?
        .with_root_certificates(Arc::clone(roots));
    match (identity, settings.client_certificate.as_ref().or(settings.client_pkcs12.as_ref())) {
        (Some((chain, key)), Some(setting)) => builder.with_client_auth_cert(chain, key).map_err(|error| {
            vec![source.places().fault_at(setting, format!("certificate and key do not fit: {error}"))]
        }),
        _ => Ok(builder.with_no_client_auth()),
    }
}

fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            suite::TLS13_AES_256_GCM_SHA384,
            suite::TLS13_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ],
        kx_groups: vec![kx_group::SECP256R1, kx_group::SECP384R1],
        ..aws_lc_rs::default_provider()
    }
}

fn roots(settings: &TlsSettings, source: &AdapterSource<'_>) -> Result<RootCertStore, Vec<Fault>> {
    let mut faults = Faults::default();
    let mut roots = RootCertStore::empty();
    if settings.system_ca {
        roots.add_parsable_certificates(SYSTEM.iter().cloned());
    }
    for file in &settings.ca {
        for certificate in faults.note(certificates(file, source)).unwrap_or_default() {
            let added = roots.add(certificate);
            faults.note(added.map_err(|error| {
                source.places().fault_at(file, format!("not a certificate to trust: {error}"))
            }));
        }
    }
    faults.finish(Some(roots))
}

fn certificates(
    file: &Spanned<PathBuf>,
    source: &AdapterSource<'_>,
) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let read = CertificateDer::pem_file_iter(source.path(file.get_ref())).and_then(Iterator::collect);
    let certificates: Vec<_> = read
        .map_err(|error| source.places().fault_at(file, format!("no certificates can be read: {error}")))?;
    if certificates.is_empty() {
        return Err(source
            .places()
            .fault_at(file, "the file holds no certificate")
            .hint("a PEM file is expected"));
    }
    Ok(certificates)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The client's certificate and key, out of two files in PEM or one in PKCS#12.
fn identity(settings: &TlsSettings, source: &AdapterSource<'_>) -> Result<Option<Identity>, Vec<Fault>> {
    let places = source.places();
    if let Some(file) = &settings.client_pkcs12 {
        if let Some(other) = &settings.client_certificate {
            return Err(vec![places.fault_at(other, "client-pkcs12 holds a certificate already")]);
        }
        return pkcs12(file, settings.client_pkcs12_password.as_ref(), source)
            .map(Some)
            .map_err(|it| vec![it]);
    }
    if let Some(password) = &settings.client_pkcs12_password {
        return Err(vec![places.fault_at(password, "client-pkcs12 is missing")]);
    }
    let (file, key) = match (&settings.client_certificate, &settings.client_key) {
        (None, None) => return Ok(None),
        (Some(file), Some(key)) => (file, key),
        (Some(file), None) => return Err(vec![places.fault_at(file, "client-key is missing")]),
        (None, Some(key)) => return Err(vec![places.fault_at(key, "client-certificate is missing")]),
    };
    let mut faults = Faults::default();
    let chain = faults.note(certificates(file, source));
    let key = faults.note(source.secret(key).and_then(|pem| {
        PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes())
            // The error is not told: it could quote the key.
            .map_err(|_| source.places().fault_at(key, "not a private key in PEM"))
    }));
    faults.finish(chain.zip(key)).map(Some)
}

/// What stands in a PKCS#12 file (RFC 7292), as partners hand out certificates.
fn pkcs12(
    file: &Spanned<PathBuf>,
    password: Option<&Spanned<SecretRef>>,
    source: &AdapterSource<'_>,
) -> Result<Identity, Fault> {
    let wrong = |what: String| source.places().fault_at(file, what);
    let bytes = std::fs::read(source.path(file.get_ref())).map_err(|error| wrong(error.to_string()))?;
    let password = password.map(|password| source.secret(password)).transpose()?;
    let password = password.as_ref().map_or("", |password| password.expose_secret());
    let parsed = Pkcs12::from_der(&bytes).map_err(|_| wrong("this is no PKCS#12 file".into()))?;
    let opened = parsed.parse2(password).map_err(|_| {
        wrong("it cannot be opened: another password, or a method of encryption that is out of use".into())
            .hint("check the password; what is encrypted by RC2 or 3DES is written anew by openssl pkcs12 -legacy … | openssl pkcs12 -export …")
    })?;
    let (Some(certificate), Some(key)) = (opened.cert, opened.pkey) else {
        return Err(wrong("it does not hold both a certificate and its key".into()));
    };
    let unread = |_| wrong("what it holds cannot be read".into());
    let further = opened.ca.iter().flatten().map(|one| one.to_der());
    let chain = std::iter::once(certificate.to_der()).chain(further);
    let chain = chain.map(|der| der.map(CertificateDer::from)).collect::<Result<_, _>>().map_err(unread)?;
    let key = PrivatePkcs8KeyDer::from(key.private_key_to_pkcs8().map_err(unread)?);
    Ok((chain, key.into()))
}
