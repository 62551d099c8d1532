//! Which addresses may be connected to: public ones only, where others than the operator say where requests go.
//!
//! A name is judged by what it resolves to, at every connection anew and by whoever connects: an answer that was good
//! a moment ago says nothing of the next one (DNS rebinding). A pooled connection stays with the address that was judged.

use super::Connection;
use crate::adapter::AdapterSource;
use async_trait::async_trait;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rohrpost_model::{Failure, Fault, Network, Reason, ReasonCode};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use url::Host;

/// The setting that names addresses beside the public ones.
const ALLOWED: &str = "allow-addresses";

/// What of 2000::/3 is no address of a machine that the public reaches: protocols and tunnels (2001::/23 with Teredo,
/// 2002::/16 is 6to4) and documentation. After the IANA IPv6 Special-Purpose Address Registry, 2025.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// The same of IPv4, after the IANA IPv4 Special-Purpose Address Registry, 2025, with multicast and what is reserved.
const SPECIAL_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8), // this network; 0.0.0.0 reaches the machine itself
    (Ipv4Addr::new(10, 0, 0, 0), 8), // private
    (Ipv4Addr::new(100, 64, 0, 0), 10), // behind a carrier's NAT
    (Ipv4Addr::new(127, 0, 0, 0), 8), // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16), // link-local; metadata of clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12), // private
    (Ipv4Addr::new(192, 0, 0, 0), 24), // protocols
    (Ipv4Addr::new(192, 0, 2, 0), 24), // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24), // relays of 6to4
    (Ipv4Addr::new(192, 168, 0, 0), 16), // private
    (Ipv4Addr::new(198, 18, 0, 0), 15), // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24), // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4), // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4), // reserved, broadcast
];

/// Whether the public reaches machines at this address. In doubt it does not: an address of IPv6 that holds one of IPv4
/// (mapped, NAT64, 6to4, Teredo) is none, because what it reaches is decided elsewhere.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let bits = u32::from(address);
            !SPECIAL_V4.iter().any(|(first, prefix)| (u32::from(*first) ^ bits) >> (32 - prefix) == 0)
        }
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            let special =
                |(first, prefix): &(Ipv6Addr, u32)| (u128::from(*first) ^ bits) >> (128 - prefix) == 0;
            bits >> 125 == 1 && !SPECIAL_V6.iter().any(special)
        }
    }
}

/// Whether it may be connected to where these networks are allowed beside the public addresses.
pub(super) fn lets_through<'n>(mut networks: impl Iterator<Item = &'n Network>, address: IpAddr) -> bool {
    is_public(address) || networks.any(|network| network.holds(address))
}

/// The address that stands in the place of a name.
pub(super) fn written(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(IpAddr::V4(address)),
        Host::Ipv6(address) => Some(IpAddr::V6(address)),
        Host::Domain(_) => None,
    }
}

/// What a name resolves to.
#[async_trait]
pub(crate) trait Lookup: Send + Sync {
    /// Asks now.
    async fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The machine's own way.
struct System;

#[async_trait]
impl Lookup for System {
    async fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

/// Why there is no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAddress {
    /// The name resolves, but to nothing that may be connected to.
    #[error("no address of it is public or stands in allow-addresses")]
    Forbidden,
    /// It does not resolve.
    #[error(transparent)]
    Unresolved(#[from] io::Error),
}

/// Lets through what may be connected to.
#[derive(Clone)]
pub(crate) struct Reach {
    /// Allowed beside the public ones.
    networks: Arc<[Network]>,
    lookup: Arc<dyn Lookup>,
}

impl Reach {
    pub(crate) fn new(networks: impl IntoIterator<Item = Network>, lookup: Arc<dyn Lookup>) -> Self {
        Self { networks: networks.into_iter().collect(), lookup }
    }

    /// `None` where a destination may connect to every address.
    pub(super) fn configure(
        settings: &Connection,
        source: &AdapterSource<'_>,
    ) -> Result<Option<Self>, Vec<Fault>> {
        let places = source.places();
        if !settings.is_public_only() {
            let useless = settings.allow_addresses.first();
            return useless.map_or(Ok(None), |network| {
                let fault = places.fault_at(network, "without public-only every address is allowed");
                Err(vec![fault.hint("leave it out, or write public-only = true")])
            });
        }
        if let Some(proxy) = &settings.proxy {
            let fault =
                places.fault_at(proxy, "behind a proxy nobody here sees the address that is connected to");
            return Err(vec![fault.hint("public-only needs a direct way: leave `proxy` out")]);
        }
        let networks = settings.allow_addresses.iter().map(|network| *network.get_ref());
        Ok(Some(Self::new(networks, Arc::new(System))))
    }

    pub(crate) fn lets_through(&self, address: IpAddr) -> bool {
        lets_through(self.networks.iter(), address)
    }

    /// Judges an address that is written as such. Names are judged when they are resolved.
    pub(crate) fn judge_written(&self, url: &Url) -> Result<(), Failure> {
        let forbids = written(url).is_some_and(|address| !self.lets_through(address));
        if forbids { Err(Failure::Defect(forbidden())) } else { Ok(()) }
    }

    /// What of a name may be connected to.
    pub(crate) async fn look_up(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, NoAddress> {
        let found = self.lookup.look_up(host, port).await?;
        let (any, mut found) = (!found.is_empty(), found);
        found.retain(|address| self.lets_through(address.ip()));
        if any && found.is_empty() { Err(NoAddress::Forbidden) } else { Ok(found) }
    }
}

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.clone();
        Box::pin(async move {
            // The port is the address's own business.
            let addresses = reach.look_up(name.as_str(), 0).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Why nothing is sent there.
pub(crate) fn forbidden() -> Reason {
    Reason::new(ReasonCode::AddressForbidden).with("field", ALLOWED)
}
