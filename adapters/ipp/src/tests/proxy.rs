//! What lies between the hub and a printer: it counts the requests, breaks off where a test says so, and answers in the
//! printer's place where a test wants another printer.

use ipp::attribute::{IppAttribute, IppAttributeName};
use ipp::model::{DelimiterTag, IppVersion, Operation, PrinterState, StatusCode};
use ipp::parser::IppParser;
use ipp::reader::IppReader;
use ipp::request::IppRequestResponse;
use ipp::value::{IppMimeMediaType, IppName, IppValue};
use rohrpost_kit::conformance::{Cut, Mood, REST};
use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) port: u16,
    printer: u16,
    state: Arc<Mutex<State>>,
    pub(super) reached: Arc<Notify>,
}

#[derive(Default)]
struct State {
    mood: Option<Mood>,
    cut: Option<(usize, Cut)>,
    /// Operations that were asked for, in their order.
    asked: Vec<Vec<u8>>,
    /// What is answered in the printer's place, by operation.
    instead: BTreeMap<u16, Vec<u8>>,
    /// Jobs are passed on only when the test says so, and the connection tears at once.
    holds_back: bool,
    late: Vec<Vec<u8>>,
}

/// What becomes of one request.
enum Fate {
    Pass,
    Answer(Vec<u8>),
    Rest,
    TornBefore,
    TornAfter,
    SilentBefore,
    SilentAfter,
}

