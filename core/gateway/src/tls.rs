//! TLS as BSI TR-02102-2 recommends it: 1.3, and 1.2 only with ECDHE and AES-GCM; key agreement on NIST curves that the
//! guideline names and the library has.

use crate::client_certificates::ClientCertificates;
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;

/// BSI TR-02102-2, sections 3.3 (TLS 1.2) and 3.4 (TLS 1.3).
const SUITES: [SupportedCipherSuite; 6] = [
    cipher_suite::TLS13_AES_256_GCM_SHA384,
    cipher_suite::TLS13_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
];

/// The same guideline's groups for key agreement, as far as the library has them.
const GROUPS: [&dyn SupportedKxGroup; 2] = [kx_group::SECP256R1, kx_group::SECP384R1];

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// The certificate chain is not PEM.
    #[error("the certificate chain cannot be read: {0}")]
    Chain(pem::Error),
    /// There is no certificate in it.
    #[error("there is no certificate in the chain")]
    Empty,
    /// The key is not PEM.
    #[error("the private key cannot be read: {0}")]
    Key(pem::Error),
    /// The two do not fit, or are of a kind that TLS does not use.
    #[error("certificate and key cannot be used together: {0}")]
    Unusable(#[from] rustls::Error),
    /// The anchors for client certificates are not PEM.
    #[error("the anchors for client certificates cannot be read: {0}")]
    Anchors(pem::Error),
    /// There is none.
    #[error("there is no certificate among the anchors for client certificates")]
    NoAnchor,
    /// One of them is no certificate.
    #[error("an anchor for client certificates cannot be used: {0}")]
    Anchor(rustls::Error),
    /// All together cannot be used.
    #[error("the anchors for client certificates cannot be used: {0}")]
    Verifier(String),
}

/// The hub's certificate and key for one listener, and which client certificates it takes. Clones share it: what one
/// replaces, all present from the next connection on.
#[derive(Clone)]
pub struct TlsIdentity {
    config: Arc<ArcSwap<ServerConfig>>,
}

impl TlsIdentity {
    /// Reads a chain (the hub's own certificate first) and its key, both PEM.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsFault> {
        Self::for_clients(chain, key, None)
    }

    /// The same for a listener that asks its peers for certificates.
    pub fn for_clients(
        chain: &[u8],
        key: &[u8],
        clients: Option<&ClientCertificates<'_>>,
    ) -> Result<Self, TlsFault> {
        let config = server_config(chain, key, clients)?;
        Ok(Self { config: Arc::new(ArcSwap::from_pointee(config)) })
    }

    /// Presents another certificate from the next connection on; if it cannot be used, the old one stays.
    pub fn replace(&self, chain: &[u8], key: &[u8]) -> Result<(), TlsFault> {
        self.adopt(&Self::from_pem(chain, key)?);
        Ok(())
    }

    /// Presents the certificate of `other`, and takes its client certificates, from the next connection on.
    pub fn adopt(&self, other: &Self) {
        self.config.store(other.current());
    }

    /// What the next connection is accepted with.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }
}

fn server_config(
    chain: &[u8],
    key: &[u8],
    clients: Option<&ClientCertificates<'_>>,
) -> Result<ServerConfig, TlsFault> {
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().map_err(TlsFault::Chain)?;
    if chain.is_empty() {
        return Err(TlsFault::Empty);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsFault::Key)?;
    let provider = Arc::new(provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    let builder = match clients {
        Some(clients) => builder.with_client_cert_verifier(clients.verifier(provider)?),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: SUITES.to_vec(),
        kx_groups: GROUPS.to_vec(),
        ..aws_lc_rs::default_provider()
    }
}
