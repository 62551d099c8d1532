//! The listeners of a hub that runs. One test, because a process has one recorder of metrics and so one hub.

use super::{Running, Start};
use crate::clock::SystemClock;
use crate::echo::{NOTHING, load, shipped, write};
use openssl::ssl::{SslConnector, SslFiletype, SslMethod, SslVerifyMode};
use rohrpost_gateway::{Activation as _, ActivationReport, By};
use rohrpost_model::ports::ActivationCause;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

const CLIENTS: &str = "client-ca = \"secrets/trust/demo-ca.pem\"";

fn plain(address: impl std::fmt::Display, path: &str) -> String {
    format!("adapter = \"echo\"\nlisten = \"{address}\"\n[echo]\npath = \"{path}\"\n")
}

fn encrypted(name: &str, clients: &str) -> String {
    format!(
        "adapter = \"echo\"\nlisten = \"127.0.0.1:0\"\nseal = \"siegel\"\n[tls]\n\
         certificate = \"secrets/{name}.pem\"\nkey = {{ file = \"secrets/{name}.key\" }}\n{clients}\n\
         [echo]\npath = \"wer\"\n"
    )
}

async fn start(shop: &TempDir) -> Running {
    let configuration = load(shop).unwrap_or_else(|faults| panic!("{faults:?}"));
    let (folder, clock) = (shop.path().join("config"), Arc::new(SystemClock));
    let started = Start { folder, environment: NOTHING, clock, configuration }.run().await;
    started.unwrap_or_else(|stop| {
        let mut said = Vec::new();
        stop.print(false, &mut said).unwrap();
        panic!("{}", String::from_utf8_lossy(&said))
    })
}

async fn activate(hub: &Running) -> Result<ActivationReport, String> {
    let by = By { client: "operator".parse().unwrap(), cause: ActivationCause::Activated, words: None };
    hub.activator.activate(by).await.map_err(|faults| format!("{faults:?}"))
}

fn ask(stream: &mut (impl Read + Write), path: &str) -> Result<(u16, Value), String> {
    let failed = |fault: std::io::Error| fault.to_string();
    stream.write_all(format!("GET /{path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).map_err(failed)?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).map_err(failed)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).map_err(failed)?;
    Ok((head[9..12].parse().unwrap(), serde_json::from_slice(&body).unwrap_or_default()))
}

/// What a caller with the certificate `secrets/NAME.pem` is told, and whose certificate it is shown.
async fn shake(shop: &TempDir, address: SocketAddr, name: &str) -> Result<(Value, String), String> {
    let secret = |ending: &str| -> PathBuf { shop.path().join(format!("config/secrets/{name}.{ending}")) };
    let (certificate, key) = (secret("pem"), secret("key"));
    let asked = tokio::task::spawn_blocking(move || {
        let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
        connector.set_verify(SslVerifyMode::NONE);
        connector.set_certificate_file(certificate, SslFiletype::PEM).unwrap();
        connector.set_private_key_file(key, SslFiletype::PEM).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        let mut tls = connector.build().connect("localhost", stream).map_err(|fault| fault.to_string())?;
        let told = ask(&mut tls, "wer")?.1;
        let shown = tls.ssl().peer_certificate().unwrap();
        let subject = shown.subject_name().entries().last().unwrap().data().to_string().unwrap();
        Ok((told, format!("{subject} {:?}", shown.subject_name())))
    });
    asked.await.unwrap()
}

async fn again(mut stream: TcpStream, path: &'static str) -> (TcpStream, Result<(u16, Value), String>) {
    tokio::task::spawn_blocking(move || {
        let told = ask(&mut stream, path);
        (stream, told)
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_are_served_and_what_is_behind_them_is_replaced_while_they_are() {
    let shop = shipped();
    write(&shop, "listeners/offen.toml", &plain("127.0.0.1:0", "wer"));
    write(&shop, "listeners/sicher.toml", &encrypted("siegel", CLIENTS));
    let hub = start(&shop).await;
    let (open, closed) = (hub.listeners["offen"], hub.listeners["sicher"]);

    // Each is told who speaks, and reaches the hub through its ports.
    let (stream, told) = again(TcpStream::connect(open).unwrap(), "wer").await;
    let (status, told) = told.unwrap();
    assert_eq!((status, &told["address"], &told["certificate"]), (200, &"127.0.0.1".into(), &Value::Null));
    assert_eq!((&told["mailbox"], &told["desk"], &told["seal"]), (&0.into(), &true.into(), &false.into()));
    let (told, shown) = shake(&shop, closed, "quittung").await.unwrap();
    assert!(told["certificate"].is_string() && told["seal"] == true, "{told}");
    assert!(shown.contains("Siegel"), "{shown}");

    // Another table holds from the next request on, on the same connection.
    write(&shop, "listeners/offen.toml", &plain("127.0.0.1:0", "anders"));
    let report = activate(&hub).await.unwrap();
    assert!(report.changed && report.needs_restart.is_empty(), "{:?}", report.needs_restart);
    let (stream, told) = again(stream, "anders").await;
    assert_eq!(told.unwrap().0, 200);
    let (stream, told) = again(stream, "wer").await;
    assert_eq!(told.unwrap().0, 404);

    // A configuration with a fault changes nothing.
    write(&shop, "listeners/offen.toml", &plain("127.0.0.1:0", "falsch").replace("path", "pfad"));
    assert!(activate(&hub).await.unwrap_err().contains("pfad"));
    let (stream, told) = again(stream, "anders").await;
    assert_eq!(told.unwrap().0, 200);

    // Certificate and anchors are those of the new configuration: the CA of the caller is none of them.
    write(&shop, "listeners/offen.toml", &plain("127.0.0.1:0", "anders"));
    write(&shop, "listeners/sicher.toml", &encrypted("quittung", "client-ca = \"secrets/siegel.pem\""));
    assert!(activate(&hub).await.unwrap().needs_restart.is_empty());
    assert!(shake(&shop, closed, "quittung").await.is_err(), "its CA is no anchor any more");
    write(&shop, "listeners/sicher.toml", &encrypted("quittung", CLIENTS));
    activate(&hub).await.unwrap();
    assert!(shake(&shop, closed, "quittung").await.unwrap().1.contains("Quittung"));

    // Sockets stay as they were opened, and who changes them is told.
    let needs = async || activate(&hub).await.unwrap().needs_restart;
    write(&shop, "listeners/offen.toml", &plain("127.0.0.1:1", "dort"));
    assert_eq!(needs().await, ["listeners/offen"]);
    let (_, told) = again(stream, "dort").await;
    assert_eq!(told.unwrap().0, 200, "the table is taken all the same");
    write(&shop, "listeners/neu.toml", &plain("127.0.0.1:0", "neu"));
    assert_eq!(needs().await, ["listeners/offen", "listeners/neu"]);
    std::fs::remove_file(shop.path().join("config/listeners/sicher.toml")).unwrap();
    assert_eq!(needs().await, ["listeners/offen", "listeners/sicher", "listeners/neu"]);
    write(&shop, "listeners/offen.toml", &plain("127.0.0.1:0\"\nconnections = 9\nname = \"offen", "wer"));
    assert_eq!(needs().await[0], "listeners/offen");
    hub.end().await;
    assert!(TcpStream::connect(open).is_err(), "nobody listens any more");
    // Nothing holds the store any more, so that the next hub can take it.
    let data = shop.path().join("demo-data");
    assert!(rohrpost_store::HeldDirectory::take(&data).is_ok(), "the data directory is let go");
}