impl Proxy {
    /// A proxy to the printer at this port.
    pub(super) async fn to(printer: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = Self { port, printer, state: Arc::default(), reached: Arc::default() };
        let passing = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let passing = passing.clone();
                tokio::spawn(async move { passing.pass(client).await });
            }
        });
        proxy
    }

    pub(super) fn behave(&self, mood: Mood) {
        self.state().mood = Some(mood);
    }

    pub(super) fn cut(&self, request: usize, cut: Cut) {
        self.state().cut = Some((request, cut));
    }

    pub(super) fn requests(&self) -> usize {
        self.state().asked.len()
    }

    /// All that was asked, as it came.
    pub(super) fn asked(&self) -> Vec<Vec<u8>> {
        self.state().asked.clone()
    }

    /// From now on this is answered in the printer's place.
    pub(super) fn answer(&self, operation: Operation, answer: &IppRequestResponse) {
        self.state().instead.insert(operation as u16, answer.to_bytes().to_vec());
    }

    /// From now on the printer answers by itself again.
    pub(super) fn answer_no_more(&self, operation: Operation) {
        self.state().instead.remove(&(operation as u16));
    }

    /// Jobs are passed on only later, and the connection tears now.
    pub(super) fn hold_back(&self) {
        self.state().holds_back = true;
    }

    /// They are passed on now.
    pub(super) async fn catch_up(&self) {
        let late = std::mem::take(&mut *self.state()).late;
        for body in late {
            print(self.printer, &body).await;
        }
    }

    pub(super) fn break_step(&self, word: &str) {
        let busy = said(StatusCode::ServerErrorInternalError);
        match word {
            "answers" => self.answer(Operation::GetPrinterAttributes, &busy),
            "accepts" => self.answer(Operation::GetPrinterAttributes, &printer(false, "application/pdf")),
            "pdf" => self.answer(Operation::GetPrinterAttributes, &printer(true, "image/urf")),
            "job" => {
                let refused = said(StatusCode::ClientErrorAttributesOrValuesNotSupported);
                self.answer(Operation::ValidateJob, &refused);
            }
            _ => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn pass(self, client: TcpStream) {
        let (reader, mut writer) = client.into_split();
        let mut reader = BufReader::new(reader);
        let Some(body) = read_body(&mut reader).await else { return };
        let fate = self.state().comes(body.clone());
        match fate {
            Fate::TornBefore => return,
            Fate::SilentBefore => return self.never().await,
            Fate::Rest => {
                let head = format!("HTTP/1.1 503 Busy\r\nRetry-After: {}\r\n", REST.as_secs());
                return answer(&mut writer, &head, b"").await;
            }
            Fate::Answer(body) => return answer(&mut writer, OK, &body).await,
            Fate::Pass | Fate::TornAfter | Fate::SilentAfter => {}
        }
        let answered = print(self.printer, &body).await;
        match fate {
            Fate::TornAfter => {}
            Fate::SilentAfter => self.never().await,
            _ => answer(&mut writer, OK, &answered).await,
        }
    }

    async fn never(&self) {
        self.reached.notify_one();
        std::future::pending().await
    }
}

impl State {
    fn comes(&mut self, body: Vec<u8>) -> Fate {
        let operation = operation_of(&body);
        self.asked.push(body);
        let cut = self.cut.filter(|(request, _)| *request == self.asked.len()).map(|(_, cut)| cut);
        if let Some(cut) = cut {
            return match cut {
                Cut::TornBefore => Fate::TornBefore,
                Cut::TornAfter => Fate::TornAfter,
                Cut::SilentBefore => Fate::SilentBefore,
                Cut::SilentAfter => Fate::SilentAfter,
                Cut::Throttled => Fate::Rest,
            };
        }
        let prints = operation == Operation::PrintJob as u16;
        if prints && self.holds_back {
            self.late.extend(self.asked.last().cloned());
            return Fate::TornBefore;
        }
        match self.mood {
            Some(Mood::Unavailable) => Fate::Answer(said(StatusCode::ServerErrorBusy).to_bytes().to_vec()),
            Some(Mood::Refusing) if prints || operation == Operation::ValidateJob as u16 => {
                let refused = said(StatusCode::ClientErrorDocumentFormatNotSupported);
                Fate::Answer(refused.to_bytes().to_vec())
            }
            Some(Mood::BreaksBefore) if prints => Fate::TornBefore,
            Some(Mood::BreaksAfter) if prints => Fate::TornAfter,
            Some(Mood::Silent) if prints => Fate::SilentAfter,
            _ => self.instead.get(&operation).cloned().map_or(Fate::Pass, Fate::Answer),
        }
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\n";

/// An answer without anything but its status.
pub(super) fn said(status: StatusCode) -> IppRequestResponse {
    IppRequestResponse::new_response(IppVersion::v1_1(), status, 1).unwrap()
}

/// What a printer says of itself.
fn printer(accepts: bool, format: &str) -> IppRequestResponse {
    let mut answer = said(StatusCode::SuccessfulOk);
    let format = IppValue::MimeMediaType(IppMimeMediaType::new(format).unwrap());
    for attribute in [
        IppValue::Boolean(accepts).named(IppAttributeName::PRINTER_IS_ACCEPTING_JOBS),
        IppValue::Enum(3).named(IppAttributeName::PRINTER_STATE),
        format.named(IppAttributeName::DOCUMENT_FORMAT_SUPPORTED),
    ] {
        answer.attributes_mut().add(DelimiterTag::PrinterAttributes, attribute);
    }
    answer
}

/// An answer about one job.
pub(super) fn job(id: i32, state: i32, reason: &str, name: &str) -> IppRequestResponse {
    let mut answer = said(StatusCode::SuccessfulOk);
    for (attribute, value) in [
        ("job-id", IppValue::Integer(id)),
        ("job-state", IppValue::Enum(state)),
        ("job-state-reasons", IppValue::new_keyword(reason).unwrap()),
        ("job-name", IppValue::new_name_without_language(name).unwrap()),
    ] {
        let attribute = IppAttribute::new(IppName::new(attribute).unwrap(), value);
        answer.attributes_mut().add(DelimiterTag::JobAttributes, attribute);
    }
    answer
}

fn operation_of(body: &[u8]) -> u16 {
    body.get(2..4).map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// Passes something on. The printer takes one job at a time, so after a job its end is waited for.
async fn print(printer: u16, body: &[u8]) -> Vec<u8> {
    let answered = forward(printer, body).await;
    if operation_of(body) == Operation::PrintJob as u16 {
        while !is_idle(&forward(printer, &asks_for_state()).await) {}
    }
    answered
}

fn asks_for_state() -> Vec<u8> {
    let uri = "ipp://localhost/ipp/print".parse().unwrap();
    let operation = Operation::GetPrinterAttributes;
    IppRequestResponse::new(IppVersion::v1_1(), operation, Some(uri)).unwrap().to_bytes().to_vec()
}

/// Its state alone is idle, too, when a job has come in and is not begun yet.
fn is_idle(answer: &[u8]) -> bool {
    let parser = IppParser::new(IppReader::new(Cursor::new(answer.to_vec())));
    let (_, attributes, _) = parser.parse_parts().unwrap();
    let printer = attributes.first_of(DelimiterTag::PrinterAttributes).unwrap();
    let is = |name: &str, value: IppValue| *printer.get(name).unwrap().value() == value;
    is("printer-state", IppValue::Enum(PrinterState::Idle as i32))
        && is("queued-job-count", IppValue::Integer(0))
}

async fn forward(printer: u16, body: &[u8]) -> Vec<u8> {
    let mut printer = TcpStream::connect(("127.0.0.1", printer)).await.unwrap();
    let length = body.len();
    let head = format!(
        "POST /ipp/print HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ipp\r\nContent-Length: {length}\r\n\r\n"
    );
    printer.write_all(head.as_bytes()).await.unwrap();
    printer.write_all(body).await.unwrap();
    read_body(&mut BufReader::new(printer)).await.unwrap()
}

/// The body of a message of HTTP/1.1, after answers that only say to go on.
async fn read_body<R: AsyncReadExt + Unpin>(reader: &mut BufReader<R>) -> Option<Vec<u8>> {
    loop {
        let head = read_head(reader).await?;
        let length = head.iter().find_map(|line| line.strip_prefix("content-length:"));
        if head[0].contains(" 100 ") {
            continue;
        }
        let mut body = vec![0; length?.trim().parse().ok()?];
        reader.read_exact(&mut body).await.ok()?;
        return Some(body);
    }
}

async fn read_head<R: AsyncReadExt + Unpin>(reader: &mut BufReader<R>) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim() {
            "" if lines.is_empty() => {}
            "" => return Some(lines),
            line => lines.push(line.to_ascii_lowercase()),
        }
    }
}

async fn answer(writer: &mut (impl AsyncWriteExt + Unpin), head: &str, body: &[u8]) {
    let head = format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    // The hub may be gone by now.
    let _ = writer.write_all(head.as_bytes()).await;
    let _ = writer.write_all(body).await;
    let _ = writer.shutdown().await;
}
