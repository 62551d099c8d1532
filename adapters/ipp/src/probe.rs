//! Tries step by step whether a delivery would get through, without making a job.

use crate::IppTarget;
use crate::answer::{Said, number, words};
use crate::printer::PDF;
use ipp::attribute::IppAttributeGroup;
use ipp::value::IppValue;
use rohrpost_model::ports::{Finding, Probe, Words};
use rohrpost_model::{Failure, Reason, ReasonCode};

const ANSWERS: &str = "answers";
const ACCEPTS: &str = "accepts";
const FORMAT: &str = "pdf";
const JOB: &str = "job";

/// The name of a job that is never made.
const NO_JOB: &str = "rohrpost-probe";

/// The state in which a printer prints nothing until somebody comes (RFC 8011, 5.4.11).
const STOPPED: i32 = 5;

const ASKED: [&str; 4] =
    ["printer-state", "printer-state-reasons", "printer-is-accepting-jobs", "document-format-supported"];

impl IppTarget {
    pub(crate) async fn probes(&self, probe: &mut Probe) {
        self.endpoint.plan(probe);
        probe.plan(
            ANSWERS,
            Words::new("antwortet auf Get-Printer-Attributes", "answers Get-Printer-Attributes"),
        );
        probe.plan(
            ACCEPTS,
            Words::new("nimmt Aufträge an und druckt sie", "takes jobs, and does not stand still"),
        );
        probe.plan(FORMAT, Words::new("nimmt PDF an", "takes PDF"));
        probe.plan(
            JOB,
            Words::new(
                "nähme einen Auftrag so an (Validate-Job)",
                "would take a job like this (Validate-Job)",
            ),
        );
        if !self.endpoint.reach(probe, self.printer.clock.now()).await {
            return;
        }
        let said = match self.printer.describe(&ASKED).await {
            Ok(said) => said,
            Err(failure) => return probe.end(unanswered(&failure)),
        };
        let works = self.is_ready(&said, probe);
        if works {
            probe.end(self.would_take_a_job().await);
        }
    }

    /// Ends the steps that one answer tells; whether all worked.
    fn is_ready(&self, said: &Said, probe: &mut Probe) -> bool {
        let Some(printer) = said.printer() else {
            let reason = Reason::new(ReasonCode::UnexpectedAnswer).with("status", 200);
            return end(probe, unanswered(&Failure::Refused(reason)));
        };
        probe.end(Finding::Works(Words::new("ja", "yes")));
        end(probe, accepts(printer)) && end(probe, takes_pdf(printer))
    }

    async fn would_take_a_job(&self) -> Finding {
        match self.printer.validate(NO_JOB).await {
            Ok(()) => Finding::Works(Words::new("ja", "yes")),
            Err(failure) => fails(
                failure.reason().clone(),
                "Der Drucker nähme einen Auftrag mit diesen Angaben nicht an. `copies`, `sides`, `media`, `colour` und `tray` mit \
                 dem vergleichen, was er kann; `user` und `auth` prüfen.",
                "The printer would not take a job like this. Compare `copies`, `sides`, `media`, `colour` and `tray` with what it \
                 can do; check `user` and `auth`.",
            ),
        }
    }
}

fn accepts(printer: &IppAttributeGroup) -> Finding {
    let accepting = printer.get("printer-is-accepting-jobs").map(|it| it.value().clone());
    let state = printer.get("printer-state").and_then(|state| number(state.value()));
    let reasons = words(printer, "printer-state-reasons");
    let shown = if reasons.is_empty() { String::new() } else { format!(" ({reasons})") };
    if accepting == Some(IppValue::Boolean(false)) || state == Some(STOPPED) {
        let reason = Reason::new(ReasonCode::TargetBusy).with("status", format!("stopped{shown}"));
        return fails(
            reason,
            &format!(
                "Der Drucker steht oder nimmt keine Aufträge an{shown}. Am Drucker nachsehen: Papier, Toner, Klappe, Sperre."
            ),
            &format!(
                "The printer stands still or takes no jobs{shown}. Look at it: paper, toner, cover, lock."
            ),
        );
    }
    Finding::Works(Words::new(format!("ja{shown}"), format!("yes{shown}")))
}

fn takes_pdf(printer: &IppAttributeGroup) -> Finding {
    let formats = printer.get("document-format-supported").into_iter().flat_map(|it| it.value());
    let mut formats = formats.filter_map(|value| match value {
        IppValue::MimeMediaType(format) => Some(format.as_str()),
        _ => None,
    });
    if formats.any(|format| format.eq_ignore_ascii_case(PDF)) {
        return Finding::Works(Words::new("ja", "yes"));
    }
    fails(
        Reason::new(ReasonCode::TargetRefused).with("status", "document-format-supported"),
        "Der Drucker selbst druckt kein PDF. Als `printer` die Warteschlange eines Druckservers angeben, der es umwandelt (CUPS).",
        "The printer itself does not print PDF. Give the queue of a print server that converts it (CUPS) as `printer`.",
    )
}

/// Ends a step; whether the next one may be tried.
fn end(probe: &mut Probe, finding: Finding) -> bool {
    let well = !matches!(finding, Finding::Fails { .. });
    probe.end(finding);
    well
}

fn unanswered(failure: &Failure) -> Finding {
    fails(
        failure.reason().clone(),
        "Der Server nimmt die Verbindung an, antwortet aber nicht als Drucker. Pfad in `printer` prüfen (meist /ipp/print, bei CUPS \
         /printers/NAME), ebenso `auth`.",
        "The server takes the connection but does not answer as a printer. Check the path in `printer` (mostly /ipp/print, with \
         CUPS /printers/NAME), and `auth`.",
    )
}

fn fails(reason: Reason, german: &str, english: &str) -> Finding {
    Finding::Fails { reason, advice: Words::new(german, english) }
}
