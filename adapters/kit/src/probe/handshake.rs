//! The TLS handshake as deliveries do it, with the certificate that the server showed, believed or not.

use super::certificate::Certificate;
use super::fails;
use crate::tls::{Tls, server_name};
use rohrpost_model::Timestamp;
use rohrpost_model::ports::{Finding, Words};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Host;

/// Shakes hands and says what came of it; certificates are warned about as of `now`.
pub(super) async fn shake(tls: &Tls, host: &Host, stream: TcpStream, now: Timestamp) -> Finding {
    let (config, shown) = noting(tls);
    let shaken = match server_name(host) {
        Some(name) => TlsConnector::from(config).connect(name, stream).await.map(drop),
        None => Err(io::ErrorKind::InvalidInput.into()),
    };
    let certificate = shown.certificate().as_deref().and_then(Certificate::read);
    match (shaken, certificate) {
        (Ok(()), Some(certificate)) => certificate.judge(now),
        (Ok(()), None) => Finding::Works(Words::new("ausgehandelt", "done")),
        (Err(error), certificate) => fails(advice(&error, host, certificate.as_ref())),
    }
}

/// The same TLS, but what the server shows is noted. Sessions that deliveries left are not taken up: they belong to the
/// verifier that judged them.
fn noting(tls: &Tls) -> (Arc<ClientConfig>, Arc<Shown>) {
    let shown = Arc::new(Shown::default());
    let mut config = ClientConfig::clone(&tls.config);
    if let Some(verifier) = &tls.verifier {
        let noting = Noting { verifier: Arc::clone(verifier), shown: Arc::clone(&shown) };
        config.dangerous().set_certificate_verifier(Arc::new(noting));
    }
    (Arc::new(config), shown)
}

/// The server's own certificate.
#[derive(Debug, Default)]
struct Shown(Mutex<Option<Vec<u8>>>);

impl Shown {
    fn certificate(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Judges exactly as the verifier that it holds, and notes what it judged.
#[derive(Debug)]
struct Noting {
    verifier: Arc<WebPkiServerVerifier>,
    shown: Arc<Shown>,
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.shown.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(end_entity.to_vec());
        self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

fn advice(error: &io::Error, host: &Host, certificate: Option<&Certificate>) -> Words {
    let fault = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    let mut advice = match fault {
        Some(Error::InvalidCertificate(fault)) => not_believed(fault, host),
        Some(Error::AlertReceived(alert)) => alerted(*alert),
        Some(Error::InvalidMessage(_)) => Words::new(
            "Dort spricht etwas, aber kein TLS. Port prüfen; vielleicht ist es ein Port ohne Verschlüsselung.",
            "Something speaks there, but no TLS. Check the port; perhaps it is one without encryption.",
        ),
        Some(Error::PeerIncompatible(_)) => no_common_ground(),
        Some(fault) => Words::new(
            format!("TLS kommt nicht zustande ({fault}). Beim Ziel klären."),
            format!("There is no TLS ({fault}). Clear it with the target."),
        ),
        None => Words::new(
            "Die Gegenstelle bricht ab, während TLS ausgehandelt wird. Port und Zwischenstationen (Proxy, Firewall) \
             prüfen.",
            "The other side breaks off while TLS is negotiated. Check the port and what lies between (proxy, \
             firewall).",
        ),
    };
    if let Some(told) = certificate.map(Certificate::told) {
        advice.german.push_str(&format!(" Gezeigt wurde: {}.", told.german));
        advice.english.push_str(&format!(" What was shown: {}.", told.english));
    }
    advice
}

fn not_believed(fault: &CertificateError, host: &Host) -> Words {
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Words::new(
            "Das Zertifikat des Ziels ist abgelaufen. Dort erneuern lassen; geht die Uhr dieses Rechners falsch, sie \
             stellen.",
            "The target's certificate has expired. Have it renewed there; if this machine's clock is wrong, set it.",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Words::new(
            "Das Zertifikat des Ziels gilt noch nicht. Die Uhr dieses Rechners prüfen, sonst beim Ziel klären.",
            "The target's certificate is not valid yet. Check this machine's clock, else clear it with the target.",
        ),
        // A bad signature is that of an authority which is called like one that is trusted.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Words::new(
            "Das Zertifikat des Ziels führt zu keiner Zertifizierungsstelle, der vertraut wird. Deren Zertifikat \
             beim Ziel erfragen und unter `ca` eintragen.",
            "The target's certificate leads to no authority that is trusted. Ask the target for the authority's \
             certificate and name it under `ca`.",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Words::new(
            format!(
                "Das Zertifikat des Ziels gilt nicht für {host}. Die Adresse so schreiben, wie das Zertifikat \
                 heißt, oder es beim Ziel ändern lassen."
            ),
            format!(
                "The target's certificate is not for {host}. Write the address as the certificate is called, or \
                 have it changed at the target."
            ),
        ),
        other => Words::new(
            format!("Das Zertifikat des Ziels wird nicht geglaubt ({other}). Beim Ziel klären."),
            format!("The target's certificate is not believed ({other}). Clear it with the target."),
        ),
    }
}

fn alerted(alert: AlertDescription) -> Words {
    use AlertDescription as A;
    match alert {
        A::HandshakeFailure | A::ProtocolVersion | A::InsufficientSecurity => no_common_ground(),
        A::CertificateRequired
        | A::BadCertificate
        | A::UnknownCA
        | A::CertificateUnknown
        | A::CertificateExpired
        | A::AccessDenied => Words::new(
            "Das Ziel lehnt unser Zertifikat ab oder vermisst eines. `client-certificate` und `client-key` prüfen.",
            "The target refuses our certificate or misses one. Check `client-certificate` and `client-key`.",
        ),
        other => Words::new(
            format!("Das Ziel bricht TLS ab ({other:?}). Beim Ziel klären."),
            format!("The target breaks TLS off ({other:?}). Clear it with the target."),
        ),
    }
}

fn no_common_ground() -> Words {
    Words::new(
        "Es gibt kein gemeinsames Verfahren. Das Ziel muss TLS 1.2 oder 1.3 nach BSI TR-02102-2 können (AES-GCM, \
         ECDHE über secp256r1 oder secp384r1).",
        "There is no common method. The target has to know TLS 1.2 or 1.3 as in BSI TR-02102-2 (AES-GCM, ECDHE over \
         secp256r1 or secp384r1).",
    )
}
