//! What leaves the house, and where it goes.

use super::peer::Portal;
use super::{KEY, NEXT, configure, hmac, target};
use crate::signature::Signer;
use rohrpost_kit::conformance::Sample;
use rohrpost_model::ports::{HIDDEN, Inquiry, Probe, Sends, Target};
use rohrpost_model::submission::{Part, ReplyChannel, Role};
use rohrpost_model::{DeliveryId, Digest, Failure, Outcome, ReasonCode};
use secrecy::SecretString;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const FIXED: &str = "[callback]\nurl = \"http://{address}/r\"\nkey = { file = \"key\" }\nnext-key = { file = \"next\" }\n\
                     [callback.connection]\nallow-addresses = [\"127.0.0.0/8\"]\n";
const ANYWHERE: &str = "[callback]\nurl-from-submission = true\nallow = [\"portal.example.org\", \"127.0.0.1:1\"]\n\
                        key = { file = \"key\" }\n";

/// The submission's own attachments, of which the portal is told.
fn with_parts(mut sample: Sample, count: u32) -> Sample {
    let part = |number| Part {
        number,
        role: if number == 0 { Role::Data } else { Role::Attachment },
        name: None,
        media_type: "application/pdf".into(),
        size: 1,
        sha256: Digest::of(b"a"),
        location: None,
    };
    sample.submission.parts = (0..=count).map(part).collect();
    sample
}

fn replying_to(url: &str) -> Sample {
    let mut sample = Sample::new();
    sample.submission.reply = Some(ReplyChannel::Callback { url: url.parse().unwrap() });
    sample
}

