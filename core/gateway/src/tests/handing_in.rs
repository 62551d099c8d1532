//! Submissions come in, whole or not at all.

use super::house::{Answered, House, SERVICE, as_client, limits};
use crate::Settings;
use axum::body::Body;
use axum::http::{StatusCode, header};
use rohrpost_model::Digest;
use rohrpost_model::limits::Limits;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const METADATA: &str = r#"{"service":"99000000000000","area":"15091","case":"V-1"}"#;

/// One part: head lines and content.
type Part<'a> = (&'a str, &'a [u8]);

const META: Part<'static> = ("Content-Disposition: form-data; name=\"metadata\"", METADATA.as_bytes());
const DATA: Part<'static> = (
    "Content-Disposition: form-data; name=\"data\"; filename=\"x.xml\"\r\nContent-Type: application/xml; charset=UTF-8",
    b"<a>Erika Mustermann</a>",
);

fn multipart(boundary: &str, parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, content) in parts {
        body.extend_from_slice(format!("--{boundary}\r\n{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body
}

async fn post(house: &House, headers: &[(&str, &str)], body: impl Into<Body>) -> Answered {
    let mut request = as_client("POST", "portal", "/v1/submissions");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    house.send(request.body(body.into()).unwrap()).await
}

async fn hand_in(house: &House, parts: &[Part<'_>]) -> Answered {
    post(house, &[("content-type", "multipart/form-data; boundary=b")], multipart("b", parts)).await
}

/// A large attachment, full of what looks like the beginning of a boundary.
fn large() -> Vec<u8> {
    (0..700_000u32).map(|n| b"\r\n--c \r\n--x\0\xff"[(n % 13) as usize]).collect()
}

#[tokio::test]
async fn h8_what_comes_in_goes_out_byte_for_byte() {
    let house = House::new().await;
    let large = large();
    let plan: Part<'_> = (
        "Content-Disposition: form-data; name=\"attachment\"; filename=\"C:\\\\tmp\\\\Grün.pdf\"\r\nContent-Type: application/pdf",
        &large,
    );
    let page: Part<'_> =
        ("Content-Disposition: form-data; name=\"attachment\"\r\nContent-Type: text/html", b"<script>");
    let answered = hand_in(&house, &[META, plan, DATA, page]).await;
    assert_eq!(answered.status, StatusCode::ACCEPTED, "{}", answered.text());
    let answer = answered.json();
    let path = format!("/v1/submissions/{}", answer["id"].as_str().unwrap());
    assert_eq!(answered.headers[header::LOCATION], path.as_str());
    assert_eq!(
        (answer["case"].as_str(), answer["sha256"].as_str().unwrap()),
        (Some("V-1"), &*Digest::of(DATA.1).to_string())
    );
    assert!(answer["receipt"].is_string() && answer["receivedAt"].is_string());

    let data = house.get("fetcher", &format!("{path}/data")).await;
    assert_eq!(
        (&data.body[..], &data.headers[header::CONTENT_TYPE]),
        (DATA.1, &"application/xml".parse().unwrap())
    );
    let first = house.get("fetcher", &format!("{path}/attachments/1")).await;
    assert!(first.body == large);
    assert_eq!(first.headers[header::CONTENT_LENGTH], large.len().to_string().as_str());
    assert_eq!(first.headers[header::CONTENT_TYPE], "application/pdf");
    assert_eq!(
        first.headers[header::CONTENT_DISPOSITION],
        "attachment; filename=\"Gr_n.pdf\"; filename*=UTF-8''Gr%C3%BCn.pdf"
    );
    let second = house.get("fetcher", &format!("{path}/attachments/2")).await;
    assert_eq!(
        (&second.body[..], &second.headers[header::CONTENT_TYPE]),
        (&b"<script>"[..], &"application/octet-stream".parse().unwrap())
    );
    for number in ["0", "3", "-1", "x"] {
        assert_eq!(
            house.get("fetcher", &format!("{path}/attachments/{number}")).await.slug(),
            "not-found",
            "{number}"
        );
    }
}

#[tokio::test]
async fn a_body_in_single_bytes_is_read_as_one_in_large_pieces() {
    let house = House::new().await;
    let bytes = multipart("b", &[META, DATA]);
    let pieces = futures::stream::iter(bytes.into_iter().map(|byte| Ok::<_, io::Error>(vec![byte])));
    let answered =
        post(&house, &[("content-type", "multipart/form-data; boundary=b")], Body::from_stream(pieces)).await;
    assert_eq!(answered.status, StatusCode::ACCEPTED, "{}", answered.text());
}

#[tokio::test]
async fn h3_a_repetition_is_answered_the_same_whatever_its_envelope() {
    let house = House::new().await;
    let send = async |boundary: &str, content: &[u8], key: &str| {
        let content_type = format!("multipart/form-data; boundary={boundary}");
        let data = (DATA.0, content);
        post(
            &house,
            &[("content-type", &content_type), ("idempotency-key", key)],
            multipart(boundary, &[META, data]),
        )
        .await
    };
    let first = send("one", b"<a/>", "k").await;
    let again = send("another", b"<a/>", "k").await;
    assert_eq!((first.status, &first.body), (StatusCode::ACCEPTED, &again.body));
    assert_eq!((again.status, &again.headers), (first.status, &first.headers));
    assert_eq!(send("one", b"<b/>", "k").await.slug(), "other-content");
    assert_ne!(send("one", b"<a/>", "l").await.body, first.body);
    assert_eq!(send("one", b"<a/>", "with space").await.slug(), "malformed-request");
}

/// What is wrong with the parts `data` and `metadata`, or with their order.
const WRONG_DATA: [(&str, &[Part<'static>]); 15] = [
    ("malformed-multipart", &[DATA, META]),
    ("malformed-multipart", &[]),
    ("malformed-multipart", &[META, META, DATA]),
    ("no-data", &[META]),
    ("second-data", &[META, DATA, DATA]),
    ("unknown-part", &[META, ("Content-Disposition: form-data; name=\"anlage\"", b"x"), DATA]),
    ("unknown-part", &[META, ("Content-Disposition: form-data", b"x"), DATA]),
    ("media-type", &[META, ("Content-Disposition: form-data; name=\"data\"", b"<a/>")]),
    ("media-type", &[META, (HTML, b"<a/>")]),
    ("media-type", &[META, (UTF_16, b"<a/>")]),
    ("not-json", &[META, (JSON, b"{\"a\":")]),
    ("malformed-metadata", &[(META.0, b"{}"), DATA]),
    ("malformed-metadata", &[(META.0, br#"{"service":"99000000000000","area":"15091","zzz":1}"#), DATA]),
    ("unknown-area", &[(META.0, br#"{"service":"99000000000000","area":"03"}"#), DATA]),
    ("not-granted", &[(META.0, br#"{"service":"99000000000000","area":"14"}"#), DATA]),
];

const HTML: &str = "Content-Disposition: form-data; name=\"data\"\r\nContent-Type: text/html";
const UTF_16: &str =
    "Content-Disposition: form-data; name=\"data\"\r\nContent-Type: text/xml; charset=utf-16";
const JSON: &str = "Content-Disposition: form-data; name=\"data\"\r\nContent-Type: application/json";
const ATTACHMENT: &str = "Content-Disposition: form-data; name=\"attachment\"";

/// Heads of attachments that are refused.
fn wrong_attachments() -> [(&'static str, String); 5] {
    let with = |rest: &str| format!("{ATTACHMENT}{rest}");
    [
        ("bad-file-name", with("; filename=\"rechnung\u{202e}fdp.exe\"")),
        ("bad-file-name", with(&format!("; filename=\"{}\"", "x".repeat(256)))),
        ("bad-file-name", with("; filename*=UTF-8''x.pdf")),
        ("malformed-multipart", with("\r\nContent-Type: nonsense")),
        ("malformed-multipart", with(&format!("\r\nX-Filler: {}", "y".repeat(200_000)))),
    ]
}

#[tokio::test]
async fn every_wrong_envelope_is_refused_with_its_own_word() {
    let house = House::new().await;
    for (number, (word, parts)) in WRONG_DATA.into_iter().enumerate() {
        let answered = hand_in(&house, parts).await;
        assert_eq!(answered.slug(), word, "case {number}: {}", answered.text());
    }
    for (number, (word, head)) in wrong_attachments().into_iter().enumerate() {
        let answered = hand_in(&house, &[META, (&head, b"x"), DATA]).await;
        assert_eq!(answered.slug(), word, "attachment {number}: {}", answered.text());
    }
    let mut preamble = vec![b'x'; 200_000];
    preamble.extend(multipart("b", &[META, DATA]));
    let answered = post(&house, &[("content-type", "multipart/form-data; boundary=b")], preamble).await;
    assert_eq!(answered.slug(), "malformed-multipart", "{}", answered.text());
    let one: Part<'_> = (ATTACHMENT, b"x");
    assert_eq!(hand_in(&house, &[META, DATA, one, one, one, one]).await.slug(), "too-many-attachments");
    assert_eq!(house.get("viewer", "/v1/deliveries").await.json()["deliveries"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn what_is_not_well_formed_is_refused_with_its_place() {
    let house = House::new().await;
    for (content_type, data, word) in
        [("text/xml", "no angle", "not-well-formed"), ("application/json", "{\n  \"a\": }", "not-json")]
    {
        let head = format!("Content-Disposition: form-data; name=\"data\"\r\nContent-Type: {content_type}");
        let answered = hand_in(&house, &[META, (&head, data.as_bytes())]).await;
        assert_eq!(answered.slug(), word);
        assert!(answered.json()["line"].as_u64() > Some(0) && answered.json()["column"].as_u64() > Some(0));
    }
}

#[tokio::test]
async fn an_attachment_is_never_held_whole_however_fast_it_comes() {
    let house = House::new().await;
    let large = large();
    let tiny: Part<'_> = (ATTACHMENT, b"x");
    let whole = multipart("b", &[META, DATA, tiny, tiny, (ATTACHMENT, &large)]);
    let pieces: Vec<_> = whole.chunks(10_000).map(|piece| Ok::<_, io::Error>(piece.to_vec())).collect();
    let body = Body::from_stream(futures::stream::iter(pieces));
    let answered = post(&house, &[("content-type", "multipart/form-data; boundary=b")], body).await;
    assert_eq!(answered.status, StatusCode::ACCEPTED, "{}", answered.text());
    let largest = house.largest_piece();
    assert!(largest <= 32_768, "the parser held {largest} bytes at once");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused_at_every_byte() {
    let house = House::new().await;
    let whole = multipart("b", &[META, DATA]);
    let closing = whole.len() - "--\r\n".len();
    for length in 0..closing {
        let answered =
            post(&house, &[("content-type", "multipart/form-data; boundary=b")], whole[..length].to_vec())
                .await;
        assert!(answered.status.is_client_error(), "{length}: {}", answered.text());
    }
    assert_eq!(
        post(&house, &[("content-type", "multipart/form-data")], whole).await.slug(),
        "malformed-multipart"
    );
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let house = House::new().await;
    let data = vec![b'x'; 100_001];
    let answered = hand_in(&house, &[META, (DATA.0, &data)]).await;
    assert_eq!((answered.slug().as_str(), answered.json()["limit"].as_u64()), ("too-large", Some(100_000)));
    let attachment = vec![0; 1_000_001];
    let parts = [META, ("Content-Disposition: form-data; name=\"attachment\"", &attachment[..]), DATA];
    assert_eq!(hand_in(&house, &parts).await.json()["limit"], 1_000_000);
    let metadata = format!("{{\"schema\":\"{}\"}}", "x".repeat(70_000));
    assert_eq!(hand_in(&house, &[(META.0, metadata.as_bytes()), DATA]).await.slug(), "too-large");
    let announced = [("content-type", "multipart/form-data; boundary=b"), ("content-length", "99999999")];
    let never_sent = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, io::Error>>());
    let expecting = [announced[0], announced[1], ("expect", "100-continue")];
    assert_eq!(post(&house, &expecting, never_sent).await.slug(), "too-large");
}

#[tokio::test]
async fn a_bare_body_is_described_by_its_query() {
    let house = House::new().await;
    let send = async |query: &str, media_type: &str, body: &str| {
        let path = format!("/v1/submissions{query}");
        let request = as_client("POST", "portal", &path).header("content-type", media_type);
        house.send(request.body(Body::from(body.to_owned())).unwrap()).await
    };
    let right = format!("?service={SERVICE}&area=15091&kind=notice&test=true&case=V-9");
    assert_eq!(send(&right, "application/json", "{\"a\":1}").await.json()["case"], "V-9");
    assert_eq!(send(&right, "text/xml", "<a/>").await.status, StatusCode::ACCEPTED);
    for (word, query, media_type, body) in [
        ("malformed-request", "", "text/xml", "<a/>"),
        ("malformed-request", &*format!("{right}&x=1"), "text/xml", "<a/>"),
        ("malformed-request", "?service=1&area=15091", "text/xml", "<a/>"),
        ("media-type", &right, "application/x-www-form-urlencoded", "a=b"),
        ("too-large", &right, "text/xml", &"x".repeat(100_001)),
        ("too-large", &right, "text/xml", &"x".repeat(1_000_000)),
    ] {
        assert_eq!(send(query, media_type, body).await.slug(), word, "{query} {media_type}");
    }
    let described_twice = as_client("POST", "portal", &format!("/v1/submissions{right}"))
        .header("content-type", "multipart/form-data; boundary=b")
        .body(Body::from(multipart("b", &[META, DATA])));
    assert_eq!(house.send(described_twice.unwrap()).await.slug(), "malformed-request");
}

#[tokio::test]
async fn who_takes_too_long_is_refused() {
    let quick = Limits { receive: Duration::from_millis(20), ..limits() };
    let house = House::with(Settings::default(), quick).await;
    let never_ends = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, io::Error>>());
    let answered = post(&house, &[("content-type", "multipart/form-data; boundary=b")], never_ends).await;
    assert_eq!(answered.slug(), "receive-timeout");
}

#[tokio::test]
async fn beyond_the_bound_a_sender_is_asked_to_come_back() {
    let house = House::with(Settings { submissions_at_once: 0, ..Settings::default() }, limits()).await;
    let answered = hand_in(&house, &[META, DATA]).await;
    assert_eq!(
        (answered.slug().as_str(), &answered.headers[header::RETRY_AFTER]),
        ("busy", &"1".parse().unwrap())
    );
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn h10_the_log_holds_nothing_that_was_handed_in() {
    let (house, log) = (House::new().await, Log::default());
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // For the whole process: what all the other tests send stays out of the log, too.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let named = "Content-Disposition: form-data; name=\"attachment\"; filename=\"Mustermann.pdf\"";
    let strange = "Content-Disposition: form-data; name=\"Mustermann\"";
    for parts in [
        vec![META, DATA, (named, b"Mustermann")],
        vec![META, (DATA.0, b"Mustermann")],
        vec![META, (strange, b"x")],
        vec![(META.0, br#"{"Mustermann":1}"#)],
        vec![(META.0, br#"{"service":"Mustermann"}"#)],
    ] {
        hand_in(&house, &parts).await;
    }
    post(&house, &[("content-type", "text/Mustermann")], "x").await;
    house.get("Mustermann", "/v1/deliveries?case=Mustermann").await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("accepted") && log.contains("why=\"unknown-part\""), "{log}");
    assert!(!log.contains("Mustermann"), "{log}");
}
