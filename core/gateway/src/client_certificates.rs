//! Client certificates in the handshake (mutual TLS): taken only where one of the listener's own anchors vouches for them.

use rustls::RootCertStore;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use std::sync::Arc;

use crate::tls::TlsFault;

/// Which client certificates a listener takes.
#[derive(Clone, Copy, Debug)]
pub struct ClientCertificates<'a> {
    /// The anchors that vouch for them, PEM.
    pub anchors: &'a [u8],
    /// Whether nobody gets in without one.
    pub required: bool,
}

impl ClientCertificates<'_> {
    pub(crate) fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<Arc<Lenient>, TlsFault> {
        let mut roots = RootCertStore::empty();
        for anchor in CertificateDer::pem_slice_iter(self.anchors) {
            roots.add(anchor.map_err(TlsFault::Anchors)?).map_err(TlsFault::Anchor)?;
        }
        if roots.is_empty() {
            return Err(TlsFault::NoAnchor);
        }
        let builder = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
        let builder = if self.required { builder } else { builder.allow_unauthenticated() };
        let strict = builder.build().map_err(|fault| TlsFault::Verifier(fault.to_string()))?;
        Ok(Arc::new(Lenient { strict }))
    }
}

/// Lets a certificate in that has expired, or does not hold yet, and is right in everything else: protocols such as XTA
/// want to tell its holder so in an answer of their own, and a torn handshake tells nothing. **Whoever gets the peer's
/// certificate must look at its dates.** An unknown CA, a bad signature, a wrong purpose stay refused here, and so does an
/// intermediate certificate that has expired.
#[derive(Debug)]
pub(crate) struct Lenient {
    strict: Arc<dyn ClientCertVerifier>,
}

impl Lenient {
    /// The end of the certificate's own time that lies nearest to `now`, if `now` lies outside of it.
    ///
    /// The library looks at the dates of a certificate before it looks for whoever vouches for it. So its word that one has
    /// expired says nothing of all the rest, and does not say either which of the chain it was: asked about the peer's
    /// certificate alone, it can only be that one.
    fn edge_of_own_time(&self, certificate: &CertificateDer<'_>, now: UnixTime) -> Option<UnixTime> {
        match self.strict.verify_client_cert(certificate, &[], now) {
            Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
                Some(not_after)
            }
            Err(Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) => {
                Some(not_before)
            }
            _ => None,
        }
    }
}

impl ClientCertVerifier for Lenient {
    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // Judged whole, at a time at which it held: all but its dates must be right.
        let at = self.edge_of_own_time(certificate, now).unwrap_or(now);
        self.strict.verify_client_cert(certificate, intermediates, at)
    }

    fn offer_client_auth(&self) -> bool {
        self.strict.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.strict.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.strict.root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.strict.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.strict.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.strict.supported_verify_schemes()
    }
}
