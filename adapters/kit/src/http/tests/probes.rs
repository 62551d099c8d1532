//! What a probe tells of lookup, connection and TLS.

use super::*;
use crate::probe::{Endpoint, Host};
use rohrpost_model::Timestamp;
use rohrpost_model::ports::Probe;
use std::time::Duration;

/// A moment far before the test's certificates end.
fn early() -> Timestamp {
    Timestamp::from_second(1_600_000_000).unwrap()
}

/// Each step: its word, and `ok` with what was found, or another word with the beginning of its sentence.
async fn probed(endpoint: &Endpoint, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut probe = Probe::default();
    endpoint.plan(&mut probe);
    let reached = endpoint.reach(&mut probe, now).await;
    assert_eq!(reached, probe.is_well());
    let told = probe.steps().iter().map(|step| {
        let words = step.finding.words();
        assert!(!words.german.is_empty() && !words.english.is_empty());
        (step.word, format!("{}: {}", step.finding.word(), words.german))
    });
    told.collect()
}

async fn probe_tls(folder: &Path, settings: &str, address: SocketAddr) -> String {
    let client = configure(folder, settings).unwrap();
    let url = Url::parse(&format!("https://localhost:{}/a?b", address.port())).unwrap();
    let mut steps = probed(&client.endpoint(&url).unwrap(), early()).await;
    assert_eq!(steps[0].0, "lookup");
    assert!(steps[0].1.starts_with("ok: ") && steps[0].1.contains("127.0.0.1"), "{steps:?}");
    assert_eq!(steps[1], ("connect", format!("ok: {address} nimmt Verbindungen an")));
    let (word, told) = steps.remove(2);
    assert_eq!((word, steps.len()), ("tls", 2));
    told
}

fn plain(host: Host, port: u16) -> Endpoint {
    Endpoint::plain(host, port, Duration::from_secs(20))
}

#[tokio::test]
async fn the_certificate_is_shown_whether_it_is_believed_or_not() {
    let (ours, other) = (Authority::new(), Authority::new());
    let folder = folder(&ours);
    let shown = "CN=localhost, ausgestellt von CN=Test CA, gültig bis 20";
    let good = Speaks::all().serve(&ours.issue("localhost"), None).await;
    let told = probe_tls(folder.path(), TRUST, good).await;
    assert!(told.starts_with(&format!("ok: {shown}")), "{told}");

    let alien = Speaks::all().serve(&other.issue("localhost"), None).await;
    let told = probe_tls(folder.path(), TRUST, alien).await;
    assert!(told.starts_with("failed: Das Zertifikat des Ziels führt zu keiner Zert"), "{told}");
    assert!(told.contains(&format!("Gezeigt wurde: {shown}")), "{told}");
    let told = probe_tls(folder.path(), "system-ca = false", good).await;
    assert!(told.contains("führt zu keiner Zertifizierungsstelle"), "{told}");

    let misnamed = Speaks::all().serve(&ours.issue("other.example"), None).await;
    let told = probe_tls(folder.path(), TRUST, misnamed).await;
    assert!(told.starts_with("failed: Das Zertifikat des Ziels gilt nicht für localhost."), "{told}");
    assert!(told.contains("CN=other.example"), "{told}");

    let expired = Speaks::all().serve(&ours.issue_expired("localhost"), None).await;
    let told = probe_tls(folder.path(), TRUST, expired).await;
    assert!(told.starts_with("failed: Das Zertifikat des Ziels ist abgelaufen."), "{told}");
    assert!(told.ends_with("gültig bis 2020-01-31."), "{told}");
}

