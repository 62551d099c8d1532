//! Requests as bytes, for what no client library sends.

use crate::support::hub::Hub;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The head of a call that hands in.
pub fn head(hub: &Hub, client: &str, headers: &[(&str, String)], last: &str) -> String {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let token = hub.token(client);
    format!(
        "POST /v1/submissions HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n{lines}{last}\r\n\r\n"
    )
}

async fn connect(hub: &Hub, bytes: &[u8]) -> TcpStream {
    let address = hub.api.strip_prefix("http://").expect("plain HTTP");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(bytes).await.expect("it is taken");
    stream
}

/// Sends bytes, and closes the connection.
pub async fn break_off(hub: &Hub, bytes: &[u8]) {
    drop(connect(hub, bytes).await);
}

/// Sends bytes, keeps the connection open, and returns what is answered until the hub closes it.
pub async fn answer(hub: &Hub, bytes: &[u8]) -> String {
    let mut stream = connect(hub, bytes).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer)).await;
    read.expect("an answer in time").expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}
