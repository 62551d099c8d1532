//! The steps that the probe of every network adapter has: name lookup, connection, TLS handshake.
//!
//! An adapter plans them first and its own after them, and asks only whoever could be reached:
//!
//! ```
//! # use rohrpost_kit::probe::Endpoint;
//! # use rohrpost_model::{Timestamp, ports::{Finding, Probe, Words}};
//! # async fn probe(endpoint: &Endpoint, now: Timestamp, probe: &mut Probe) {
//! endpoint.plan(probe);
//! probe.plan("log-in", Words::new("Anmelden", "Log in"));
//! if endpoint.reach(probe, now).await {
//!     // … log in, and say what came of it:
//!     probe.end(Finding::Works(Words::new("angemeldet", "logged in")));
//! }
//! # }
//! ```

mod certificate;
mod handshake;

use crate::tls::Tls;
use rohrpost_model::ports::{Finding, Probe, Words};
use rohrpost_model::{Failure, Reason, ReasonCode, Timestamp};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
pub use url::Host;

/// The word of the step that looks the name up.
pub const LOOKUP: &str = "lookup";
/// The word of the step that connects.
pub const CONNECT: &str = "connect";
/// The word of the step that shakes hands over TLS.
pub const TLS: &str = "tls";

/// The most addresses that are told of one name.
const ADDRESSES: usize = 4;

/// Where a network adapter connects to.
pub struct Endpoint {
    host: Host,
    port: u16,
    tls: Option<Tls>,
    proxied: bool,
    patience: Duration,
}

impl Endpoint {
    /// An address that is spoken to in clear, or with an encryption that its adapter probes by itself (SSH).
    /// `patience` is the longest that lookup and connection may take together.
    pub const fn plain(host: Host, port: u16, patience: Duration) -> Self {
        Self::new(host, port, None, patience)
    }

    /// `tls` is how TLS is spoken, `None` for an address in clear; `patience` is the longest that all steps here may
    /// take together.
    pub const fn new(host: Host, port: u16, tls: Option<Tls>, patience: Duration) -> Self {
        Self { host, port, tls, proxied: false, patience }
    }

    /// A proxy, behind which the address lies.
    pub(crate) const fn of_proxy(host: Host, port: u16, patience: Duration) -> Self {
        Self { host, port, tls: None, proxied: true, patience }
    }

    /// Plans the steps.
    pub fn plan(&self, probe: &mut Probe) {
        let Self { host, port, .. } = self;
        probe
            .plan(LOOKUP, Words::new(format!("Namen auflösen: {host}"), format!("look up the name: {host}")));
        probe.plan(CONNECT, Words::new(format!("verbinden: Port {port}"), format!("connect: port {port}")));
        probe.plan(TLS, Words::new("TLS aushandeln", "shake hands over TLS"));
    }

    /// Connects as a delivery does.
    pub async fn open(&self) -> Result<TcpStream, Failure> {
        let opened = tokio::time::timeout(self.patience, async {
            let addresses = self.look_up().await.map_err(|_| io::ErrorKind::NotFound)?;
            self.connect(&addresses).await
        });
        let failed = |code| Failure::unavailable(Reason::new(code));
        match opened.await {
            Ok(Ok((stream, _))) => {
                // Questions and answers are short and wait for each other; one that cannot be told so is only slower.
                let _ = stream.set_nodelay(true);
                Ok(stream)
            }
            Ok(Err(error)) if error.kind() != io::ErrorKind::TimedOut => Err(failed(ReasonCode::Unreachable)),
            _ => Err(failed(ReasonCode::ConnectTimeout)),
        }
    }

    /// Tries the steps and ends them; whether all worked. Certificates are judged at `now`.
    pub async fn reach(&self, probe: &mut Probe, now: Timestamp) -> bool {
        self.reach_after(probe, now, |stream| std::future::ready(Ok(stream))).await
    }

    /// The same where something is said in clear before TLS begins; what goes wrong there is the finding of that step.
    pub async fn reach_after<F>(
        &self,
        probe: &mut Probe,
        now: Timestamp,
        preface: impl FnOnce(TcpStream) -> F,
    ) -> bool
    where
        F: Future<Output = Result<TcpStream, Finding>>,
    {
        let reached = tokio::time::timeout(self.patience, self.all(probe, now, preface)).await;
        reached.unwrap_or_else(|_| {
            probe.cut_off(self.patience, "connect-timeout");
            false
        })
    }

