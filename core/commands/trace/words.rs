//! What is said of a dry run, in German, on the page as in the terminal.

use rohrpost_gateway::trace_shapes::{
    TraceReport, TracedAsk, TracedCheck, TracedCondition, TracedContent, TracedFault, TracedPiece,
    TracedRoute, TracedStep,
};

/// What a dry run is.
pub const DRY: &str = "Trockenlauf: nichts wurde gesendet, nichts gespeichert.";

/// The first digits of a version.
pub fn short(version: &str) -> &str {
    version.get(..12).unwrap_or(version)
}

/// The end of it all.
pub fn verdict(report: &TraceReport) -> String {
    let fails = report.steps.iter().filter(|step| step.end == "fails").count();
    let sends = report.steps.iter().filter(|step| step.end == "sends").count();
    match (report.door.accepted, &report.route) {
        (false, _) => "Die Einreichung würde abgelehnt.".to_owned(),
        (true, None) => "Keine Route nimmt die Einreichung; sie würde als „unrouted“ warten.".to_owned(),
        (true, Some(route)) if fails == 0 => {
            format!(
                "Route {route}: {sends} von {} Schritten würden gesendet, keiner scheitert.",
                report.steps.len()
            )
        }
        (true, Some(route)) => {
            format!("Route {route}: {fails} von {} Schritten scheitern.", report.steps.len())
        }
    }
}

/// Under which configuration it was tried.
pub fn configuration(report: &TraceReport) -> String {
    let whose = if report.running { "die aktive des laufenden Rohrpost" } else { "wie sie im Ordner liegt" };
    format!("{}, {whose}", short(&report.configuration))
}

/// Whether a route takes it.
pub fn route(route: &TracedRoute) -> &'static str {
    match route.verdict.as_str() {
        "takes" => "nimmt die Einreichung",
        "less-specific" => "passt, aber eine andere Route ist genauer",
        "tie" => "passt, aber eine andere Route ist ebenso genau",
        _ => "passt nicht",
    }
}

/// What a route asks for, beside what the submission has.
pub fn ask(ask: &TracedAsk) -> String {
    let of = match ask.of.as_str() {
        "tenant" => "Mandant",
        "kind" => "Art",
        "service" => "Leistung",
        "area" => "Gebiet",
        other => other,
    };
    let has = ask.has.as_deref().unwrap_or("keiner");
    let wants = if ask.wants.is_empty() { "jede".to_owned() } else { ask.wants.join(", ") };
    let sign = if ask.fits { "passt zu" } else { "passt nicht zu" };
    format!("{of} {has} {sign} {wants}")
}

/// How a step ends.
pub fn end(step: &TracedStep) -> String {
    match (step.end.as_str(), &step.reason) {
        ("sends", _) => "würde gesendet".to_owned(),
        ("skipped", _) => "würde übersprungen".to_owned(),
        (_, Some(reason)) => format!("scheitert: {}", reason.text.de),
        _ => "scheitert".to_owned(),
    }
}

/// Whether a step's condition holds; nothing for a step without one.
pub fn condition(condition: &TracedCondition) -> Option<String> {
    let written = condition.written.as_ref()?;
    let verdict = match condition.verdict.as_str() {
        "holds" => "trifft zu",
        "assumed" => "als zutreffend angenommen, weil frühere Schritte noch keine Antwort haben",
        "false" => "trifft nicht zu",
        _ => "lässt sich nicht auswerten",
    };
    Some(format!("{written}: {verdict}"))
}

/// What earlier steps are taken to have been answered.
pub fn answers(step: &TracedStep) -> Vec<String> {
    let told = |answer: &rohrpost_gateway::trace_shapes::TracedAnswer| {
        let reference = answer.reference.as_deref().unwrap_or("ohne Kennung");
        let result = answer.result.as_ref().map_or_else(String::new, |result| format!(", Ergebnis {result}"));
        let assumed = if answer.assumed { " (angenommen)" } else { "" };
        format!("{}: {reference}{result}{assumed}", answer.step)
    };
    step.answers.iter().map(told).collect()
}

/// What a check against a schema gave.
pub fn check(check: &TracedCheck) -> String {
    let schema = check.schema.as_deref().unwrap_or("ohne Schema");
    match check.verdict.as_str() {
        "valid" => format!("{schema}: gültig"),
        "invalid" => format!("{schema}: ungültig an {} Stelle(n)", check.faults.len()),
        _ => format!("{schema}: nicht geprüft"),
    }
}

/// A fault with its place.
pub fn fault(fault: &TracedFault) -> String {
    let file = fault.file.as_ref().map_or_else(String::new, |file| format!("{file}:"));
    let path = if fault.path.is_empty() { String::new() } else { format!(" ({})", fault.path) };
    match fault.line {
        0 => format!("{file} {}{path}", fault.message).trim_start().to_owned(),
        line => format!("{file}{line}:{}: {}{path}", fault.column, fault.message),
    }
}

/// What a sender would be answered, with the places that the answer names.
pub fn problem(problem: &serde_json::Value) -> Vec<String> {
    let meldung = problem["meldung"].as_str().unwrap_or("ohne weitere Angabe").to_owned();
    let status = problem["status"].as_u64().unwrap_or_default();
    let violations = problem["violations"].as_array().into_iter().flatten().map(|violation| {
        let number = |key: &str| violation[key].as_u64().unwrap_or_default();
        let text = |key: &str| violation[key].as_str().unwrap_or_default();
        format!("{}:{}: {} ({})", number("line"), number("column"), text("message"), text("path"))
    });
    std::iter::once(format!("{status}: {meldung}")).chain(violations).collect()
}

/// A document in a few words.
pub fn content(content: &TracedContent) -> String {
    let media_type = match content.media_type.as_str() {
        "application/octet-stream" => String::new(),
        other => format!("{other}, "),
    };
    format!("{media_type}{} Bytes, SHA-256 {}…", content.bytes, short(&content.sha256))
}

/// A piece of what would be sent, where it is a part that was shown before.
pub fn piece(piece: &TracedPiece) -> String {
    match (piece.part.as_str(), piece.number) {
        ("message", _) => "die Nachricht".to_owned(),
        ("signature", _) => "die Signatur".to_owned(),
        ("document", _) => format!("das Dokument {}", piece.name.as_deref().unwrap_or("-")),
        ("attachment", Some(number)) => format!("Anlage {number}"),
        _ => "vom Adapter".to_owned(),
    }
}

/// What a seal did.
pub fn seal(seal: &rohrpost_gateway::trace_shapes::TracedSeal) -> String {
    let form = seal.form.as_deref().unwrap_or("nicht eingerichtet");
    let signed =
        if seal.signed { "wirklich signiert, die Signatur nirgends aufgehoben" } else { "nichts signiert" };
    format!("{} ({form}): {signed}", seal.name)
}