async fn failure(target: &Arc<dyn Target>, sample: &Sample) -> String {
    match target.deliver(&sample.parcel(1)).await {
        Err(Failure::Defect(reason)) => {
            format!("defect {:?} {}", reason.code, reason.params.get("field").map_or("", String::as_str))
        }
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn a_call_is_the_message_with_what_the_portal_needs_to_know() {
    let portal = Portal::new(false).await;
    let sample = with_parts(Sample::new().with_attachment(Some("Bescheid.pdf"), 5), 2);
    let outcome = target(portal.address, FIXED).deliver(&sample.parcel(3)).await;
    let Ok(Outcome::Done(receipt)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((receipt.code.as_deref(), receipt.reference), (Some("204"), None));
    let calls = portal.calls();
    let [call] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!((call.line.as_str(), call.body.as_slice()), ("POST /r HTTP/1.1", &*sample.message));
    for (name, value) in [
        ("content-type", "application/xml".to_owned()),
        ("rohrpost-delivery", sample.key.to_string()),
        ("rohrpost-submission", sample.submission.id.to_string()),
        ("rohrpost-tenant", "lk-beispiel".into()),
        ("rohrpost-case", "2026:BR-4711".into()),
        ("rohrpost-kind", "application".into()),
        ("rohrpost-attachments", "2".into()),
        ("rohrpost-timestamp", "1795509000".into()),
    ] {
        assert_eq!(call.headers.get(name), Some(&value), "{name}");
    }
}

/// Made by `printf '1795509000.07070707-0707-0707-0707-070707070707.{"kind":"notice"}' | openssl dgst -sha256 -hmac KEY`.
#[test]
fn the_signature_is_the_one_that_others_compute() {
    const EXPECTED: &str = "58715504a8f806f90d0752d3b5ae555c62cc85d46f3b2c200dc78dc6c4d31887";
    const EXPECTED_NEXT: &str = "f5df5b45f434dcde8b43207e2213df775fd9dd7470d5d3f0327c7d6613e9a342";
    let delivery = DeliveryId::from_bytes([7; 16]);
    let sign = |keys: &[&str]| {
        let keys: Vec<SecretString> = keys.iter().map(|key| (*key).into()).collect();
        Signer::new(&keys).sign(1_795_509_000, delivery, br#"{"kind":"notice"}"#)
    };
    assert_eq!(sign(&[KEY]), format!("v1={EXPECTED}"));
    assert_eq!(sign(&[KEY, NEXT]), format!("v1={EXPECTED},v1={EXPECTED_NEXT}"), "while keys are changed");
    let head = format!("1795509000.{delivery}.");
    assert_eq!(hmac(KEY, &[head.as_bytes(), br#"{"kind":"notice"}"#]), EXPECTED);
}

#[tokio::test]
async fn what_has_no_place_in_a_call_is_a_defect_and_nothing_is_sent() {
    let portal = Portal::new(false).await;
    let target = target(portal.address, FIXED);
    assert!(!target.takes_enclosed());
    for (sample, field) in
        [(Sample::new().with_signature(), "signature"), (Sample::new().with_document("index"), "documents")]
    {
        assert_eq!(failure(&target, &sample).await, format!("defect AdapterConfiguration {field}"));
    }
    assert!(portal.calls().is_empty());
}

#[tokio::test]
async fn a_submission_says_where_to_only_among_the_hosts_that_are_allowed() {
    let target = configure(ANYWHERE).unwrap();
    for url in ["https://portal.example.org.evil.example/", "https://127.0.0.1/", "https://10.0.0.1/"] {
        assert_eq!(failure(&target, &replying_to(url)).await, "defect AddressForbidden allow", "{url}");
    }
    // The host is allowed, but it lies on this machine.
    let told = failure(&target, &replying_to("https://127.0.0.1:1/")).await;
    assert_eq!(told, "defect AddressForbidden allow-addresses");
    assert_eq!(failure(&target, &Sample::new()).await, "defect NoCallback ");
    let mut in_box = Sample::new();
    in_box.submission.reply = Some(ReplyChannel::PostBox { system: "portal".into(), handle: "h".into() });
    assert_eq!(failure(&target, &in_box).await, "defect NoCallback ");
}

#[tokio::test]
async fn a_preview_shows_the_submissions_address_and_hides_the_signature() {
    let sample = replying_to("https://portal.example.org/erika?fall=4711");
    let preview = configure(ANYWHERE).unwrap().preview(&sample.parcel(1)).await.unwrap().unwrap();
    let Sends::Request { url, headers, .. } = preview.sends else { panic!("{preview:?}") };
    assert_eq!(url, "https://portal.example.org/erika?fall=4711");
    assert!(headers.contains(&("rohrpost-signature".into(), HIDDEN.into())), "{headers:?}");
    assert!(headers.contains(&("rohrpost-timestamp".into(), "1795509000".into())), "{headers:?}");
}

/// In one word what came of a call to a portal that answers so.
async fn judged(settings: &str, answer: &'static str) -> &'static str {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.read(&mut [0; 8192]).await;
        let _ = socket.write_all(answer.as_bytes()).await;
    });
    match target(address, settings).deliver(&Sample::new().parcel(1)).await {
        Ok(_) => "done",
        Err(Failure::Unavailable { .. }) => "unavailable",
        Err(Failure::Refused(_)) => "refused",
        Err(Failure::Unknown(_)) => "unknown",
        Err(Failure::Defect(_)) => "defect",
    }
}

#[tokio::test]
async fn h5_answers_are_judged_by_their_consequence() {
    let gone = format!("{FIXED}[callback.status]\n\"410\" = \"done\"\n");
    for (settings, answer, expected) in [
        (FIXED, "HTTP/1.1 200 X\r\nContent-Length: 1\r\n\r\nx", "done"),
        (FIXED, "HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nx", "unknown"),
        (FIXED, "HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "refused"),
        (FIXED, "HTTP/1.1 410 X\r\nContent-Length: 0\r\n\r\n", "refused"),
        (gone.as_str(), "HTTP/1.1 410 X\r\nContent-Length: 0\r\n\r\n", "done"),
        (FIXED, "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", "unknown"),
        (FIXED, "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", "unavailable"),
        (FIXED, "", "unknown"),
    ] {
        assert_eq!(judged(settings, answer).await, expected, "{answer}");
    }
}

#[tokio::test]
async fn no_call_reaches_this_machine_or_its_networks_unless_that_is_said() {
    let portal = Portal::new(false).await;
    let by_name = FIXED.replace("{address}", &format!("localhost:{}", portal.address.port()));
    let without = by_name.split("[callback.connection]").next().unwrap();
    let outcome = configure(without).unwrap().deliver(&Sample::new().parcel(1)).await;
    let Err(Failure::Defect(reason)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(reason.code, ReasonCode::AddressForbidden);
    assert!(portal.calls().is_empty());
    configure(&by_name).unwrap().deliver(&Sample::new().parcel(1)).await.unwrap();
    assert_eq!(portal.calls().len(), 1);
}

#[tokio::test]
async fn nobody_can_be_asked_and_a_probe_calls_nobody() {
    let portal = Portal::new(false).await;
    let target = target(portal.address, FIXED);
    let sample = Sample::new();
    assert_eq!(target.inquire(&sample.parcel(1), None).await, Ok(Inquiry::NoWord));
    for (text, expected) in [
        (FIXED, ["lookup ok", "connect ok", "tls not-tried"].as_slice()),
        (ANYWHERE, ["address not-tried"].as_slice()),
    ] {
        let mut probe = Probe::default();
        super::target(portal.address, text).probe(&mut probe).await;
        let told: Vec<_> =
            probe.steps().iter().map(|step| format!("{} {}", step.word, step.finding.word())).collect();
        assert_eq!(told, expected);
        assert!(probe.is_well());
    }
    assert!(portal.calls().is_empty());
}
