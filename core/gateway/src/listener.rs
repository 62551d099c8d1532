//! Sockets: a bounded number of connections, each with time-outs, over TLS or on loopback.

use crate::endpoint::{AtDoor, Door};
use crate::tls::TlsIdentity;
use crate::{Gateway, Settings, routes};
use axum::Router;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// The most bytes of a request's head. (More than 100 headers are refused by the library's own bound.)
const HEAD: usize = 32 * 1024;

/// The most bytes that a connection buffers in each direction.
const BUFFER: usize = 64 * 1024;

/// The pause after the system had no socket to give.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(100);

/// How often what was counted is folded together, scraped or not.
const UPKEEP: Duration = Duration::from_secs(5);

/// Why a listener cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenFault {
    /// Without TLS only loopback addresses are served.
    #[error(
        "Ohne TLS lauscht Rohrpost nur auf Loopback-Adressen, nicht auf {0}: Zertifikat und Schlüssel eintragen oder 127.0.0.1 verwenden. \
         (Without TLS only loopback addresses are served, not {0}: configure a certificate and a key, or use 127.0.0.1.)"
    )]
    NotLoopback(SocketAddr),
    /// The address cannot be used.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// An open socket that is not served yet.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<TlsIdentity>,
}

impl Listener {
    /// Opens `address` (port 0 takes any). Without TLS it must be a loopback address.
    pub async fn bind(address: SocketAddr, tls: Option<TlsIdentity>) -> Result<Self, ListenFault> {
        if tls.is_none() && !address.ip().to_canonical().is_loopback() {
            return Err(ListenFault::NotLoopback(address));
        }
        Self::open(address, tls).await
    }

    /// The same of any address: the caller sees to it who gets in.
    pub(crate) async fn open(address: SocketAddr, tls: Option<TlsIdentity>) -> Result<Self, ListenFault> {
        let failed = |source| ListenFault::Bind { address, source };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address, tls })
    }

    /// The address that it listens on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Serves the API until `stop` turns true (or its sender is gone); then lets requests under way end, for as long as
/// [`Settings::drain`].
pub async fn serve_api(listener: Listener, gateway: Arc<Gateway>, stop: watch::Receiver<bool>) {
    let settings = gateway.settings;
    serve(listener, Served::Routes(routes::api(gateway)), settings, stop).await;
}

/// Serves what operators and Prometheus ask, until `stop` turns true.
pub async fn serve_operations(listener: Listener, gateway: Arc<Gateway>, stop: watch::Receiver<bool>) {
    let settings = gateway.settings;
    let metrics = gateway.metrics.clone();
    let upkeep = async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            metrics.run_upkeep();
        }
    };
    tokio::select! {
        () = serve(listener, Served::Routes(routes::operations(gateway)), settings, stop) => {}
        () = upkeep => {}
    }
}

/// What answers on a listener.
#[derive(Clone)]
pub(crate) enum Served {
    /// Always the same routes.
    Routes(Router),
    /// What is behind a door at the time.
    Door(Arc<Door>),
}

pub(crate) async fn serve(
    listener: Listener,
    served: Served,
    settings: Settings,
    mut stop: watch::Receiver<bool>,
) {
    let plain_and_open = listener.tls.is_none() && !listener.address.ip().to_canonical().is_loopback();
    let free = Arc::new(Semaphore::new(settings.connections));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            Some(_) = connections.join_next() => {}
            accepted = accept(&listener.socket, &free) => {
                let Some((stream, from, permit)) = accepted else { continue };
                if !served.lets_in(from, plain_and_open) {
                    tracing::debug!("a connection was dropped: it comes from no named proxy");
                    continue;
                }
                let connection = Connection { tls: listener.tls.clone(), served: served.clone(), from, settings, stop: stop.clone() };
                connections.spawn(connection.serve(stream, permit));
            }
        }
    }
    drop(listener);
    let drained =
        tokio::time::timeout(settings.drain, async { while connections.join_next().await.is_some() {} });
    if drained.await.is_err() {
        tracing::warn!(left = connections.len(), "requests were cut off: they did not end in time");
    }
}

impl Served {
    fn lets_in(&self, from: IpAddr, plain_and_open: bool) -> bool {
        match self {
            Self::Routes(_) => true,
            Self::Door(door) => door.lets_in(from, plain_and_open),
        }
    }
}

/// Waits until the hub stops, or whoever could stop it is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The next connection, once there is room for it.
async fn accept(
    socket: &TcpListener,
    free: &Arc<Semaphore>,
) -> Option<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(free).acquire_owned().await.ok()?;
    match socket.accept().await {
        // One of IPv4 that comes through a socket of IPv6 is told as what it is.
        Ok((stream, from)) => Some((stream, from.ip().to_canonical(), permit)),
        Err(fault) => {
            tracing::warn!(%fault, "no connection could be accepted");
            tokio::time::sleep(OUT_OF_SOCKETS).await;
            None
        }
    }
}

/// What one connection needs.
struct Connection {
    tls: Option<TlsIdentity>,
    served: Served,
    from: IpAddr,
    settings: Settings,
    stop: watch::Receiver<bool>,
}

impl Connection {
    async fn serve(self, stream: TcpStream, permit: OwnedSemaphorePermit) {
        // Answers are small and written whole: waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => self.speak(stream, None).await,
            Some(tls) => {
                let handshake = TlsAcceptor::from(tls.current()).accept(stream);
                match tokio::time::timeout(self.settings.handshake, handshake).await {
                    Ok(Ok(stream)) => {
                        let chain = stream.get_ref().1.peer_certificates();
                        let certificate = chain.and_then(<[_]>::first).map(|first| first.to_vec());
                        self.speak(stream, certificate).await;
                    }
                    Ok(Err(fault)) => tracing::debug!(%fault, "TLS handshake failed"),
                    Err(_) => tracing::debug!("TLS handshake took too long"),
                }
            }
        }
        drop(permit);
    }

    async fn speak(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        certificate: Option<Vec<u8>>,
    ) {
        match self.served.clone() {
            Served::Routes(routes) => self.converse(stream, TowerToHyperService::new(routes)).await,
            Served::Door(door) => {
                let at_door = AtDoor { door, from: self.from, certificate, piece: self.settings.piece };
                self.converse(stream, at_door).await;
            }
        }
    }

    async fn converse<S>(mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, service: S)
    where
        S: Service<hyper::Request<Incoming>, Response = Response, Error = Infallible>,
    {
        let mut connection = pin!(protocol(&self.settings).serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut self.stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(fault) = ended {
            tracing::debug!(%fault, "a connection ended early");
        }
    }
}

fn protocol(settings: &Settings) -> http1::Builder {
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(settings.head)
        .max_header_size(HEAD)
        .max_buf_size(BUFFER);
    protocol
}
