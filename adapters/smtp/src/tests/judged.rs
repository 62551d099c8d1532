//! What becomes of a delivery when the server refuses or is not believed.

use super::configure;
use super::peer::{Exim, Way, is_there};
use rohrpost_kit::conformance::{Peer, Sample};
use rohrpost_model::ports::{Finding, Probe, Target};
use rohrpost_model::{Failure, Reason, ReasonCode};
use std::net::TcpListener;

async fn failed(target: &dyn Target) -> Failure {
    target.deliver(&Sample::new().parcel(1)).await.unwrap_err()
}

fn refused(failure: Failure) -> Reason {
    let Failure::Refused(reason) = failure else { panic!("{failure:?}") };
    reason
}

fn unavailable(failure: Failure) -> Reason {
    let Failure::Unavailable { reason, .. } = failure else { panic!("{failure:?}") };
    reason
}

#[tokio::test]
async fn one_recipient_who_is_refused_is_all_refused() {
    if !is_there() {
        return;
    }
    let exim = Exim::start(Way::Relayed, false).await;
    let settings =
        exim.settings("").replace("bauamt@example.org\"", "bauamt@example.org\", \"nobody@example.org\"");
    let reason = refused(failed(configure(&settings).unwrap().as_ref()).await);
    assert_eq!((reason.code, reason.params["status"].as_str()), (ReasonCode::TargetRefused, "550"));
    assert_eq!(exim.takes().await, 0);
}

#[tokio::test]
async fn what_the_server_answers_decides() {
    if !is_there() {
        return;
    }
    let exim = Exim::start(Way::StartTls, false).await;
    exim.wants("busy");
    let reason = unavailable(failed(exim.target().as_ref()).await);
    assert_eq!((reason.code, reason.params["status"].as_str()), (ReasonCode::TargetBusy, "451"));
    exim.wants("no-sender");
    assert_eq!(refused(failed(exim.target().as_ref()).await).params["status"], "550");
    let wrong = configure(&exim.settings("").replace("PASSWORD", "WRONG")).unwrap();
    let reason = refused(failed(wrong.as_ref()).await);
    assert_eq!((reason.code, reason.params["status"].as_str()), (ReasonCode::CredentialsRefused, "535"));
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_is_not_believed_or_has_no_tls() {
    if !is_there() {
        return;
    }
    let exim = Exim::start(Way::StartTls, true).await;
    let stranger = configure(&exim.settings("").replace("server.pem", "other.pem")).unwrap();
    assert_eq!(unavailable(failed(stranger.as_ref()).await).code, ReasonCode::Unreachable);
    // A server that offers no STARTTLS, or somebody on the way who took it out of its answer.
    let port = bare_server();
    let bare = configure(&exim.settings("").replace("port = ", &format!("port = {port} # "))).unwrap();
    let reason = refused(failed(bare.as_ref()).await);
    assert_eq!((reason.code, reason.params["status"].as_str()), (ReasonCode::TargetRefused, "no-starttls"));
    let mut probe = Probe::default();
    bare.probe(&mut probe).await;
    let tls = probe.steps().iter().find(|step| step.word == "tls").unwrap();
    let Finding::Fails { advice, .. } = &tls.finding else { panic!("{tls:?}") };
    assert!(advice.german.contains("kein STARTTLS"), "{advice:?}");
    // In clear a log-in is not even offered; then nothing goes on without it.
    let clear = exim.settings("").replace("\"starttls\"", "\"none\"");
    let reason = refused(failed(configure(&clear).unwrap().as_ref()).await);
    assert_eq!(
        (reason.code, reason.params["status"].as_str()),
        (ReasonCode::CredentialsRefused, "no-common-mechanism")
    );
}

/// Greets, and knows EHLO and nothing else.
fn bare_server() -> u16 {
    use std::io::{BufRead, BufReader, Write};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"220 peer.test ESMTP\r\n");
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while let Some(Ok(line)) = lines.next() {
                assert!(line.starts_with("EHLO ") || line == "QUIT", "{line}");
                let _ = stream.write_all(b"250 peer.test\r\n");
            }
        }
    });
    port
}

#[tokio::test]
async fn where_nobody_listens_it_is_tried_again() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = format!(
        "[smtp]\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nfrom = \"hub@example.org\"\nto = [\"a@example.org\"]\n"
    );
    assert_eq!(
        unavailable(failed(configure(&settings).unwrap().as_ref()).await).code,
        ReasonCode::Unreachable
    );
}
