//! TLS with RabbitMQ, and a log-in by certificate.

use super::{Other, rabbit::Rabbit, target};
use rohrpost_kit::conformance::Sample;
use rohrpost_model::ports::Probe;
use rohrpost_model::{Failure, Outcome};
use std::path::Path;
use std::process::Command;

/// The user is called like the certificate; nobody may come without one.
const CONFIGURATION: &str = "default_user = hub\ndefault_pass = geheim-4711\nloopback_users = none\n\
    listeners.ssl.1 = 127.0.0.1:{tls}\n\
    ssl_options.cacertfile = {home}/ca.pem\nssl_options.certfile = {home}/localhost.pem\n\
    ssl_options.keyfile = {home}/localhost.key\nssl_options.verify = verify_peer\n\
    ssl_options.fail_if_no_peer_cert = true\nssl_cert_login_from = common_name\n\
    auth_mechanisms.1 = EXTERNAL\nauth_mechanisms.2 = PLAIN\n";

fn openssl(folder: &Path, arguments: &str) {
    let done = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// An authority, and certificates of it for a server and a client.
fn certificates(folder: &Path) {
    openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Pruef-CA -days 30 -addext basicConstraints=critical,CA:TRUE",
    );
    for name in ["localhost", "hub"] {
        std::fs::write(folder.join("names"), format!("subjectAltName=DNS:{name}\n")).unwrap();
        openssl(
            folder,
            &format!("req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"),
        );
        openssl(
            folder,
            &format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile names -out {name}.pem"
            ),
        );
    }
}

#[tokio::test]
async fn over_tls_the_clients_certificate_is_its_log_in() {
    let (pki, free) = (tempfile::tempdir().unwrap(), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let port = free.local_addr().unwrap().port();
    drop(free);
    certificates(pki.path());
    let folder = pki.path().display().to_string();
    let configuration = CONFIGURATION.replace("{home}", &folder).replace("{tls}", &port.to_string());
    let Some(rabbit) = Rabbit::start_with(&configuration, "rabbitmq_auth_mechanism_ssl") else { return };
    let other = Other::at(rabbit.port()).await;
    other.queue("eingang").await;
    let to = |host: &str, certificate: &str| {
        target(&format!(
            "[amqp]\nurl = \"amqps://{host}:{port}\"\nexchange = \"\"\nrouting-key = \"eingang\"\n\
             [amqp.tls]\nca = [\"{folder}/ca.pem\"]\nsystem-ca = false\n\
             client-certificate = \"{folder}/{certificate}.pem\"\nclient-key = {{ file = \"{folder}/{certificate}.key\" }}\n"
        ))
        .unwrap()
    };
    let sample = Sample::new();
    let outcome = to("localhost", "hub").deliver(&sample.parcel(1)).await;
    assert!(matches!(outcome, Ok(Outcome::Done(_))), "{outcome:?}");
    assert_eq!(other.get("eingang").await.unwrap().data, sample.message);
    let mut probe = Probe::default();
    to("localhost", "hub").probe(&mut probe).await;
    assert!(probe.is_well(), "{probe:?}");
    // The server's certificate is for another name.
    let wrong = to("127.0.0.1", "hub").deliver(&sample.parcel(2)).await;
    assert!(matches!(wrong, Err(Failure::Unavailable { .. })), "{wrong:?}");
    // A certificate whose name is no user's.
    let nobody = to("localhost", "localhost").deliver(&sample.parcel(2)).await;
    assert!(matches!(nobody, Err(Failure::Refused(_))), "{nobody:?}");
    assert!(other.get("eingang").await.is_none());
}