    async fn all<F>(&self, probe: &mut Probe, now: Timestamp, preface: impl FnOnce(TcpStream) -> F) -> bool
    where
        F: Future<Output = Result<TcpStream, Finding>>,
    {
        let addresses = match self.look_up().await {
            Ok(addresses) => addresses,
            Err(finding) => return ended(probe, finding),
        };
        probe.end(Finding::Works(listed(&addresses)));
        let (stream, address) = match self.connect(&addresses).await {
            Ok(connected) => connected,
            Err(error) => return ended(probe, unconnected(&error)),
        };
        probe.end(Finding::Works(Words::new(
            format!("{address} nimmt Verbindungen an"),
            format!("{address} takes connections"),
        )));
        let finding = match &self.tls {
            Some(tls) => match preface(stream).await {
                Ok(stream) => handshake::shake(tls, &self.host, stream, now).await,
                Err(finding) => finding,
            },
            None if self.proxied => Finding::NotTried(Words::new(
                "Nicht versucht: Die Verbindung geht durch einen Proxy; TLS wird erst dahinter ausgehandelt.",
                "Not tried: the connection goes through a proxy; TLS is spoken behind it.",
            )),
            None => Finding::NotTried(Words::new(
                "Nicht versucht: Zu dieser Adresse wird ohne TLS gesprochen.",
                "Not tried: this address is spoken to without TLS.",
            )),
        };
        ended(probe, finding)
    }

    async fn look_up(&self) -> Result<Vec<SocketAddr>, Finding> {
        let Host::Domain(name) = &self.host else {
            return Ok(self.literal().into_iter().collect());
        };
        match tokio::net::lookup_host((name.as_str(), self.port)).await.map(Iterator::collect::<Vec<_>>) {
            Ok(addresses) if !addresses.is_empty() => Ok(addresses),
            _ => Err(fails(Words::new(
                format!(
                    "Der Name {name} lässt sich nicht auflösen. Schreibweise in der Adresse, DNS-Eintrag und \
                     Namensserver dieses Rechners prüfen."
                ),
                format!(
                    "The name {name} cannot be resolved. Check its spelling in the address, its DNS entry and this \
                     machine's name server."
                ),
            ))),
        }
    }

    fn literal(&self) -> Option<SocketAddr> {
        match self.host {
            Host::Ipv4(address) => Some((address, self.port).into()),
            Host::Ipv6(address) => Some((address, self.port).into()),
            Host::Domain(_) => None,
        }
    }

    /// The first address that takes the connection. Each gets its share of the time, as in a delivery, so that one that
    /// is mute does not keep the next from being tried.
    async fn connect(&self, addresses: &[SocketAddr]) -> io::Result<(TcpStream, SocketAddr)> {
        let share = self.patience / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        let mut last = io::Error::from(io::ErrorKind::TimedOut);
        for address in addresses {
            match tokio::time::timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok((stream, *address)),
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(last)
    }
}

/// Ends the step; whether the next one may be tried.
fn ended(probe: &mut Probe, finding: Finding) -> bool {
    let well = !matches!(finding, Finding::Fails { .. });
    probe.end(finding);
    well
}

/// A delivery would find nobody.
fn fails(advice: Words) -> Finding {
    Finding::Fails { reason: Reason::new(ReasonCode::Unreachable), advice }
}

fn listed(addresses: &[SocketAddr]) -> Words {
    let shown: Vec<_> =
        addresses.iter().take(ADDRESSES).map(|address| address.ip().to_canonical().to_string()).collect();
    let (shown, more) = (shown.join(", "), addresses.len().saturating_sub(ADDRESSES));
    match more {
        0 => Words::new(shown.clone(), shown),
        more => Words::new(format!("{shown} und {more} weitere"), format!("{shown} and {more} more")),
    }
}

fn unconnected(error: &io::Error) -> Finding {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => fails(Words::new(
            "Die Verbindung wird abgelehnt: Der Dienst läuft nicht, der Port ist falsch, oder eine Firewall weist ab. \
             Beim Ziel nachsehen.",
            "The connection is refused: the service does not run, the port is wrong, or a firewall rejects it. Look \
             at the target.",
        )),
        io::ErrorKind::TimedOut => Finding::Fails {
            reason: Reason::new(ReasonCode::ConnectTimeout),
            advice: Words::new(
                "Niemand antwortet. Adresse, Netz und Firewalls auf dem Weg prüfen.",
                "Nobody answers. Check the address, the network and firewalls on the way.",
            ),
        },
        _ => fails(Words::new(
            format!("Keine Verbindung ({error}). Netz und Leitweg dieses Rechners prüfen."),
            format!("No connection ({error}). Check this machine's network and route."),
        )),
    }
}
