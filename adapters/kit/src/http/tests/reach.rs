//! Where a destination that connects to public addresses only does not connect to.

use super::*;
use crate::http::reach::{Lookup, is_public};
use async_trait::async_trait;
use rohrpost_model::Timestamp;
use rohrpost_model::ports::Probe;
use std::io;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const PUBLIC: [&str; 8] = [
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "172.32.0.0",
    "223.255.255.255",
    "2a00:1450::1",
    "2001:200::1",
];

const CLASSES: [(&str, &[&str]); 12] = [
    ("unspecified", &["0.0.0.0", "0.1.2.3", "::"]),
    ("loopback", &["127.0.0.1", "127.255.255.255", "::1"]),
    ("private", &["10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1"]),
    ("unique local", &["fc00::1", "fd12:3456::1", "fec0::1"]),
    ("link-local", &["169.254.169.254", "fe80::1", "febf::1"]),
    ("carrier's NAT", &["100.64.0.0", "100.127.255.255"]),
    ("multicast", &["224.0.0.1", "239.255.255.255", "ff02::1"]),
    ("reserved, broadcast", &["240.0.0.1", "255.255.255.255", "4000::1"]),
    (
        "documentation, benchmarks",
        &["192.0.2.1", "198.51.100.1", "203.0.113.9", "198.19.0.1", "2001:db8::1", "3fff::1"],
    ),
    ("mapped IPv4", &["::ffff:10.0.0.1", "::ffff:9.9.9.9", "::127.0.0.1"]),
    ("NAT64", &["64:ff9b::a00:1", "64:ff9b:1::a00:1"]),
    ("tunnels", &["2002:a00:1::1", "2001:0:a00:1::1"]),
];

#[test]
fn only_what_the_public_reaches_is_public() {
    for text in PUBLIC {
        assert!(is_public(text.parse().unwrap()), "{text}");
    }
    for (class, addresses) in CLASSES {
        for text in addresses {
            assert!(!is_public(text.parse::<IpAddr>().unwrap()), "{class}: {text}");
        }
    }
}

const ONLY: &str = "public-only = true\nallow-plain-http = true\n";

fn limited(allowed: &str) -> Client {
    configure(Path::new("/nowhere"), &format!("{ONLY}allow-addresses = [{allowed}]\n")).unwrap()
}

async fn send(client: &Client, url: &str) -> Result<u16, Failure> {
    let url = Url::parse(url).unwrap();
    let request = Request { method: Method::POST, url, headers: HeaderMap::new(), body: Body::Empty };
    client.send(request).await.map(|answer| answer.status)
}

fn is_forbidden(result: &Result<u16, Failure>) -> bool {
    matches!(result, Err(Failure::Defect(reason)) if reason.code == ReasonCode::AddressForbidden)
}

#[tokio::test]
async fn an_address_that_is_written_out_is_judged_however_it_is_written() {
    let client = limited("");
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "169.254.169.254",
        "10.1.2.3:8080",
        "[fe80::1]",
    ] {
        let sent = send(&client, &format!("http://{host}/")).await;
        assert!(is_forbidden(&sent), "{host}: {sent:?}");
    }
}

/// A server of plain HTTP that closes after each answer; its address, and how often it was connected to.
async fn counting(address: &str) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n").await;
        }
    });
    (address, count)
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_resolves_to() {
    let (address, count) = counting("127.0.0.1:0").await;
    let url = format!("http://localhost:{}/", address.port());
    let sent = send(&limited(""), &url).await;
    assert!(is_forbidden(&sent), "{sent:?}");
    assert_eq!(count.load(Ordering::SeqCst), 0, "nothing was connected to");
    assert_eq!(send(&limited("'127.0.0.0/8'"), &url).await, Ok(204));
    assert_eq!(send(&limited("'127.0.0.1', '10.0.0.0/8'"), &url).await, Ok(204));
    assert!(is_forbidden(&send(&limited("'127.0.0.2'"), &url).await));
}

/// Answers each question with the next of its answers, and goes on with the last.
struct Changing(Mutex<Vec<Vec<SocketAddr>>>);

