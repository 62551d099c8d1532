//! Endpoints of adapters: what a listener serves beside the API. Routes, proxies and certificates can be replaced while it
//! is served; no connection is dropped for that.

use crate::listener::{ListenFault, Listener, Served, serve};
use crate::measures::count_requests;
use crate::paced::Paced;
use crate::problem::Problem;
use crate::proxies::{Proxy, take_certificate};
use crate::routes::careful_headers;
use crate::tls::TlsIdentity;
use crate::{Settings, lent};
use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::from_fn;
use axum::response::{IntoResponse as _, Response};
use futures::future::BoxFuture;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use rohrpost_model::ports::Peer;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What is served at the moment.
pub struct Endpoint {
    routes: Router,
    proxies: Vec<Proxy>,
}

impl Endpoint {
    /// The routes of an adapter, and the proxies that are believed which client certificate they have seen.
    pub fn new(routes: Router, proxies: Vec<Proxy>) -> Self {
        let routes = routes
            .layer(from_fn(lent::read_away_what_is_refused))
            .layer(from_fn(careful_headers))
            .layer(from_fn(count_requests))
            // How large a body may be is the endpoint's own business.
            .layer(DefaultBodyLimit::disable());
        Self { routes, proxies }
    }

    fn is_behind(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|proxy| proxy.network.holds(address))
    }
}

/// What a listener of an adapter opens to: its endpoint and its certificate as they are now.
pub struct Door {
    endpoint: ArcSwap<Endpoint>,
    tls: Option<TlsIdentity>,
}

impl Door {
    /// A door to this endpoint.
    pub fn new(endpoint: Endpoint, tls: Option<TlsIdentity>) -> Arc<Self> {
        Arc::new(Self { endpoint: ArcSwap::from_pointee(endpoint), tls })
    }

    /// Opens `address` (port 0 takes any). Without TLS it must be a loopback address, or nobody but named proxies gets in.
    pub async fn listen(&self, address: SocketAddr) -> Result<Listener, ListenFault> {
        match &self.tls {
            None if !self.endpoint.load().proxies.is_empty() => Listener::open(address, None).await,
            tls => Listener::bind(address, tls.clone()).await,
        }
    }

    /// Serves another endpoint from the next request on, and presents another certificate from the next connection on. A
    /// listener that was opened without TLS stays so.
    pub fn adopt(&self, endpoint: Endpoint, tls: Option<&TlsIdentity>) {
        if let (Some(own), Some(other)) = (&self.tls, tls) {
            own.adopt(other);
        }
        self.endpoint.store(Arc::new(endpoint));
    }

    /// Whether a connection from there is spoken with. What is not encrypted and comes from another machine must come from a
    /// proxy, whatever was configured since the listener was opened.
    pub(crate) fn lets_in(&self, from: IpAddr, plain_and_open: bool) -> bool {
        !plain_and_open || self.endpoint.load().is_behind(from)
    }
}

/// Serves what is behind a door until `stop` turns true; then as [`serve_api`](crate::serve_api).
pub async fn serve_endpoint(
    listener: Listener,
    door: Arc<Door>,
    settings: Settings,
    stop: watch::Receiver<bool>,
) {
    serve(listener, Served::Door(door), settings, stop).await;
}

/// One connection at a door.
pub(crate) struct AtDoor {
    pub(crate) door: Arc<Door>,
    /// Where it comes from.
    pub(crate) from: IpAddr,
    /// What was proved in the handshake.
    pub(crate) certificate: Option<Vec<u8>>,
    /// How long a body may rest.
    pub(crate) piece: Duration,
}

impl AtDoor {
    /// Who speaks. A proxy speaks for others: what it proved of itself is not what they did.
    fn peer(&self, endpoint: &Endpoint, request: &mut Request) -> Result<Peer, Problem> {
        let handed_on = take_certificate(request.headers_mut(), &endpoint.proxies, self.from);
        let handed_on = handed_on.map_err(|_| unreadable())?;
        let certificate = if endpoint.is_behind(self.from) { handed_on } else { self.certificate.clone() };
        Ok(Peer { address: self.from, certificate })
    }
}

impl Service<hyper::Request<Incoming>> for AtDoor {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        let endpoint = self.door.endpoint.load_full();
        let mut request = request.map(|body| Body::new(Paced::new(body, self.piece)));
        match self.peer(&endpoint, &mut request) {
            Ok(peer) => drop(request.extensions_mut().insert(peer)),
            Err(problem) => return Box::pin(async { Ok(problem.into_response()) }),
        }
        let answer = TowerToHyperService::new(endpoint.routes.clone()).call(request);
        Box::pin(answer)
    }
}

fn unreadable() -> Problem {
    Problem::malformed(
        "The proxy's header with the client certificate cannot be read: it takes one certificate, as PEM with percent signs \
         (nginx: $ssl_client_escaped_cert) or as base64 of its DER (RFC 9440).",
        "Der Header des Proxys mit dem Client-Zertifikat ist nicht lesbar: ein Zertifikat, als PEM mit Prozentzeichen \
         (nginx: $ssl_client_escaped_cert) oder als Base64 seines DER (RFC 9440).",
    )
}
