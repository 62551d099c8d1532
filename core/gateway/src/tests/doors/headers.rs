//! Client certificates in a header: a named proxy's word, and nobody else's.

use super::papers::{EXPIRED, HOLDS, Paper, Purpose};
use super::{Served, ask, beside, proxy, told};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;

/// As nginx writes it: everything but letters and digits with percent signs.
fn escaped(pem: &[u8]) -> String {
    pem.iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() {
            text.push(char::from(*byte));
        } else {
            write!(text, "%{byte:02X}").unwrap();
        }
        text
    })
}

fn client() -> Paper {
    Paper::anchor("CA").issue("portal", Purpose::Client, HOLDS)
}

async fn asked(served: &Served, headers: &[(&str, &str)]) -> (u16, String) {
    let mut stream = served.connect();
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    beside(move || {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        ask(&mut stream, "/who", &headers).unwrap()
    })
    .await
}

#[tokio::test]
async fn a_proxys_header_is_taken_in_every_form() {
    let served = Served::plain(vec![proxy("127.0.0.0/8", "X-Client-Cert")]).await;
    let expired = Paper::anchor("CA").issue("portal", Purpose::Client, EXPIRED);
    for paper in [client(), expired] {
        let base64 = STANDARD.encode(paper.der());
        for value in [escaped(&paper.pem()), base64.clone(), format!(":{base64}:")] {
            let answer = asked(&served, &[("X-CLIENT-CERT", &value)]).await;
            assert_eq!(answer, (200, told("127.0.0.1", Some(&paper.der()), false)), "{value}");
        }
    }
    for headers in [&[][..], &[("X-Client-Cert", "")][..]] {
        assert_eq!(asked(&served, headers).await, (200, told("127.0.0.1", None, false)), "{headers:?}");
    }
}

#[tokio::test]
async fn a_header_from_anybody_else_is_removed_and_ignored() {
    let value = escaped(&client().pem());
    let own = [("X-Client-Cert", value.as_str())];
    let proxies = vec![proxy("10.0.0.7", "X-Client-Cert"), proxy("::1", "Client-Cert")];
    let served = Served::plain(proxies).await;
    let nobody = (200, told("127.0.0.1", None, false));
    assert_eq!(asked(&served, &own).await, nobody);
    assert_eq!(asked(&served, &[own[0], own[0], ("Client-Cert", &value)]).await, nobody);
    assert_eq!(asked(&served, &[("X-Client-Cert", "nonsense")]).await, nobody, "nobody reads it");
    // One proxy does not speak through the header of another.
    let other =
        Served::plain(vec![proxy("127.0.0.1", "Client-Cert"), proxy("10.0.0.7", "X-Client-Cert")]).await;
    assert_eq!(asked(&other, &own).await, nobody);
}

#[tokio::test]
async fn a_proxys_header_that_cannot_be_read_is_refused() {
    let served = Served::plain(vec![proxy("127.0.0.1", "X-Client-Cert")]).await;
    let good = escaped(&client().pem());
    let cut = &good[..good.len() / 2];
    let not_a_certificate = STANDARD.encode("no certificate");
    for value in ["nonsense", "%", "%4", "%zz", "::", cut, &not_a_certificate] {
        let (status, body) = asked(&served, &[("X-Client-Cert", value)]).await;
        assert_eq!(status, 400, "{value}: {body}");
        assert!(body.contains("ssl_client_escaped_cert"), "{body}");
    }
    let twice = asked(&served, &[("X-Client-Cert", &good), ("X-Client-Cert", &good)]).await;
    assert_eq!(twice.0, 400, "which of both is the proxy's?");
}
