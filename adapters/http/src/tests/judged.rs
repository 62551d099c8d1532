//! What answers, and missing answers, are taken for.

use super::{Scripted, target};
use rohrpost_kit::conformance::Sample;
use rohrpost_model::ports::Target;
use rohrpost_model::{Failure, Outcome};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const PLAIN: &str = "[http]\nurl = \"http://127.0.0.1:{port}/in\"\n";
const WITH_REFERENCE: &str = "[http]\nurl = \"http://127.0.0.1:{port}/in\"\nanswer = { reference = { json-pointer = \"/id\" } }\n\
     [http.connection]\nanswer-limit = \"1 KB\"\n";

async fn deliver(target: &Arc<dyn Target>) -> Result<Outcome, Failure> {
    target.deliver(&Sample::new().parcel(1)).await
}

/// In one word: what came of it, its code, and the reference or the wait.
async fn judged(settings: &str, answer: &str) -> String {
    let server = Scripted::answering(answer).await;
    told(deliver(&target(server.address, settings)).await)
}

fn told(outcome: Result<Outcome, Failure>) -> String {
    match outcome {
        Ok(Outcome::Done(receipt)) => {
            assert!(receipt.at.is_some());
            format!("done {} {}", receipt.code.unwrap_or_default(), receipt.reference.unwrap_or_default())
        }
        Ok(accepted) => format!("{accepted:?}"),
        Err(Failure::Unavailable { reason, retry_after }) => {
            format!("unavailable {:?} {}", reason.code, retry_after.unwrap_or_default().as_secs())
        }
        Err(Failure::Refused(reason)) => format!("refused {:?}", reason.code),
        Err(Failure::Unknown(reason)) => format!("unknown {:?}", reason.code),
        Err(Failure::Defect(reason)) => format!("defect {:?}", reason.code),
    }
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn h5_statuses_are_judged_by_their_consequence() {
    for (status, headers, expected) in [
        ("200", "", "done 200 "),
        ("201", "", "done 201 "),
        ("204", "", "done 204 "),
        ("301", "Location: http://127.0.0.1:1/x\r\n", "refused UnexpectedAnswer"),
        ("307", "Location: http://127.0.0.1:1/x\r\n", "refused UnexpectedAnswer"),
        ("400", "", "refused TargetRefused"),
        ("401", "", "refused CredentialsRefused"),
        ("403", "", "refused CredentialsRefused"),
        ("404", "", "refused TargetRefused"),
        ("408", "", "unavailable TargetBusy 0"),
        ("409", "", "refused TargetRefused"),
        ("413", "", "refused TargetRefused"),
        ("425", "", "unavailable TargetBusy 0"),
        ("429", "Retry-After: 120\r\n", "unavailable TargetBusy 120"),
        ("429", "Retry-After: 999999999\r\n", "unavailable TargetBusy 86400"),
        ("500", "", "unknown UnexpectedAnswer"),
        ("501", "", "refused TargetRefused"),
        ("502", "", "unknown UnexpectedAnswer"),
        ("503", "", "unavailable TargetBusy 0"),
        ("503", "Retry-After: Tue, 24 Nov 2026 08:31:30 GMT\r\n", "unavailable TargetBusy 90"),
        ("503", "Retry-After: Tue, 24 Nov 2020 08:31:30 GMT\r\n", "unavailable TargetBusy 0"),
        ("503", "Retry-After: soon\r\n", "unavailable TargetBusy 0"),
        ("504", "", "unknown UnexpectedAnswer"),
    ] {
        assert_eq!(judged(PLAIN, &http(status, headers, "")).await, expected, "{status} {headers}");
    }
}

#[tokio::test]
async fn a_destination_may_know_better_what_its_statuses_mean() {
    let settings = format!(
        "{PLAIN}[http.status]\n\"409\" = \"done\"\n\"5xx\" = \"unavailable\"\n\"501\" = \"unknown\"\n"
    );
    for (status, expected) in [
        ("409", "done 409 "),
        ("500", "unavailable TargetBusy 0"),
        ("501", "unknown UnexpectedAnswer"),
        ("410", "refused TargetRefused"),
    ] {
        assert_eq!(judged(&settings, &http(status, "", "")).await, expected);
    }
}

#[tokio::test]
async fn h5_a_success_without_its_reference_is_unknown() {
    for (answer, expected) in [
        (http("201", "", r#"{"id":4711}"#), "done 201 4711"),
        (http("201", "", r#"{"id":" A-1 "}"#), "done 201 A-1"),
        (http("201", "", r#"{"nr":4711}"#), "unknown UnexpectedAnswer"),
        (http("201", "", r#"{"id":null}"#), "unknown UnexpectedAnswer"),
        (http("201", "", "<html>"), "unknown UnexpectedAnswer"),
        (http("204", "", ""), "unknown UnexpectedAnswer"),
        (
            http("201", "", &format!("{{\"x\":\"{}\",\"id\":1}}", "x".repeat(2000))),
            "unknown UnexpectedAnswer",
        ),
    ] {
        assert_eq!(judged(WITH_REFERENCE, &answer).await, expected, "{answer}");
    }
    let large = http("200", "", &"x".repeat(2000));
    let limited = format!("{PLAIN}[http.connection]\nanswer-limit = \"1 KB\"\n");
    assert_eq!(judged(&limited, &large).await, "done 200 ", "nobody wanted to read it");
}

#[tokio::test]
async fn h5_what_breaks_after_a_connection_is_unknown() {
    for answer in [
        "",
        "HTTP/1.1 2",
        "nonsense\r\n\r\n",
        "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{\"id\"",
        "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"id\"",
    ] {
        assert_eq!(judged(PLAIN, answer).await, "unknown Torn", "{answer}");
    }
    let refused = "HTTP/1.1 422 X\r\nContent-Length: 100\r\n\r\n{\"id\"";
    assert_eq!(judged(PLAIN, refused).await, "refused TargetRefused", "the status said it");
}

#[tokio::test]
async fn h5_closing_before_the_request_is_read_is_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = target(listener.local_addr().unwrap(), PLAIN);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            drop(socket);
        }
    });
    assert_eq!(told(deliver(&target).await), "unknown Torn");
}

#[tokio::test]
async fn without_a_connection_it_is_surely_not_taken() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(told(deliver(&target(address, PLAIN)).await), "unavailable Unreachable 0");
    let unknown = "[http]\nurl = \"https://gibt-es-nicht.invalid/\"\n";
    assert_eq!(told(deliver(&target(address, unknown)).await), "unavailable Unreachable 0");
    // A server that speaks no TLS.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tls = target(listener.local_addr().unwrap(), "[http]\nurl = \"https://127.0.0.1:{port}/\"\n");
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 400 X\r\n\r\n").await.unwrap();
    });
    assert_eq!(told(deliver(&tls).await), "unavailable Unreachable 0");
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_a_connect_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings =
        "[http]\nurl = \"https://127.0.0.1:{port}/\"\n[http.connection]\nconnect-timeout = \"50ms\"\n";
    let target = target(listener.local_addr().unwrap(), settings);
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        let _ = socket.read_to_end(&mut all).await;
    });
    assert_eq!(told(deliver(&target).await), "unavailable ConnectTimeout 0");
}

#[tokio::test]
async fn a_target_that_hangs_is_given_up_by_dropping() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = target(listener.local_addr().unwrap(), PLAIN);
    let accepted = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        socket.read_to_end(&mut all).await.unwrap_or_default();
    });
    let hung = tokio::time::timeout(Duration::from_millis(100), deliver(&target)).await;
    assert!(hung.is_err(), "{hung:?}");
    // The dropped future closes the connection.
    accepted.await.unwrap();
}
