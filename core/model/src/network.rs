//! Addresses of machines that are named together.

use serde::Deserialize;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// One address (`10.0.0.7`), or those that begin alike (`10.0.0.0/24`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    first: IpAddr,
    /// At least 1: whoever names all addresses names none.
    prefix: u32,
}

/// The text is no network; the message says what would be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadNetwork(String);

impl Network {
    /// Whether the address lies in it. One of IPv4 that came through a socket of IPv6 is what it is.
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(other)) => {
                (u32::from(first) ^ u32::from(other)) >> (32 - self.prefix) == 0
            }
            (IpAddr::V6(first), IpAddr::V6(other)) => {
                (u128::from(first) ^ u128::from(other)) >> (128 - self.prefix) == 0
            }
            _ => false,
        }
    }

    /// Whether an address lies in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.holds(other.first) || other.holds(self.first)
    }

    /// The same without what lies behind the prefix.
    fn rounded(self) -> IpAddr {
        match self.first {
            IpAddr::V4(first) => IpAddr::V4((u32::from(first) & (u32::MAX << (32 - self.prefix))).into()),
            IpAddr::V6(first) => IpAddr::V6((u128::from(first) & (u128::MAX << (128 - self.prefix))).into()),
        }
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let form = || BadNetwork(format!("`{text}` is no address (10.0.0.7) and no network (10.0.0.0/24)"));
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let first = address.parse::<IpAddr>().map_err(|_| form())?.to_canonical();
        let whole = if first.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(whole), |prefix| prefix.parse().map_err(|_| form()))?;
        if prefix == 0 || prefix > whole {
            return Err(BadNetwork(format!("the prefix of `{text}` lies from 1 to {whole}")));
        }
        let network = Self { first, prefix };
        if network.rounded() != first {
            let meant = Self { first: network.rounded(), prefix };
            return Err(BadNetwork(format!("`{text}` does not begin a network; write `{meant}`")));
        }
        Ok(network)
    }
}

impl TryFrom<String> for Network {
    type Error = BadNetwork;

    fn try_from(text: String) -> Result<Self, BadNetwork> {
        text.parse()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.first.is_ipv4() { 32 } else { 128 };
        write!(f, "{}", self.first)?;
        if self.prefix < whole { write!(f, "/{}", self.prefix) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_what_begins_alike() {
        let network = |text: &str| text.parse::<Network>().unwrap();
        let holds = |text: &str, address: &str| network(text).holds(address.parse().unwrap());
        assert!(holds("10.0.0.7", "10.0.0.7") && !holds("10.0.0.7", "10.0.0.6"));
        assert!(holds("10.0.0.0/24", "10.0.0.255") && !holds("10.0.0.0/24", "10.0.1.0"));
        assert!(holds("128.0.0.0/1", "255.1.2.3") && !holds("128.0.0.0/1", "127.1.2.3"));
        assert!(holds("10.0.0.7", "::ffff:10.0.0.7"), "IPv4 through a socket of IPv6");
        assert!(
            holds("fd00::/8", "fd12::1") && !holds("fd00::/8", "fe00::1") && !holds("fd00::/8", "10.0.0.7")
        );
        assert!(network("10.0.0.0/8").overlaps(&network("10.9.0.0/16")));
        assert!(!network("10.0.0.0/16").overlaps(&network("10.1.0.0/16")));
        let wrong = |text: &str| text.parse::<Network>().unwrap_err().to_string();
        assert!(wrong("10.0.0.7/24").contains("write `10.0.0.0/24`"), "{}", wrong("10.0.0.7/24"));
        for text in ["0.0.0.0/0", "::/0", "10.0.0.0/33"] {
            assert!(wrong(text).contains("the prefix of"), "{text}: {}", wrong(text));
        }
        for text in ["proxy.example.org", "", "10.0.0.0/x", "10.0.0"] {
            assert!(wrong(text).contains("no address (10.0.0.7)"), "{text}: {}", wrong(text));
        }
    }
}
