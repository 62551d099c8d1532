mod certificates;
mod probes;
mod reach;

use super::*;
use crate::conformance::FixedClock;
use crate::settings::Secrets;
use certificates::{Authority, Issued};
use rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion, version};
use secrecy::SecretString;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

struct Files<'p>(&'p Path);

impl Secrets for Files<'_> {
    fn file(&self, path: &Path) -> Result<SecretString, String> {
        std::fs::read_to_string(self.0.join(path)).map(Into::into).map_err(|error| error.kind().to_string())
    }
    fn env(&self, _: &str) -> Result<SecretString, String> {
        Err("none".into())
    }
}

#[derive(Deserialize)]
struct Example {
    connection: Connection,
}

fn configure(folder: &Path, settings: &str) -> Result<Client, String> {
    let text = format!("[x.connection]\n{settings}");
    let clock = Arc::new(FixedClock::default());
    let source = AdapterSource { file: "a.toml", text: &text, folder, secrets: &Files(folder), clock };
    let example: Example = source.read("x").unwrap();
    Client::configure(&example.connection, &source).map_err(|faults| faults[0].to_string())
}

async fn get(client: &Client, address: SocketAddr) -> Result<u16, Failure> {
    let url = Url::parse(&format!("https://localhost:{}/", address.port())).unwrap();
    let request = Request { method: Method::GET, url, headers: HeaderMap::new(), body: Body::Empty };
    client.send(request).await.map(|answer| answer.status)
}

fn told(result: Result<u16, Failure>) -> String {
    match result {
        Ok(status) => status.to_string(),
        Err(Failure::Unavailable { reason, .. }) => format!("unavailable {:?}", reason.code),
        Err(failure) => format!("{failure:?}"),
    }
}

/// What a server speaks.
struct Speaks {
    suites: Vec<SupportedCipherSuite>,
    groups: Vec<&'static dyn SupportedKxGroup>,
    version: &'static SupportedProtocolVersion,
}

impl Speaks {
    fn all() -> Self {
        let all = aws_lc_rs::default_provider();
        Self { suites: all.cipher_suites, groups: all.kx_groups, version: &version::TLS13 }
    }

    async fn serve(self, server: &Issued, clients: Option<&Authority>) -> SocketAddr {
        let provider = CryptoProvider {
            cipher_suites: self.suites,
            kx_groups: self.groups,
            ..aws_lc_rs::default_provider()
        };
        let provider = Arc::new(provider);
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_protocol_versions(&[self.version]).unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.der()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let config = builder.with_single_cert(vec![server.der()], server.key()).unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                if let Ok(mut stream) = acceptor.accept(socket).await {
                    let _ = stream.read(&mut [0; 4096]).await;
                    let _ = stream.write_all(b"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n").await;
                    let _ = stream.shutdown().await;
                }
            }
        });
        address
    }
}

const TRUST: &str = "ca = ['ca.pem']\nsystem-ca = false\n";

/// A folder with the authority's certificate.
fn folder(authority: &Authority) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    folder
}

#[tokio::test]
async fn a_server_is_trusted_only_through_its_authority() {
    let (ours, other) = (Authority::new(), Authority::new());
    let folder = folder(&ours);
    let client = configure(folder.path(), TRUST).unwrap();
    let good = Speaks::all().serve(&ours.issue("localhost"), None).await;
    assert_eq!(told(get(&client, good).await), "204");
    for server in [other.issue("localhost"), ours.issue("other.example")] {
        let bad = Speaks::all().serve(&server, None).await;
        assert_eq!(told(get(&client, bad).await), "unavailable Unreachable");
    }
    let without = configure(folder.path(), "system-ca = false").unwrap();
    assert_eq!(told(get(&without, good).await), "unavailable Unreachable");
}

#[tokio::test]
async fn tls_is_as_tr_02102_2_asks() {
    let authority = Authority::new();
    let (folder, server) = (folder(&authority), authority.issue("localhost"));
    let client = configure(folder.path(), TRUST).unwrap();
    use cipher_suite as suite;
    let groups = || aws_lc_rs::default_provider().kx_groups;
    let (tls12, tls13) = (&version::TLS12, &version::TLS13);
    for (suites, groups, version, expected) in [
        (vec![suite::TLS13_AES_128_GCM_SHA256], groups(), tls13, "204"),
        (vec![suite::TLS13_AES_256_GCM_SHA384], groups(), tls13, "204"),
        (vec![suite::TLS13_CHACHA20_POLY1305_SHA256], groups(), tls13, "unavailable Unreachable"),
        (vec![suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384], groups(), tls12, "204"),
        (
            vec![suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256],
            groups(),
            tls12,
            "unavailable Unreachable",
        ),
        (vec![suite::TLS13_AES_128_GCM_SHA256], vec![kx_group::SECP384R1], tls13, "204"),
        (vec![suite::TLS13_AES_128_GCM_SHA256], vec![kx_group::X25519], tls13, "unavailable Unreachable"),
    ] {
        let context = format!("{suites:?} {groups:?}");
        let address = Speaks { suites, groups, version }.serve(&server, None).await;
        assert_eq!(told(get(&client, address).await), expected, "{context}");
    }
}

#[tokio::test]
async fn the_client_shows_its_certificate() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let (folder, identity) = (folder(&servers), clients.issue("hub"));
    std::fs::write(folder.path().join("hub.pem"), identity.pem()).unwrap();
    std::fs::write(folder.path().join("hub.key"), identity.key_pem()).unwrap();
    let speaks = Speaks { version: &version::TLS12, ..Speaks::all() };
    let address = speaks.serve(&servers.issue("localhost"), Some(&clients)).await;
    let with = format!("{TRUST}client-certificate = 'hub.pem'\nclient-key = {{ file = 'hub.key' }}\n");
    assert_eq!(told(get(&configure(folder.path(), &with).unwrap(), address).await), "204");
    let without = configure(folder.path(), TRUST).unwrap();
    assert_eq!(told(get(&without, address).await), "unavailable Unreachable");

    std::fs::write(folder.path().join("hub.key"), clients.issue("hub").key_pem()).unwrap();
    let fault = configure(folder.path(), &with).err().unwrap();
    assert!(fault.contains("certificate and key do not fit"), "{fault}");
}

