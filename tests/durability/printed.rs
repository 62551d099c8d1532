//! `kill -9` at every request that prints a delivery on a real printer, before and after the printer did what was asked
//! (promise H5).

#[path = "../../adapters/ipp/src/tests/spooler.rs"]
mod spooler;

use crate::support::client::Client;
use crate::support::hub::{Hub, Setup};
use crate::support::sink::Sink;
use axum::body::Body;
use axum::response::Response;
use futures::{StreamExt as _, stream};
use spooler::Spooler;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::task::block_in_place;

const ROUTE: &str = r#"name = "druck"
tenants = ["lk-beispiel"]
[match]
[[step]]
name = "druck"
destination = "drucker"
"#;

const DESTINATION: &str = r#"name = "drucker"
tenants = ["lk-beispiel"]
adapter = "ipp"
unknown = "park"
[retry]
first = "50ms"
cap = "500ms"
[ipp]
printer = "ipp://{address}/ipp/print"
print = "attachments"
history = "50s"
longest-call = "1s"
"#;

/// The requests of one delivery: two documents are validated and printed, then both jobs are asked for.
const REQUESTS: usize = 6;

/// Print-Job and Get-Printer-Attributes (RFC 8011, 5.4.15).
const PRINT_JOB: [u8; 2] = [0, 2];
const GET_PRINTER_ATTRIBUTES: [u8; 2] = [0, 0x0b];

/// The state of a printer that could take the next job.
const IDLE: u8 = 3;

/// A PDF of one page A4 that says what it is.
fn pdf(text: &str) -> Vec<u8> {
    let content = format!("BT /F1 11 Tf 71 500 Td ({text}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let (mut file, mut places) = ("%PDF-1.4\n".to_owned(), String::new());
    for (number, object) in (1..).zip(&objects) {
        places.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.push_str(&format!("{number} 0 obj\n{object}\nendobj\n"));
    }
    let start = file.len();
    file.push_str(&format!("xref\n0 6\n0000000000 65535 f \n{places}"));
    file.push_str(&format!("trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"));
    file.into_bytes()
}

/// Passes a request on, and what is answered. The printer takes one job at a time, so after a job its end is waited for.
fn pass_on(printer: u16, body: &[u8]) -> Vec<u8> {
    let answer = exchanged(printer, body);
    if body[2..4] == PRINT_JOB {
        while state_of(&exchanged(printer, &asks_for_state())) != IDLE {}
    }
    answer
}

fn asks_for_state() -> Vec<u8> {
    let mut request = vec![1, 1];
    request.extend(GET_PRINTER_ATTRIBUTES);
    request.extend([0, 0, 0, 1, 1]);
    for (tag, name, value) in [
        (0x47, "attributes-charset", "utf-8"),
        (0x48, "attributes-natural-language", "en"),
        (0x45, "printer-uri", "ipp://localhost/ipp/print"),
        (0x44, "requested-attributes", "printer-state"),
    ] {
        request.push(tag);
        for text in [name, value] {
            request.extend(u16::try_from(text.len()).expect("short").to_be_bytes());
            request.extend(text.as_bytes());
        }
    }
    request.push(3);
    request
}

fn state_of(answer: &[u8]) -> u8 {
    let name = b"printer-state\0\x04\0\0\0";
    let at = memchr::memmem::find(answer, name).expect("the printer's state");
    answer[at + name.len()]
}

fn exchanged(printer: u16, body: &[u8]) -> Vec<u8> {
    let mut connection = TcpStream::connect(("127.0.0.1", printer)).expect("the printer");
    let head = "POST /ipp/print HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ipp\r\n";
    write!(connection, "{head}Content-Length: {}\r\n\r\n", body.len()).expect("written");
    connection.write_all(body).expect("written");
    let mut reader = BufReader::new(connection);
    loop {
        let head: Vec<_> = reader
            .by_ref()
            .lines()
            .map(|line| line.expect("a line"))
            .take_while(|it| !it.is_empty())
            .collect();
        let length = head.iter().find_map(|line| line.strip_prefix("Content-Length: "));
        // An answer without a body only says to go on.
        if let Some(length) = length {
            let mut answer = vec![0; length.parse().expect("a length")];
            reader.read_exact(&mut answer).expect("the answer");
            return answer;
        }
    }
}

/// A printer that does not answer its request with this number, and says that it came.
async fn printer(spooler: &Spooler, kill_at: usize, does_it: bool) -> (Sink, Arc<Notify>) {
    let (port, reached) = (spooler.port(), Arc::new(Notify::new()));
    let tells = Arc::clone(&reached);
    let sink = Sink::answering(move |number, request| {
        let does = number != kill_at || does_it;
        let answer = does.then(|| block_in_place(|| pass_on(port, &request.body)));
        if number == kill_at {
            tells.notify_one();
            return Response::new(Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>()));
        }
        Response::new(Body::from(answer.unwrap_or_default()))
    });
    (sink.await, reached)
}

async fn killed_at(kill_at: usize, does_it: bool) {
    let context = format!("request {kill_at}, done: {does_it}");
    let Some(spooler) = block_in_place(Spooler::start) else { return };
    let (sink, reached) = printer(&spooler, kill_at, does_it).await;
    let setup = Setup::new("127.0.0.1:9");
    fs::remove_file(setup.config().join("routes/brunnenbohrung.toml")).expect("the shipped route");
    setup.write("routes/druck.toml", ROUTE);
    setup.write("destinations/drucker.toml", &DESTINATION.replace("{address}", &sink.address.to_string()));
    let hub: Hub = block_in_place(|| setup.start());
    let documents = [("Erika Mustermann.pdf", pdf("eins")), ("Anlage.pdf", pdf("zwei"))];
    let answer = Client::of(&hub, "portal").submit(super::PLAIN.as_bytes(), &documents, None).await;
    let answer: serde_json::Value = answer.expect("an answer").json().await.expect("JSON");
    let id = answer["id"].as_str().expect("an id");
    reached.notified().await;
    block_in_place(|| hub.kill());

    let hub = block_in_place(|| setup.start());
    let submission = Client::of(&hub, "portal").completed(id).await;
    let delivery = submission["deliveries"][0]["id"].as_str().expect("an id");
    let mut printed = spooler.printed();
    printed.sort();
    let bytes: Vec<_> = printed.iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(bytes, [&documents[0].1, &documents[1].1], "{context}: each document once");
    for ((name, _), word) in printed.iter().zip(["a1", "a2"]) {
        assert!(name.starts_with(&format!("rohrpost-{delivery}-{word}-")), "{context}: {name}");
    }
    let log = setup.log();
    assert!(!log.contains("Mustermann"), "h10: {context}: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_killed_at_any_request_each_document_is_printed_once() {
    let moments = (1..=REQUESTS).flat_map(|request| [(request, false), (request, true)]);
    stream::iter(moments).for_each_concurrent(4, |(request, does_it)| killed_at(request, does_it)).await;
}
