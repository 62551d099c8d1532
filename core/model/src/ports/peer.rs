use std::net::IpAddr;

/// Who speaks on a connection, as far as the transport knows. Every request that reaches an inbound endpoint carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where the connection comes from: the peer itself, or a proxy.
    pub address: IpAddr,
    /// The certificate that the peer proved to hold, DER: in the TLS handshake, or to a proxy that the listener names.
    /// A header from anybody else never gets here.
    pub certificate: Option<Vec<u8>>,
}
