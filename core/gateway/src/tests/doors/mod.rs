//! Endpoints of adapters behind their doors, over real sockets: who is told to be speaking, and who is not let in.

mod headers;
mod nginx;
mod papers;
mod shaken;
mod sockets;

use crate::{Door, Endpoint, Proxy, Settings, TlsIdentity, serve_endpoint};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Extension, Request};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use rohrpost_model::Digest;
use rohrpost_model::ports::Peer;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the endpoint here says of a peer.
fn told(address: &str, certificate: Option<&[u8]>, header: bool) -> String {
    let certificate = certificate.map_or("none".into(), |der| Digest::of(der).to_string());
    format!("from {address} certificate {certificate} header {header}")
}

async fn echo(Extension(peer): Extension<Peer>, headers: HeaderMap) -> String {
    let header = ["x-client-cert", "client-cert"].iter().any(|name| headers.contains_key(*name));
    told(&peer.address.to_string(), peer.certificate.as_deref(), header)
}

async fn length(body: Result<Bytes, axum::extract::rejection::BytesRejection>) -> (StatusCode, String) {
    match body {
        Ok(body) => (StatusCode::OK, body.len().to_string()),
        Err(fault) => (StatusCode::REQUEST_TIMEOUT, fault.to_string()),
    }
}

async fn refuse(_: Request) -> StatusCode {
    StatusCode::FORBIDDEN
}

/// An endpoint that tells who speaks to it.
fn echoing() -> Router {
    Router::new().route("/who", get(echo)).route("/length", post(length)).route("/refuse", post(refuse))
}

fn proxy(network: &str, header: &str) -> Proxy {
    Proxy { network: network.parse().unwrap(), header: header.parse().unwrap() }
}

struct Served {
    address: SocketAddr,
    door: Arc<Door>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Served {
    async fn plain(proxies: Vec<Proxy>) -> Self {
        Self::at("127.0.0.1:0", Door::new(Endpoint::new(echoing(), proxies), None), Settings::default()).await
    }

    async fn tls(tls: TlsIdentity, proxies: Vec<Proxy>) -> Self {
        let door = Door::new(Endpoint::new(echoing(), proxies), Some(tls));
        Self::at("127.0.0.1:0", door, Settings::default()).await
    }

    async fn at(address: &str, door: Arc<Door>, settings: Settings) -> Self {
        let listener = door.listen(address.parse().unwrap()).await.unwrap();
        let (address, (stop, stopped)) = (listener.address(), watch::channel(false));
        let address = SocketAddr::new([127, 0, 0, 1].into(), address.port());
        let task = tokio::spawn(serve_endpoint(listener, Arc::clone(&door), settings, stopped));
        Self { address, door, stop, task }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }
}

/// Does what blocks beside the runtime.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Asks on a connection that stays open, and returns status and body.
fn ask(
    stream: &mut (impl Read + Write),
    path: &str,
    headers: &[(&str, &str)],
) -> Result<(u16, String), String> {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    send(stream, format!("GET {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n").as_bytes())?;
    answer(stream)
}

fn send(stream: &mut impl Write, bytes: &[u8]) -> Result<(), String> {
    stream.write_all(bytes).map_err(|fault| fault.to_string())
}

fn answer(stream: &mut impl Read) -> Result<(u16, String), String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(0) => return Err("closed".into()),
            Ok(_) => head.push(byte[0]),
            Err(fault) => return Err(fault.to_string()),
        }
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).map_err(|fault| fault.to_string())?;
    Ok((head[9..12].parse().unwrap(), String::from_utf8(body).unwrap()))
}
