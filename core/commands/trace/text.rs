//! A dry run for a terminal.

use super::harmless::harmless;
use super::words;
use rohrpost_gateway::trace_shapes::{
    TraceReport, TracedContent, TracedMapping, TracedPiece, TracedRequest, TracedRoute, TracedStep,
};

/// So many lines of a document are shown where it is not wanted whole, and so many characters of each.
const LINES: usize = 8;
const CHARACTERS: usize = 160;

/// The page.
pub fn page(report: &TraceReport, full: bool) -> String {
    let mut page = Page { text: String::new(), full };
    page.line(0, words::DRY);
    page.line(0, &format!("Konfiguration {}", words::configuration(report)));
    page.submission(report);
    page.door(report);
    page.line(0, "Routen");
    report.routes.iter().for_each(|route| page.route(route));
    if let Some(reason) = &report.no_route {
        page.line(1, &reason.text.de);
    }
    report.steps.iter().for_each(|step| page.step(step));
    page.line(0, &words::verdict(report));
    page.text
}

struct Page {
    text: String,
    full: bool,
}

impl Page {
    fn line(&mut self, deep: usize, text: &str) {
        let indent = "  ".repeat(deep);
        self.text.push_str(&format!("{indent}{}\n", harmless(text).replace('\n', " ")));
    }

    fn lines(&mut self, deep: usize, texts: impl IntoIterator<Item = String>) {
        texts.into_iter().for_each(|text| self.line(deep, &text));
    }

    fn submission(&mut self, report: &TraceReport) {
        let given = &report.submission;
        let (tenant, case) =
            (given.tenant.as_deref().unwrap_or("keiner"), given.case.as_deref().unwrap_or("-"));
        let test = if given.test { ", Test" } else { "" };
        self.line(0, &format!("Einreichung {} {} {}{test}", given.kind, given.service, given.area));
        self.line(
            1,
            &format!("Mandant {tenant}, Vorgang {case}, Client {}", given.client.as_deref().unwrap_or("-")),
        );
        self.line(1, &format!("Daten: {}", words::content(&given.data)));
        for attachment in &given.attachments {
            let name = attachment.name.as_deref().unwrap_or("ohne Namen");
            self.line(1, &format!("Anlage {}: {name}, {} Bytes", attachment.number, attachment.bytes));
        }
    }

    fn door(&mut self, report: &TraceReport) {
        match &report.door.problem {
            None => self.line(0, "Annahme: ja"),
            Some(problem) => {
                self.line(0, "Annahme: nein");
                self.lines(1, words::problem(problem));
            }
        }
    }

    fn route(&mut self, route: &TracedRoute) {
        let sign = if route.verdict == "takes" { "✓" } else { "✗" };
        self.line(1, &format!("{sign} {}: {}", route.route, words::route(route)));
        let shown = route.asks.iter().filter(|ask| !ask.fits || route.verdict == "takes");
        self.lines(3, shown.map(words::ask));
    }

    fn step(&mut self, step: &TracedStep) {
        let destination = step.destination.as_deref().unwrap_or("kein Ziel");
        self.line(0, &format!("Schritt {} → {destination}: {}", step.step, words::end(step)));
        self.line(
            1,
            &format!("Fassung {}, geschrieben {}", words::short(&step.pinned), step.destination_written),
        );
        if !step.after.is_empty() {
            self.line(1, &format!("nach {}", step.after.join(", ")));
        }
        self.lines(2, words::answers(step));
        self.lines(1, words::condition(&step.condition).map(|text| format!("Bedingung {text}")));
        step.mapping.iter().for_each(|mapping| self.mapping(mapping));
        self.lines(1, step.seal.iter().map(|seal| format!("Siegel {}", words::seal(seal))));
        if step.mapping.as_ref().and_then(|mapping| mapping.output.as_ref()).map(|output| &output.sha256)
            != step.message.as_ref().map(|message| &message.sha256)
        {
            self.content("Nachricht", step.message.as_ref());
        }
        self.content("Signatur", step.signature.as_ref());
        for document in &step.documents {
            self.content(&format!("Dokument {}", document.name), Some(&document.content));
        }
        step.request.iter().for_each(|request| self.request(request));
        if step.request.is_none() && step.end == "sends" {
            self.line(1, "Sendung: dieser Adapter sagt nicht, was er senden würde");
        }
    }

    fn mapping(&mut self, mapping: &TracedMapping) {
        let version = mapping.version.as_deref().map_or("-", words::short);
        self.line(1, &format!("Mapping {} (Fassung {version})", mapping.name));
        let params = mapping.params.iter().map(|param| format!("{} = {}", param.name, param.value));
        self.lines(2, params.collect::<Vec<_>>());
        self.line(2, &format!("Eingang {}", words::check(&mapping.source)));
        self.lines(3, mapping.source.faults.iter().map(words::fault));
        self.content("Eingang", mapping.input.as_ref());
        self.lines(2, mapping.faults.iter().map(words::fault));
        self.content("Erzeugt", mapping.made.as_ref());
        self.line(2, &format!("Ergebnis {}", words::check(&mapping.target)));
        self.lines(3, mapping.target.faults.iter().map(words::fault));
        self.content("Ergebnis", mapping.output.as_ref());
    }

    fn content(&mut self, what: &str, content: Option<&TracedContent>) {
        let Some(content) = content else { return };
        self.line(2, &format!("{what}: {}", words::content(content)));
        self.document(content);
    }

    fn document(&mut self, content: &TracedContent) {
        let text = content.text.as_deref().unwrap_or("(kein Text)");
        let (lines, characters) = if self.full { (usize::MAX, usize::MAX) } else { (LINES, CHARACTERS) };
        for line in text.lines().filter(|line| !line.trim().is_empty()).take(lines) {
            let more = if line.chars().count() > characters { " …" } else { "" };
            let shown: String = line.chars().take(characters).collect();
            self.line(3, &format!("| {shown}{more}"));
        }
        let left = text.lines().filter(|line| !line.trim().is_empty()).count().saturating_sub(lines);
        if left > 0 {
            self.line(3, &format!("| … {left} Zeilen mehr (--full oder --format html)"));
        }
        if content.cut {
            self.line(3, "| … hier abgeschnitten");
        }
    }

    fn request(&mut self, request: &TracedRequest) {
        match request {
            TracedRequest::Http { method, url, headers, body } => {
                self.line(1, &format!("Sendung {method} {url}"));
                self.lines(2, headers.iter().map(|header| format!("{}: {}", header.name, header.value)));
                body.iter().for_each(|piece| self.piece("", piece));
            }
            TracedRequest::Files { folder, files } => {
                self.line(1, &format!("Sendung in den Ordner {folder}"));
                files.iter().for_each(|file| self.piece(&format!("{}: ", file.name), &file.content));
            }
        }
    }

    fn piece(&mut self, name: &str, piece: &TracedPiece) {
        let only_line_ends =
            |own: &TracedContent| own.text.as_ref().is_some_and(|text| text.trim().is_empty());
        if piece.own.as_ref().is_some_and(only_line_ends) {
            return;
        }
        self.line(2, &format!("{name}[{}]", words::piece(piece)));
        piece.own.iter().for_each(|own| self.document(own));
    }
}