#[tokio::test]
async fn the_clients_certificate_may_come_as_pkcs12() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let (folder, identity) = (folder(&servers), clients.issue("hub"));
    std::fs::write(folder.path().join("hub.p12"), identity.pkcs12("geheim-0815")).unwrap();
    std::fs::write(folder.path().join("password"), "geheim-0815\n").unwrap();
    let speaks = Speaks { version: &version::TLS12, ..Speaks::all() };
    let address = speaks.serve(&servers.issue("localhost"), Some(&clients)).await;
    let file = "client-pkcs12 = 'hub.p12'\n";
    let with = format!("{TRUST}{file}client-pkcs12-password = {{ file = 'password' }}\n");
    assert_eq!(told(get(&configure(folder.path(), &with).unwrap(), address).await), "204");

    let told = |settings: &str| configure(folder.path(), settings).err().unwrap();
    let without = told(file);
    assert!(without.contains("cannot be opened: another password"), "{without}");
    std::fs::write(folder.path().join("password"), "falsch").unwrap();
    let wrong = told(&with);
    assert!(wrong.contains("cannot be opened") && !wrong.contains("falsch"), "{wrong}");
    std::fs::write(folder.path().join("hub.p12"), "PKCS").unwrap();
    assert!(told(&with).contains("this is no PKCS#12 file"));
    let alone = told("client-pkcs12-password = { file = 'password' }");
    assert!(alone.contains("client-pkcs12 is missing"), "{alone}");
}

/// A proxy that hands on to whatever it is asked for, if it is asked by whom it knows. It tells what it was asked.
async fn proxy(authorization: &'static str) -> (SocketAddr, tokio::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, heard) = tokio::sync::mpsc::channel(9);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let read = socket.read(&mut head).await.unwrap();
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let known = head.to_lowercase().contains(&authorization.to_lowercase());
            asked.send(head.lines().next().unwrap().to_owned()).await.unwrap();
            if !known {
                let _ = socket.write_all(b"HTTP/1.1 407 X\r\nContent-Length: 0\r\n\r\n").await;
                continue;
            }
            let to = head.split_whitespace().nth(1).unwrap().to_owned();
            let mut target = tokio::net::TcpStream::connect(to).await.unwrap();
            socket.write_all(b"HTTP/1.1 200 X\r\n\r\n").await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut socket, &mut target).await;
        }
    });
    (address, heard)
}

#[tokio::test]
async fn requests_go_through_the_proxy_and_tls_is_spoken_behind_it() {
    let authority = Authority::new();
    let folder = folder(&authority);
    std::fs::write(folder.path().join("password"), "geheim").unwrap();
    let target = Speaks::all().serve(&authority.issue("localhost"), None).await;
    let (proxy, mut heard) = proxy("authorization: basic aHViOmdlaGVpbQ==").await;
    let through = format!("{TRUST}proxy = 'http://{proxy}'\n");
    let known = format!("{through}proxy-user = 'hub'\nproxy-password = {{ file = 'password' }}\n");
    let client = configure(folder.path(), &known).unwrap();
    assert_eq!(told(get(&client, target).await), "204");
    assert_eq!(heard.recv().await.unwrap(), format!("CONNECT localhost:{} HTTP/1.1", target.port()));
    let unknown = configure(folder.path(), &through).unwrap();
    assert_eq!(told(get(&unknown, target).await), "unavailable Unreachable", "nothing can have been sent");
    let url = Url::parse("https://ziel.example/").unwrap();
    let mut probe = rohrpost_model::ports::Probe::default();
    let endpoint = client.endpoint(&url).unwrap();
    endpoint.plan(&mut probe);
    assert!(endpoint.reach(&mut probe, rohrpost_model::Timestamp::UNIX_EPOCH).await, "{probe:?}");
    let tls = probe.steps().last().unwrap().finding.words().german.clone();
    assert!(tls.contains("durch einen Proxy"), "{tls}");
}

#[test]
fn what_is_no_proxy_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = |settings: &str| configure(folder.path(), settings).err().unwrap();
    for (settings, expected) in [
        ("proxy = 'https://proxy.example'", "this is no address of a proxy"),
        ("proxy = 'http://hub:geheim@proxy.example:3128'", "this is no address of a proxy"),
        ("proxy = 'proxy.example:3128'", "this is no address of a proxy"),
        ("proxy = 'http://p.example:3128'\nproxy-user = 'hub'", "proxy-password is missing"),
        ("proxy-user = 'hub'", "`proxy` is missing"),
    ] {
        let fault = told(settings);
        assert!(fault.contains(expected) && !fault.contains("geheim"), "{settings}: {fault}");
    }
}

#[test]
fn plain_http_stays_on_this_machine() {
    let permits = |url: &str| Connection::default().permits(&Url::parse(url).unwrap()).is_ok();
    for url in ["https://a.example/", "http://localhost:1/", "http://127.8.8.8/", "http://[::1]/"] {
        assert!(permits(url), "{url}");
    }
    for url in [
        "http://a.example/",
        "http://localhost.a.example/",
        "http://192.168.0.1/",
        "ftp://localhost/",
        "data:x",
    ] {
        assert!(!permits(url), "{url}");
    }
}
