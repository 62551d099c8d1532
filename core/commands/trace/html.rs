//! A dry run as one page that needs nothing but itself: no script, no other file. What is not of this program goes through
//! [`Page::text`], which escapes; markup is of static strings only, so nothing that was handed in can become markup.

use super::harmless::harmless;
use super::words;
use rohrpost_gateway::trace_shapes::{
    TraceReport, TracedContent, TracedFault, TracedMapping, TracedPiece, TracedRequest, TracedRoute,
    TracedStep,
};

const HEAD: &str = include_str!("head.html");

/// The page.
pub fn page(report: &TraceReport) -> String {
    let mut page = Page(HEAD.to_owned());
    page.element("h1", "Weg einer Einreichung");
    page.verdict(report.well, &words::verdict(report));
    page.element("p", words::DRY);
    page.submission(report);
    page.door(report);
    page.markup("<h2>Routen</h2>");
    report.routes.iter().for_each(|route| page.route(route));
    report.no_route.iter().for_each(|reason| page.element("p", &reason.text.de));
    report.steps.iter().for_each(|step| page.step(step));
    page.markup("</main></body></html>\n");
    page.0
}

struct Page(String);

impl Page {
    fn markup(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    fn text(&mut self, text: &str) {
        for character in harmless(text).chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
    }

    fn element(&mut self, name: &'static str, text: &str) {
        self.0.push_str(&format!("<{name}>"));
        self.text(text);
        self.0.push_str(&format!("</{name}>\n"));
    }

    fn verdict(&mut self, well: bool, text: &str) {
        self.markup(if well { "<p class=\"verdict well\">" } else { "<p class=\"verdict ill\">" });
        self.text(text);
        self.markup("</p>\n");
    }

    /// One row of a table of two columns.
    fn row(&mut self, name: &str, value: &str) {
        self.markup("<tr>");
        self.element("th", name);
        self.element("td", value);
        self.markup("</tr>");
    }

    fn list(&mut self, items: impl IntoIterator<Item = String>) {
        let mut items = items.into_iter().peekable();
        if items.peek().is_none() {
            return;
        }
        self.markup("<ul>");
        items.for_each(|item| self.element("li", &item));
        self.markup("</ul>\n");
    }

    fn faults(&mut self, faults: &[TracedFault]) {
        if !faults.is_empty() {
            self.markup("<div class=\"faults\">");
            self.list(faults.iter().map(words::fault));
            self.markup("</div>");
        }
    }

    fn submission(&mut self, report: &TraceReport) {
        let given = &report.submission;
        self.markup("<h2>Einreichung</h2><table>");
        self.row("Konfiguration", &words::configuration(report));
        self.row("Art", &given.kind);
        self.row("Leistung", &given.service);
        self.row("Gebiet", &given.area);
        self.row("Mandant", given.tenant.as_deref().unwrap_or("keiner"));
        self.row("Vorgang", given.case.as_deref().unwrap_or("-"));
        self.row("Client", given.client.as_deref().unwrap_or("nicht gefragt"));
        self.row("Test", if given.test { "ja" } else { "nein" });
        for attachment in &given.attachments {
            let name = attachment.name.as_deref().unwrap_or("ohne Namen");
            let told = format!("{name}, {}, {} Bytes", attachment.media_type, attachment.bytes);
            self.row(&format!("Anlage {}", attachment.number), &told);
        }
        self.markup("</table>");
        self.content("Daten", Some(&given.data), false);
    }

    fn door(&mut self, report: &TraceReport) {
        self.markup("<h2>Annahme</h2>");
        match &report.door.problem {
            None => self.verdict(true, "Die Einreichung würde angenommen."),
            Some(problem) => {
                self.verdict(false, "Die Einreichung würde abgelehnt. Der Sender bekäme:");
                self.list(words::problem(problem));
            }
        }
    }

    fn route(&mut self, route: &TracedRoute) {
        let takes = route.verdict == "takes";
        self.markup(if takes { "<section class=\"route well\">" } else { "<section class=\"route\">" });
        self.element("h3", &format!("{}: {}", route.route, words::route(route)));
        self.markup("<ul class=\"asks\">");
        for ask in &route.asks {
            self.markup(if ask.fits { "<li class=\"fits\">" } else { "<li class=\"fails\">" });
            self.text(&words::ask(ask));
            self.markup("</li>");
        }
        self.markup("</ul></section>\n");
    }

    fn step(&mut self, step: &TracedStep) {
        self.markup("<section class=\"step\"><h2>Schritt ");
        self.text(&step.step);
        self.markup("</h2>");
        self.verdict(step.end != "fails", &words::end(step));
        self.markup("<table>");
        self.row("Ziel", step.destination.as_deref().unwrap_or("keines"));
        self.row("geschrieben", &step.destination_written);
        self.row("Fassung", &step.pinned);
        self.row("Zustellung", &step.delivery);
        if !step.after.is_empty() {
            self.row("nach", &step.after.join(", "));
        }
        words::answers(step).iter().for_each(|answer| self.row("Antwort", answer));
        words::condition(&step.condition).iter().for_each(|condition| self.row("Bedingung", condition));
        step.seal.iter().for_each(|seal| self.row("Siegel", &words::seal(seal)));
        step.content_sha256.iter().for_each(|digest| self.row("SHA-256 vor dem Siegel", digest));
        step.sent_sha256.iter().for_each(|digest| self.row("SHA-256 der Sendung", digest));
        self.markup("</table>\n");
        step.mapping.iter().for_each(|mapping| self.mapping(mapping));
        self.content("Nachricht, wie sie gesendet würde", step.message.as_ref(), true);
        self.content("Signatur", step.signature.as_ref(), false);
        for document in &step.documents {
            self.content(&format!("Dokument {}, das mitgeht", document.name), Some(&document.content), true);
        }
        step.request.iter().for_each(|request| self.request(request));
        if step.request.is_none() && step.end == "sends" {
            self.element("p", "Dieser Adapter sagt nicht, was er senden würde.");
        }
        self.markup("</section>\n");
    }

    fn mapping(&mut self, mapping: &TracedMapping) {
        self.element("h3", &format!("Mapping {}", mapping.name));
        self.markup("<table>");
        self.row("Fassung", mapping.version.as_deref().unwrap_or("-"));
        mapping.params.iter().for_each(|param| self.row(&format!("Parameter {}", param.name), &param.value));
        self.row("Eingang", &words::check(&mapping.source));
        self.row("Ergebnis", &words::check(&mapping.target));
        self.markup("</table>\n");
        self.faults(&mapping.source.faults);
        self.content("Was das Stylesheet sieht", mapping.input.as_ref(), false);
        self.faults(&mapping.faults);
        self.content("Was das Stylesheet erzeugte", mapping.made.as_ref(), true);
        self.faults(&mapping.target.faults);
        self.content("Ergebnis des Mappings", mapping.output.as_ref(), false);
    }

    fn content(&mut self, what: &str, content: Option<&TracedContent>, open: bool) {
        let Some(content) = content else { return };
        self.markup(if open { "<details open>" } else { "<details>" });
        self.element("summary", &format!("{what} ({})", words::content(content)));
        self.element("pre", content.text.as_deref().or(content.base64.as_deref()).unwrap_or_default());
        if content.cut {
            self.element("p", "Hier abgeschnitten.");
        }
        self.markup("</details>\n");
    }

    fn request(&mut self, request: &TracedRequest) {
        self.markup("<h3>Sendung</h3>");
        match request {
            TracedRequest::Http { method, url, headers, body } => {
                self.markup("<pre class=\"request\">");
                self.text(&format!("{method} {url}\n"));
                headers.iter().for_each(|header| self.text(&format!("{}: {}\n", header.name, header.value)));
                self.text("\n");
                body.iter().for_each(|piece| self.piece(piece));
                self.markup("</pre>\n");
            }
            TracedRequest::Files { folder, files } => {
                self.element("p", &format!("Ordner {folder}"));
                for file in files {
                    self.markup("<pre class=\"request\"><strong>");
                    self.text(&file.name);
                    self.markup("</strong>\n");
                    self.piece(&file.content);
                    self.markup("</pre>\n");
                }
            }
        }
    }

    fn piece(&mut self, piece: &TracedPiece) {
        match &piece.own {
            Some(own) => self.text(own.text.as_deref().or(own.base64.as_deref()).unwrap_or_default()),
            None => {
                self.markup("<mark>");
                self.text(&words::piece(piece));
                self.markup("</mark>");
            }
        }
    }
}
