mod answered;
mod configuration;
mod inquiries;
mod judged;
mod peer;
mod probes;
mod requests;

use crate::Http;
use async_trait::async_trait;
use rohrpost_kit::conformance::{self, FixedClock};
use rohrpost_kit::settings::Secrets;
use rohrpost_kit::{Adapter, AdapterSource};
use rohrpost_model::Fault;
use rohrpost_model::ports::Target;
use secrecy::SecretString;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const TOKEN: &str = "geheim-4711";

struct FixedSecrets;

impl Secrets for FixedSecrets {
    fn file(&self, path: &Path) -> Result<SecretString, String> {
        if path == Path::new("token") { Ok(TOKEN.into()) } else { Err("the file is not there".into()) }
    }
    fn env(&self, name: &str) -> Result<SecretString, String> {
        Err(format!("the environment variable {name} is not set"))
    }
}

fn configure(text: &str) -> Result<Arc<dyn Target>, Vec<Fault>> {
    Http.configure(&AdapterSource {
        file: "destinations/a.toml",
        text,
        folder: Path::new("/nowhere"),
        secrets: &FixedSecrets,
        clock: Arc::new(FixedClock::default()),
    })
}

/// A target whose file is this text, `{port}` in it replaced.
fn target(address: SocketAddr, text: &str) -> Arc<dyn Target> {
    configure(&text.replace("{port}", &address.port().to_string())).unwrap()
}

/// A server on this machine that answers every connection as told, and keeps what it was sent.
struct Scripted {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Scripted {
    /// Reads a request and answers with these bytes, then closes.
    async fn answering(answer: &str) -> Self {
        let (listener, answer) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), answer.to_owned());
        let (address, requests) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let kept = requests.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let request = read_request(&mut socket).await;
                kept.lock().unwrap().push(request);
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        Self { address, requests }
    }

    fn request(&self) -> String {
        String::from_utf8_lossy(&self.requests.lock().unwrap()[0]).into_owned()
    }
}

async fn read_request(socket: &mut TcpStream) -> Vec<u8> {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return request;
            }
        }
        match socket.read(&mut buffer).await {
            Ok(0) | Err(_) => return request,
            Ok(length) => request.extend_from_slice(&buffer[..length]),
        }
    }
}

#[tokio::test]
async fn it_passes_the_conformance_suite() {
    conformance::run(async || peer::HttpPeer::new(false).await).await;
}

#[tokio::test]
async fn with_a_deduplicating_target_it_passes_the_conformance_suite() {
    conformance::run(async || peer::HttpPeer::new(true).await).await;
}
