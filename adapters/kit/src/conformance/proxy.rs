//! Stands between a target and its counterpart, counts what the target asks, and cuts the connection where a test wants it.

use super::{Cut, Mood};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// So much is read at once.
const PIECE: usize = 64 * 1024;

/// How a protocol is spoken on one connection: what of the bytes on their way belongs together. Each call gets what has come and
/// was not handed on yet.
pub trait Speech: Send {
    /// The first unit of what the target says, if it is whole.
    fn request(&mut self, bytes: &[u8]) -> Option<Unit>;

    /// The first unit of what the counterpart says, if it is whole.
    fn answer(&mut self, bytes: &[u8]) -> Option<Unit>;
}

/// Bytes that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// How many.
    pub length: usize,
    /// What they are.
    pub kind: Kind,
}

/// What a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It belongs to the one before, or says nothing: it is neither a request nor an answer.
    Aside,
    /// A request, or an answer.
    Counts,
    /// The request from which on a delivery may have arrived.
    Decides,
}

/// Where it cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// At the request of this number, counted from 1.
    Request(usize),
    /// At every one that decides.
    Deciding,
}

#[derive(Default)]
struct State {
    requests: usize,
    cut: Option<(At, Cut)>,
    takes_nobody: bool,
    decided: bool,
}

struct Shared {
    server: SocketAddr,
    speech: fn() -> Box<dyn Speech>,
    state: Mutex<State>,
    reached: Notify,
    well: Notify,
}

/// A proxy for TCP that cuts.
pub struct Proxy {
    /// Where it listens on loopback.
    pub port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// A proxy to a server that speaks so.
    pub async fn to(server: SocketAddr, speech: fn() -> Box<dyn Speech>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (state, reached, well) = (Mutex::default(), Notify::new(), Notify::new());
        let shared = Arc::new(Shared { server, speech, state, reached, well });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let serving = Arc::clone(&serving);
                tokio::spawn(async move { serving.serve(client).await });
            }
        });
        Ok(Self { port, shared })
    }

    /// [`Peer::cut`](super::Peer::cut). A request to be left alone is not in its power.
    pub fn cut(&self, request: usize, cut: Cut) -> bool {
        self.shared.state().cut = Some((At::Request(request), cut));
        cut != Cut::Throttled
    }

    /// [`Peer::behave`](super::Peer::behave), as far as it is a matter of connections.
    pub fn behave(&self, mood: Mood) {
        let mut state = self.shared.state();
        state.takes_nobody = mood == Mood::Unavailable;
        let cut = match mood {
            Mood::BreaksBefore => Some(Cut::TornBefore),
            Mood::BreaksAfter => Some(Cut::TornAfter),
            Mood::Silent => Some(Cut::SilentAfter),
            Mood::Well | Mood::Unavailable | Mood::Refusing => None,
        };
        state.cut = cut.map(|cut| (At::Deciding, cut));
        if cut.is_none() {
            // Whoever waits for an answer on a silent connection waits for nothing.
            self.shared.well.notify_waiters();
        }
    }

    /// [`Peer::requests`](super::Peer::requests).
    pub fn requests(&self) -> usize {
        self.shared.state().requests
    }

    /// [`Peer::may_have_arrived`](super::Peer::may_have_arrived).
    pub fn may_have_arrived(&self) -> bool {
        self.shared.state().decided
    }

    /// [`Peer::reached`](super::Peer::reached).
    pub async fn reached(&self) {
        self.shared.reached.notified().await;
    }
}

/// What becomes of a unit.
enum Next {
    Pass,
    Close,
    Silence,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(&self, client: TcpStream) {
        if !self.state().takes_nobody
            && let Ok(server) = TcpStream::connect(self.server).await
        {
            // However it ends, both sides see that it did.
            let _ = self.pass(client, server).await;
        }
    }

    async fn pass(&self, mut client: TcpStream, mut server: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (mut speech, mut after) = ((self.speech)(), None);
        let (mut asked, mut told) = (Vec::new(), Vec::new());
        loop {
            while let Some(unit) = speech.request(&asked) {
                let next = self.request(unit.kind, &mut after);
                if self.ends(next).await {
                    return Ok(());
                }
                server.write_all(&asked[..unit.length]).await?;
                asked.drain(..unit.length);
            }
            while let Some(unit) = speech.answer(&told) {
                let next = if unit.kind == Kind::Aside { Next::Pass } else { answer(after) };
                if self.ends(next).await {
                    return Ok(());
                }
                client.write_all(&told[..unit.length]).await?;
                told.drain(..unit.length);
            }
            let over = tokio::select! {
                over = more(&mut client, &mut asked) => over?,
                over = more(&mut server, &mut told) => over?,
            };
            if over {
                return Ok(());
            }
        }
    }

    /// Counts a request; a cut that comes with its answer is left in `after`.
    fn request(&self, kind: Kind, after: &mut Option<Cut>) -> Next {
        if kind == Kind::Aside {
            return Next::Pass;
        }
        let mut state = self.state();
        state.requests += 1;
        state.decided |= kind == Kind::Decides;
        let here = match state.cut {
            Some((At::Request(number), cut)) if number == state.requests => cut,
            Some((At::Deciding, cut)) if kind == Kind::Decides => cut,
            _ => return Next::Pass,
        };
        match here {
            Cut::TornBefore => Next::Close,
            Cut::SilentBefore => Next::Silence,
            Cut::TornAfter | Cut::SilentAfter => {
                *after = Some(here);
                Next::Pass
            }
            Cut::Throttled => Next::Pass,
        }
    }

    /// Whether the connection is over; one that falls silent is, when that is over.
    async fn ends(&self, next: Next) -> bool {
        match next {
            Next::Pass => false,
            Next::Close => true,
            Next::Silence => {
                let well = self.well.notified();
                self.reached.notify_one();
                well.await;
                true
            }
        }
    }
}

fn answer(after: Option<Cut>) -> Next {
    match after {
        Some(Cut::TornAfter) => Next::Close,
        Some(Cut::SilentAfter) => Next::Silence,
        _ => Next::Pass,
    }
}

/// Reads what comes; whether nothing more will.
async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<bool> {
    bytes.reserve(PIECE);
    Ok(stream.read_buf(bytes).await? == 0)
}
