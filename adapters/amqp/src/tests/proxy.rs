//! What lies between the hub and a broker: it reads the frames of AMQP and breaks off where a test says so.

use rohrpost_kit::conformance::Mood;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Class and method (AMQP 0.9.1, 1.8): `basic.publish` and `basic.ack`.
const PUBLISH: [u8; 4] = [0, 60, 0, 40];
const ACK: [u8; 4] = [0, 60, 0, 80];

#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) port: u16,
    mood: Arc<Mutex<Mood>>,
    pub(super) reached: Arc<Notify>,
}

impl Proxy {
    /// A proxy to the broker at this port.
    pub(super) async fn to(broker: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = Self { port, mood: Arc::new(Mutex::new(Mood::Well)), reached: Arc::default() };
        let passing = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let passing = passing.clone();
                tokio::spawn(async move { passing.pass(client, broker).await });
            }
        });
        proxy
    }

    pub(super) fn behave(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap()
    }

    async fn pass(self, client: TcpStream, broker: u16) {
        if self.mood() == Mood::Unavailable {
            return;
        }
        let broker = TcpStream::connect(("127.0.0.1", broker)).await.unwrap();
        let ((from_client, to_client), (from_broker, to_broker)) = (client.into_split(), broker.into_split());
        // Whichever ends first ends both.
        tokio::select! {
            _ = self.requests(from_client, to_broker) => {}
            _ = self.answers(from_broker, to_client) => {}
        }
    }

    async fn requests(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> std::io::Result<()> {
        let mut header = [0; 8];
        from.read_exact(&mut header).await?;
        to.write_all(&header).await?;
        loop {
            let frame = frame(&mut from).await?;
            if is(&frame, PUBLISH) && self.mood() == Mood::BreaksBefore {
                return Ok(());
            }
            to.write_all(&frame).await?;
        }
    }

    async fn answers(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> std::io::Result<()> {
        loop {
            let frame = frame(&mut from).await?;
            match self.mood() {
                Mood::BreaksAfter if is(&frame, ACK) => return Ok(()),
                Mood::Silent if is(&frame, ACK) => self.reached.notify_one(),
                _ => to.write_all(&frame).await?,
            }
        }
    }
}

/// One frame: type, channel, size, payload, end (2.3.5).
async fn frame(from: &mut OwnedReadHalf) -> std::io::Result<Vec<u8>> {
    let mut frame = vec![0; 7];
    from.read_exact(&mut frame).await?;
    let size = u32::from_be_bytes([frame[3], frame[4], frame[5], frame[6]]) as usize;
    frame.resize(7 + size + 1, 0);
    from.read_exact(&mut frame[7..]).await?;
    Ok(frame)
}

fn is(frame: &[u8], method: [u8; 4]) -> bool {
    frame[0] == 1 && frame.get(7..11) == Some(&method)
}
