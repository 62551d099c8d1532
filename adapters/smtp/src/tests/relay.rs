//! Stands between the hub and a mail server, and cuts the connection where a test wants it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Where it cuts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Never,
    /// Before the line that ends the mail is handed on.
    BeforeEnd,
    /// Before the answer to it is.
    AfterEnd,
    /// That answer is swallowed.
    Mute,
    /// Before the line of this number is handed to the server, counted from 0.
    Before(usize),
    /// Before the answer to that line is handed back.
    After(usize),
}

pub(super) struct Relay {
    pub(super) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    cut: Mutex<Cut>,
    reached: Notify,
}

impl Relay {
    pub(super) async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared { server, cut: Mutex::new(Cut::Never), reached: Notify::new() });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&serving).serve(client));
            }
        });
        Self { port, shared }
    }

    /// What it does with connections from now on.
    pub(super) fn cut(&self, cut: Cut) {
        *self.shared.cut.lock().unwrap() = cut;
    }

    pub(super) async fn reached(&self) {
        self.shared.reached.notified().await;
    }
}

/// One conversation: a line of the client, then an answer of the server. Between DATA and its end no line is answered.
struct Talk {
    client: (BufReader<OwnedReadHalf>, OwnedWriteHalf),
    server: (BufReader<OwnedReadHalf>, OwnedWriteHalf),
}

impl Shared {
    async fn serve(self: Arc<Self>, client: TcpStream) {
        let cut = *self.cut.lock().unwrap();
        let server = TcpStream::connect(self.server).await.unwrap();
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let ((client_reads, client_writes), (server_reads, server_writes)) =
            (client.into_split(), server.into_split());
        let mut talk = Talk {
            client: (BufReader::new(client_reads), client_writes),
            server: (BufReader::new(server_reads), server_writes),
        };
        let _ = self.pass(&mut talk, cut).await;
    }

    /// `None` when the conversation is over, by itself or cut.
    async fn pass(&self, talk: &mut Talk, cut: Cut) -> Option<()> {
        let greeting = answer(&mut talk.server.0).await?;
        talk.client.1.write_all(&greeting).await.ok()?;
        let (mut number, mut in_mail) = (0, false);
        loop {
            let mut line = Vec::new();
            if talk.client.0.read_until(b'\n', &mut line).await.ok()? == 0 {
                return None;
            }
            let ends = in_mail && line == b".\r\n";
            let here = cut == Cut::Before(number) || (ends && cut == Cut::BeforeEnd);
            if here {
                return None;
            }
            talk.server.1.write_all(&line).await.ok()?;
            if in_mail && !ends {
                // Of the lines of a mail only the first is a place to cut: each is like the other.
                continue;
            }
            let answer = answer(&mut talk.server.0).await?;
            if ends && cut == Cut::Mute {
                self.reached.notify_one();
                return std::future::pending().await;
            }
            if cut == Cut::After(number) || (ends && cut == Cut::AfterEnd) {
                return None;
            }
            talk.client.1.write_all(&answer).await.ok()?;
            in_mail = line.eq_ignore_ascii_case(b"DATA\r\n") && answer.starts_with(b"354");
            number += 1;
        }
    }
}

/// An answer of one or more lines: the last has a space after its code.
async fn answer(server: &mut BufReader<OwnedReadHalf>) -> Option<Vec<u8>> {
    let (mut all, mut begins) = (Vec::new(), 0);
    loop {
        if server.read_until(b'\n', &mut all).await.ok()? == 0 {
            return None;
        }
        if all.get(begins + 3) != Some(&b'-') {
            return Some(all);
        }
        begins = all.len();
    }
}
