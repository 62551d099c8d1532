//! Real sockets: TLS as it must be, time-outs, an orderly end.

use super::house::{House, limits};
use crate::{ListenFault, Listener, Settings, TlsIdentity, serve_api, serve_operations};
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::{X509, X509Name};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const LOOPBACK: &str = "127.0.0.1:0";

fn ec_key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn rsa_key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

fn certificate(key: &PKey<Private>, name: &str) -> Vec<u8> {
    let mut subject = X509Name::builder().unwrap();
    subject.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(&subject).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(4_000_000_000).unwrap()).unwrap();
    builder.sign(key, MessageDigest::sha256()).unwrap();
    builder.build().to_pem().unwrap()
}

fn pem(key: &PKey<Private>) -> Vec<u8> {
    key.private_key_to_pem_pkcs8().unwrap()
}

fn identity(key: &PKey<Private>) -> TlsIdentity {
    TlsIdentity::from_pem(&certificate(key, "first"), &pem(key)).unwrap()
}

struct Served {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

async fn served(tls: Option<TlsIdentity>, settings: Settings) -> Served {
    let house = House::with(settings, limits()).await;
    let listener = Listener::bind(LOOPBACK.parse().unwrap(), tls).await.unwrap();
    let (address, (stop, stopped)) = (listener.address(), watch::channel(false));
    let task = tokio::spawn(serve_api(listener, house.gateway, stopped));
    Served { address, stop, task }
}

/// A client that offers only this.
#[derive(Clone, Copy)]
struct Offer {
    newest: SslVersion,
    /// For TLS 1.2 and older.
    ciphers: &'static str,
    /// For TLS 1.3.
    suites: &'static str,
    groups: &'static str,
}

const GCM: &str = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";

/// Shakes hands and asks for the description; returns version, cipher and the common name that was presented.
fn shake(address: SocketAddr, offer: Offer) -> Result<(String, String, String), String> {
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    connector.set_security_level(0);
    connector.set_min_proto_version(None).unwrap();
    connector.set_max_proto_version(Some(offer.newest)).unwrap();
    connector.set_cipher_list(offer.ciphers).unwrap();
    connector.set_ciphersuites(offer.suites).unwrap();
    connector.set_groups_list(offer.groups).unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut tls = connector.build().connect("localhost", stream).map_err(|fault| fault.to_string())?;
    tls.write_all(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .map_err(|fault| fault.to_string())?;
    let mut answer = Vec::new();
    tls.read_to_end(&mut answer).map_err(|fault| fault.to_string())?;
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"), "{}", String::from_utf8_lossy(&answer));
    let presented = tls.ssl().peer_certificate().unwrap();
    let name = presented.subject_name().entries().next().unwrap().data().to_string().unwrap();
    Ok((tls.ssl().version_str().into(), tls.ssl().current_cipher().unwrap().name().into(), name))
}

async fn shaken(address: SocketAddr, offer: Offer) -> Result<(String, String, String), String> {
    tokio::task::spawn_blocking(move || shake(address, offer)).await.unwrap()
}

#[tokio::test]
async fn tls_speaks_what_the_bsi_recommends_and_nothing_else() {
    let modern = Offer { newest: SslVersion::TLS1_3, ciphers: "ALL", suites: GCM, groups: "P-256:P-384" };
    let old = Offer { newest: SslVersion::TLS1_2, ..modern };
    for (key, kind) in [(ec_key(), "ECDSA"), (rsa_key(), "RSA")] {
        let served = served(Some(identity(&key)), Settings::default()).await;
        let (version, cipher, _) = shaken(served.address, modern).await.unwrap();
        assert_eq!((version.as_str(), cipher.contains("AES")), ("TLSv1.3", true), "{cipher}");
        let (version, cipher, _) = shaken(served.address, old).await.unwrap();
        assert_eq!(version, "TLSv1.2");
        assert!(cipher.starts_with("ECDHE-") && cipher.contains(kind) && cipher.contains("GCM"), "{cipher}");
        let refused = [
            (
                "ChaCha20 (1.3)",
                Offer { suites: "TLS_CHACHA20_POLY1305_SHA256", ciphers: "ECDHE+CHACHA20", ..modern },
            ),
            ("ChaCha20 (1.2)", Offer { ciphers: "ECDHE+CHACHA20", ..old }),
            (
                "CBC",
                Offer { ciphers: "ECDHE+AES+SHA:ECDHE+AES+SHA256:ECDHE+AES+SHA384:!AESGCM:!AESCCM", ..old },
            ),
            ("RSA key exchange", Offer { ciphers: "kRSA", ..old }),
            ("DHE", Offer { ciphers: "DHE", ..old }),
            ("TLS 1.1", Offer { newest: SslVersion::TLS1_1, ..modern }),
            ("TLS 1.0", Offer { newest: SslVersion::TLS1, ..modern }),
            ("X25519", Offer { groups: "X25519", ..modern }),
        ];
        for (what, offer) in refused {
            let spoken = shaken(served.address, offer).await;
            assert!(spoken.is_err(), "{what} was spoken: {spoken:?}");
        }
    }
}

#[tokio::test]
async fn another_certificate_is_presented_from_the_next_connection_on() {
    let (key, offer) =
        (ec_key(), Offer { newest: SslVersion::TLS1_3, ciphers: "ALL", suites: GCM, groups: "P-256" });
    let tls = identity(&key);
    let served = served(Some(tls.clone()), Settings::default()).await;
    assert_eq!(shaken(served.address, offer).await.unwrap().2, "first");
    assert!(tls.replace(b"nonsense", &pem(&key)).is_err());
    assert!(tls.replace(&certificate(&key, "other"), &pem(&ec_key())).is_err(), "a key that does not fit");
    assert_eq!(shaken(served.address, offer).await.unwrap().2, "first");
    tls.replace(&certificate(&key, "second"), &pem(&key)).unwrap();
    assert_eq!(shaken(served.address, offer).await.unwrap().2, "second");
}

#[tokio::test]
async fn without_tls_only_loopback_is_served() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let fault = Listener::bind(address.parse().unwrap(), None).await.err().unwrap();
        assert!(matches!(fault, ListenFault::NotLoopback(_)), "{address}");
        assert!(
            fault.to_string().contains("Ohne TLS") && fault.to_string().contains("Without TLS"),
            "{fault}"
        );
    }
    assert!(Listener::bind("127.0.0.7:0".parse().unwrap(), None).await.is_ok());
    assert!(Listener::bind("0.0.0.0:0".parse().unwrap(), Some(identity(&ec_key()))).await.is_ok());
}

