//! Client certificates in the handshake.

use super::papers::{EXPIRED, HOLDS, LATER, Paper, Purpose};
use super::{Served, ask, beside, proxy, told};
use crate::{ClientCertificates, Endpoint, TlsIdentity};
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode, SslVersion};
use std::net::SocketAddr;

/// The certificate of a listener that asks for those of `anchor`.
fn identity(anchor: &Paper, required: bool) -> TlsIdentity {
    let own = Paper::anchor("hub");
    let clients = ClientCertificates { anchors: &anchor.pem(), required };
    TlsIdentity::for_clients(&own.pem(), &own.key_pem(), Some(&clients)).unwrap()
}

/// What a peer with these papers is told to be; `Err` where it is not let in.
fn shake(address: SocketAddr, papers: &[Paper], newest: SslVersion) -> Result<String, String> {
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    connector.set_max_proto_version(Some(newest)).unwrap();
    if let Some((own, chain)) = papers.split_first() {
        connector.set_certificate(&own.certificate).unwrap();
        connector.set_private_key(&own.key).unwrap();
        chain.iter().for_each(|paper| connector.add_extra_chain_cert(paper.certificate.clone()).unwrap());
    }
    let stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    let mut tls = connector.build().connect("localhost", stream).map_err(|fault| fault.to_string())?;
    let first = ask(&mut tls, "/who", &[])?;
    // The second request on the connection is of the same peer.
    assert_eq!(ask(&mut tls, "/who", &[]).unwrap(), first);
    Ok(first.1)
}

async fn shaken(served: &Served, papers: &[Paper]) -> Result<String, String> {
    let (address, papers) = (served.address, papers.to_vec());
    beside(move || {
        let old = shake(address, &papers, SslVersion::TLS1_2);
        let new = shake(address, &papers, SslVersion::TLS1_3);
        assert_eq!(old.is_ok(), new.is_ok(), "TLS 1.2 {old:?}, 1.3 {new:?}");
        assert!(new.is_err() || new == old);
        new
    })
    .await
}

fn told_of(paper: &Paper) -> Result<String, String> {
    Ok(told("127.0.0.1", Some(&paper.der()), false))
}

#[tokio::test]
async fn a_certificate_of_the_own_ca_is_told_and_one_of_another_is_refused() {
    let (own, foreign) = (Paper::anchor("CA"), Paper::anchor("another CA"));
    // The same name, and another key: only the signature tells them apart.
    let namesake = Paper::anchor("CA");
    let client = own.issue("portal", Purpose::Client, HOLDS);
    for required in [true, false] {
        let served = Served::tls(identity(&own, required), Vec::new()).await;
        assert_eq!(shaken(&served, std::slice::from_ref(&client)).await, told_of(&client));
        for (what, paper) in [
            ("a foreign CA's", foreign.issue("portal", Purpose::Client, HOLDS)),
            ("a bad signature", namesake.issue("portal", Purpose::Client, HOLDS)),
            ("one that vouches for itself", Paper::anchor("portal")),
            ("a server's", own.issue("portal", Purpose::Server, HOLDS)),
        ] {
            let let_in = shaken(&served, &[paper]).await;
            assert!(let_in.is_err(), "{what} was let in: {let_in:?}");
        }
    }
}

#[tokio::test]
async fn without_a_certificate_only_an_optional_listener_is_entered() {
    let own = Paper::anchor("CA");
    let required = Served::tls(identity(&own, true), Vec::new()).await;
    assert!(shaken(&required, &[]).await.is_err());
    let optional = Served::tls(identity(&own, false), Vec::new()).await;
    assert_eq!(shaken(&optional, &[]).await, Ok(told("127.0.0.1", None, false)));
    let never = Paper::anchor("hub");
    let never = TlsIdentity::from_pem(&never.pem(), &never.key_pem()).unwrap();
    let never = Served::tls(never, Vec::new()).await;
    let client = own.issue("portal", Purpose::Client, HOLDS);
    assert_eq!(shaken(&never, &[client]).await, Ok(told("127.0.0.1", None, false)), "nobody asked for one");
}

#[tokio::test]
async fn a_certificate_out_of_its_time_reaches_the_endpoint() {
    let own = Paper::anchor("CA");
    let between = own.issue("CA below", Purpose::Issuer, HOLDS);
    let served = Served::tls(identity(&own, true), Vec::new()).await;
    for span in [EXPIRED, LATER] {
        let direct = own.issue("portal", Purpose::Client, span);
        assert_eq!(shaken(&served, std::slice::from_ref(&direct)).await, told_of(&direct));
        let below = between.issue("portal", Purpose::Client, span);
        assert_eq!(shaken(&served, &[below.clone(), between.clone()]).await, told_of(&below));
    }
}

/// The dates are looked at first, so that "expired" says nothing of what comes after.
#[tokio::test]
async fn out_of_its_time_a_certificate_must_be_right_in_all_else() {
    let (own, foreign, namesake) = (Paper::anchor("CA"), Paper::anchor("another CA"), Paper::anchor("CA"));
    let served = Served::tls(identity(&own, false), Vec::new()).await;
    for span in [EXPIRED, LATER] {
        for (what, paper) in [
            ("a foreign CA's", foreign.issue("portal", Purpose::Client, span)),
            ("a bad signature", namesake.issue("portal", Purpose::Client, span)),
            ("a server's", own.issue("portal", Purpose::Server, span)),
        ] {
            let let_in = shaken(&served, &[paper]).await;
            assert!(let_in.is_err(), "{what} was let in: {let_in:?}");
        }
        let gone = own.issue("CA below", Purpose::Issuer, span);
        let client = gone.issue("portal", Purpose::Client, HOLDS);
        assert!(shaken(&served, &[client, gone]).await.is_err(), "the CA between is out of its time");
    }
}

#[tokio::test]
async fn other_anchors_hold_from_the_next_connection_on() {
    let (own, other) = (Paper::anchor("CA"), Paper::anchor("another CA"));
    let served = Served::tls(identity(&own, true), Vec::new()).await;
    let (before, after) =
        (own.issue("portal", Purpose::Client, HOLDS), other.issue("portal", Purpose::Client, HOLDS));
    assert_eq!(shaken(&served, std::slice::from_ref(&before)).await, told_of(&before));
    served.door.adopt(Endpoint::new(super::echoing(), Vec::new()), Some(&identity(&other, true)));
    assert_eq!(shaken(&served, std::slice::from_ref(&after)).await, told_of(&after));
    assert!(shaken(&served, &[before]).await.is_err(), "its CA is no anchor any more");
}

#[tokio::test]
async fn what_a_proxy_proves_of_itself_is_not_its_callers() {
    let own = Paper::anchor("CA");
    let served = Served::tls(identity(&own, true), vec![proxy("127.0.0.1", "X-Client-Cert")]).await;
    let itself = own.issue("proxy", Purpose::Client, HOLDS);
    assert_eq!(shaken(&served, &[itself]).await, Ok(told("127.0.0.1", None, false)));
}

#[test]
fn anchors_that_are_none_are_told() {
    let own = Paper::anchor("hub");
    let with = |anchors: &[u8]| {
        let clients = ClientCertificates { anchors, required: true };
        TlsIdentity::for_clients(&own.pem(), &own.key_pem(), Some(&clients))
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    assert!(with(b"nonsense").contains("no certificate among the anchors"), "{}", with(b"nonsense"));
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(with(broken).contains("cannot be used"), "{}", with(broken));
}