#[tokio::test]
async fn a_probe_after_a_delivery_shows_the_certificate_too() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let client = configure(folder.path(), TRUST).unwrap();
    let address = Speaks::all().serve(&authority.issue("localhost"), None).await;
    let url = Url::parse(&format!("https://localhost:{}/", address.port())).unwrap();
    for _ in 0..2 {
        // It leaves a session: the next handshake could be an abbreviated one, in which no certificate is shown.
        assert_eq!(told(get(&client, address).await), "204");
        let steps = probed(&client.endpoint(&url).unwrap(), early()).await;
        assert!(steps[2].1.starts_with("ok: CN=localhost, ausgestellt von"), "{steps:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_ends_within_a_month_is_warned_about() {
    let authority = Authority::new();
    let (folder, issued) = (folder(&authority), authority.issue("localhost"));
    let address = Speaks::all().serve(&issued, None).await;
    let client = configure(folder.path(), TRUST).unwrap();
    let url = Url::parse(&format!("https://localhost:{}/", address.port())).unwrap();
    let endpoint = client.endpoint(&url).unwrap();
    let end = issued.until();
    for (days, word) in [(31, "ok: CN=localhost"), (30, "ok: CN=localhost"), (29, "warning: CN=localhost")] {
        let now = Timestamp::from_second(end.as_second() - days * 24 * 3600).unwrap();
        let steps = probed(&endpoint, now).await;
        assert!(steps[2].1.starts_with(word), "{days}: {steps:?}");
        assert_eq!(steps[2].1.contains("läuft in 29 Tagen ab"), days == 29, "{steps:?}");
    }
}

#[tokio::test]
async fn what_is_no_tls_or_another_tls_is_told() {
    let authority = Authority::new();
    let (folder, server) = (folder(&authority), authority.issue("localhost"));
    let suites = vec![cipher_suite::TLS13_CHACHA20_POLY1305_SHA256];
    let odd = Speaks { suites, ..Speaks::all() }.serve(&server, None).await;
    let told = probe_tls(folder.path(), TRUST, odd).await;
    assert!(told.starts_with("failed: Es gibt kein gemeinsames Verfahren."), "{told}");

    let clients = Authority::new();
    let tls12 = Speaks { version: &version::TLS12, ..Speaks::all() };
    let closed = tls12.serve(&server, Some(&clients)).await;
    let told = probe_tls(folder.path(), TRUST, closed).await;
    assert!(told.starts_with("failed: Das Ziel lehnt unser Zertifikat ab oder vermisst eines."), "{told}");

    for (said, expected) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "failed: Dort spricht etwas, aber kein TLS."),
        (b"", "failed: Die Gegenstelle bricht ab"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(said).await;
        });
        let told = probe_tls(folder.path(), TRUST, address).await;
        assert!(told.starts_with(expected), "{told}");
    }
}

#[tokio::test]
async fn a_name_that_nobody_knows_and_a_port_that_nobody_listens_at_end_the_probe() {
    // A label of more than 63 characters is in no name server's world, so none is asked.
    let nowhere = plain(Host::Domain("x".repeat(64)), 443);
    let steps = probed(&nowhere, early()).await;
    assert!(steps[0].1.starts_with("failed: Der Name xxxx"), "{steps:?}");
    assert!(steps[1..].iter().all(|(_, told)| told.starts_with("not-tried: ")), "{steps:?}");

    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let steps = probed(&plain(Host::Ipv4(std::net::Ipv4Addr::LOCALHOST), port), early()).await;
    assert_eq!(steps[0].1, "ok: 127.0.0.1");
    assert!(steps[1].1.starts_with("failed: Die Verbindung wird abgelehnt"), "{steps:?}");
    assert!(steps[2].1.starts_with("not-tried: "), "{steps:?}");
}

#[tokio::test]
async fn a_mute_server_ends_the_probe_in_time_and_an_address_in_clear_has_no_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let client = configure(folder.path(), "connect-timeout = '300ms'").unwrap();
    let url = |scheme: &str| Url::parse(&format!("{scheme}://{address}/")).unwrap();
    let endpoint = client.endpoint(&url("https")).unwrap();
    let mute = tokio::time::timeout(Duration::from_secs(10), probed(&endpoint, early())).await;
    let mute = mute.expect("it ends long before");
    assert!(mute[2].1.starts_with("failed: Nach 0.3 s (`connect-timeout`) kam keine Antwort."), "{mute:?}");
    let clear = probed(&client.endpoint(&url("http")).unwrap(), early()).await;
    assert!(clear[2].1.starts_with("not-tried: Nicht versucht: Zu dieser Adresse"), "{clear:?}");
}