#[async_trait]
impl Lookup for Changing {
    async fn look_up(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        let mut answers = self.0.lock().unwrap();
        Ok(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
    }
}

/// A client for which names mean what they are told here, one answer after the other; 127.0.0.1 counts as public.
fn resolving(answers: &[&[&str]]) -> Client {
    let answers = answers
        .iter()
        .map(|answer| answer.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect());
    let changing = Changing(Mutex::new(answers.collect()));
    let reach = Reach::new(["127.0.0.1".parse().unwrap()], Arc::new(changing));
    let mut made = limited("");
    made.client = client(&Connection::default(), &made.tls, None, Some(&reach)).unwrap();
    made.reach = Some(reach);
    made
}

#[tokio::test]
async fn a_name_that_means_something_else_the_next_time_is_judged_anew() {
    let (outside, inside) = counting_twice().await;
    let client = resolving(&[&["127.0.0.1"], &["127.0.0.2"], &["127.0.0.1"]]);
    let url = format!("http://portal.example.org:{}/", outside.0.port());
    assert_eq!(send(&client, &url).await, Ok(204));
    let rebound = send(&client, &url).await;
    assert!(is_forbidden(&rebound), "{rebound:?}");
    assert_eq!(send(&client, &url).await, Ok(204), "and again");
    assert_eq!((outside.1.load(Ordering::SeqCst), inside.1.load(Ordering::SeqCst)), (2, 0));
}

#[tokio::test]
async fn of_several_addresses_only_those_that_may_be_are_tried() {
    let (outside, inside) = counting_twice().await;
    let client = resolving(&[&["127.0.0.2", "::1", "127.0.0.1"]]);
    let url = format!("http://portal.example.org:{}/", outside.0.port());
    assert_eq!(send(&client, &url).await, Ok(204));
    assert_eq!((outside.1.load(Ordering::SeqCst), inside.1.load(Ordering::SeqCst)), (1, 0));
}

/// Two servers on one port: at 127.0.0.1, and at 127.0.0.2 where nobody may go.
async fn counting_twice() -> ((SocketAddr, Arc<AtomicUsize>), (SocketAddr, Arc<AtomicUsize>)) {
    let outside = counting("127.0.0.1:0").await;
    let inside = counting(&format!("127.0.0.2:{}", outside.0.port())).await;
    (outside, inside)
}

#[tokio::test]
async fn a_probe_goes_nowhere_else_than_deliveries() {
    let (address, count) = counting("127.0.0.1:0").await;
    for host in ["127.0.0.1", "localhost"] {
        let url = Url::parse(&format!("http://{host}:{}/", address.port())).unwrap();
        let (mut probe, client) = (Probe::default(), limited(""));
        let endpoint = client.endpoint(&url).unwrap();
        endpoint.plan(&mut probe);
        assert!(!endpoint.reach(&mut probe, Timestamp::UNIX_EPOCH).await);
        let step = &probe.steps()[0];
        assert!(step.finding.words().german.contains("`allow-addresses`"), "{host}: {step:?}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 0, "nothing was connected to");
    let url = Url::parse(&format!("http://localhost:{}/", address.port())).unwrap();
    let (mut probe, client) = (Probe::default(), limited("'127.0.0.1'"));
    let endpoint = client.endpoint(&url).unwrap();
    endpoint.plan(&mut probe);
    assert!(endpoint.reach(&mut probe, Timestamp::UNIX_EPOCH).await, "{:?}", probe.steps());
}

#[test]
fn settings_that_contradict_each_other_are_faults() {
    let fault = |text: &str| configure(Path::new("/nowhere"), text).err().unwrap_or_default();
    assert!(fault("allow-addresses = ['10.0.0.0/8']\n").contains("2:20: without public-only"));
    assert!(fault("public-only = false\nallow-addresses = ['10.0.0.0/8']\n").contains("without public-only"));
    let proxied = "public-only = true\nproxy = 'http://proxy.example.org:3128'\n";
    assert!(fault(proxied).contains("3:9: behind a proxy nobody here sees"), "{}", fault(proxied));
    assert_eq!(fault("public-only = false\n"), "");
}

#[test]
fn an_adapter_can_leave_nobody_the_choice() {
    let text = "[x.connection]\npublic-only = false\n";
    let places = Places::new("a.toml", text);
    let read = |text: &str| crate::settings::read::<Example>("a.toml", text, Some("x")).unwrap().connection;
    let fault = read(text).require_public(&places).unwrap_err().to_string();
    assert!(fault.contains("2:15: this adapter connects to public addresses only"), "{fault}");
    let mut connection = read("[x.connection]\n");
    connection.require_public(&places).unwrap();
    assert!(connection.public_only.is_some_and(|it| *it.get_ref()));
}