/// Sends `bytes` and reads until the other side ends the connection.
async fn until_closed(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn who_dawdles_with_a_head_or_a_handshake_is_cut_off() {
    let quick = Duration::from_millis(100);
    let plain = served(None, Settings { head: quick, ..Settings::default() }).await;
    let answer = until_closed(plain.address, b"GET /openapi.json HTTP/1.1\r\nHos").await;
    assert!(!answer.contains("200"), "{answer}");
    let idle = until_closed(plain.address, b"").await;
    assert_eq!(idle, "");
    let tls = served(Some(identity(&ec_key())), Settings { handshake: quick, ..Settings::default() }).await;
    assert_eq!(until_closed(tls.address, b"\x16\x03\x01").await, "");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let plain = served(None, Settings::default()).await;
    let filler = format!("GET / HTTP/1.1\r\nX-Filler: {}\r\n\r\n", "x".repeat(40_000));
    assert!(until_closed(plain.address, filler.as_bytes()).await.starts_with("HTTP/1.1 431"));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(150));
    assert!(until_closed(plain.address, many.as_bytes()).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn a_sender_that_is_refused_while_it_sends_still_gets_its_answer() {
    let plain = served(None, Settings::default()).await;
    let length = 8_000_000;
    let mut request = format!(
        "POST /v1/submissions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nConnection: close\r\n\
         Content-Type: text/xml\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.resize(request.len() + length, b'x');
    assert!(until_closed(plain.address, &request).await.starts_with("HTTP/1.1 401"));
}

#[tokio::test]
async fn a_request_under_way_ends_before_the_hub_does() {
    let served = served(None, Settings::default()).await;
    let mut stream = tokio::net::TcpStream::connect(served.address).await.unwrap();
    let head = "POST /v1/submissions?service=99000000000000&area=15091 HTTP/1.1\r\nHost: x\r\n\
                Authorization: Bearer token-portal\r\nContent-Type: text/xml\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut word = [0; 25];
    stream.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"HTTP/1.1 100 Continue\r\n\r\n");
    served.stop.send(true).unwrap();
    stream.write_all(b"<a/>").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    served.task.await.unwrap();
    assert!(tokio::net::TcpStream::connect(served.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_hold_the_hub() {
    let served = served(None, Settings { drain: Duration::from_millis(50), ..Settings::default() }).await;
    let mut stream = tokio::net::TcpStream::connect(served.address).await.unwrap();
    let head = "POST /v1/submissions?service=99000000000000&area=15091 HTTP/1.1\r\nHost: x\r\n\
                Authorization: Bearer token-portal\r\nContent-Type: text/xml\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.read_exact(&mut [0; 25]).await.unwrap();
    served.stop.send(true).unwrap();
    served.task.await.unwrap();
}

#[tokio::test]
async fn the_operations_listener_answers_without_log_in_and_stops() {
    let house = House::new().await;
    let listener = Listener::bind(LOOPBACK.parse().unwrap(), None).await.unwrap();
    let (address, (stop, stopped)) = (listener.address(), watch::channel(false));
    let task = tokio::spawn(serve_operations(listener, Arc::clone(&house.gateway), stopped));
    let answer =
        until_closed(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("rohrpost_deliveries"), "{answer}");
    drop(stop);
    task.await.unwrap();
}
