//! Pages that the program itself gives. `make reference` writes them anew (`ROHRPOST_ACCEPT=1`).

use crate::support::hub::{PROGRAM, root};
use rohrpost_gateway::problem::Kind;
use rohrpost_mappings::FUNCTIONS;
use rohrpost_model::transition::{Event, next};
use rohrpost_model::{Reason, ReasonCode, State};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

/// Compares a page with the committed one, or writes it where the change is accepted.
#[allow(clippy::disallowed_methods)] // whoever runs the tests says whether a change is accepted
#[track_caller]
fn golden(name: &str, made: &str) {
    let path = root().join("docs/referenz").join(name);
    if std::env::var_os("ROHRPOST_ACCEPT").is_some_and(|value| value == "1") {
        fs::write(&path, made).expect("the page can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(made.lines()).position(|(old, new)| old != new);
    assert!(
        committed == made,
        "docs/referenz/{name} is not what the program says of itself (from line {}); if the change is wanted, run \
         `make reference`, read the page and commit it",
        differs.unwrap_or(committed.lines().count()) + 1
    );
}

fn page(title: &str, about: &str) -> String {
    format!("# {title}\n\n<!-- Erzeugt mit `make reference`; nicht von Hand ändern. -->\n\n{about}\n")
}

/// The stored word of a unit variant.
fn word(value: impl Serialize) -> String {
    let value = serde_json::to_value(value).expect("a word");
    value.as_str().expect("a word").to_owned()
}

#[test]
fn golden_commands() {
    let mut text = page(
        "Befehle",
        "Was `rohrpost` von sich selbst sagt. Jeder Befehl endet mit 0 bei Erfolg, mit 1 bei einem gefundenen Fehler \
         oder einem Nein, mit 2 bei falschem Aufruf.",
    );
    describe(&[], &mut text);
    golden("befehle.md", &text);
}

/// The help of a command and of all its own commands.
fn describe(command: &[&str], text: &mut String) {
    let help = help_of(command);
    let _ = write!(text, "\n## rohrpost {}", command.join(" "));
    let trimmed: Vec<_> = help.trim_end().lines().map(str::trim_end).collect();
    *text = format!("{}\n\n```text\n{}\n```\n", text.trim_end(), trimmed.join("\n"));
    for name in commands_in(&help) {
        describe(&[command, &[name]].concat(), text);
    }
}

fn help_of(command: &[&str]) -> String {
    let output = Command::new(PROGRAM).args(command).arg("--help").env("COLUMNS", "100").output();
    let output = output.expect("the program runs");
    assert!(output.status.success(), "{command:?} --help");
    String::from_utf8(output.stdout).expect("text")
}

fn commands_in(help: &str) -> impl Iterator<Item = &str> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = listed.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help")
}

#[test]
fn golden_functions() {
    let mut text = page(
        "Funktionen",
        "Was ein Stylesheet außer XSLT 1.0 und EXSLT aufrufen kann, im Namensraum `urn:rohrpost:functions:1`. Alles, was \
         hineingeht, ist Text; was eine Funktion nicht nimmt, beendet die Abbildung mit einem Fehler, der Stelle und Grund \
         nennt. Ein Aufruf, den es nicht gibt, und eine Codeliste, die das Mapping nicht hat, sind schon bei `check` Fehler.",
    );
    let _ = writeln!(text, "\n| Aufruf | Ergebnis | Beispiel |\n|---|---|---|");
    for function in FUNCTIONS {
        let arguments = function.arguments.iter().enumerate();
        let arguments: Vec<_> = arguments
            .map(
                |(index, name)| {
                    if index < function.required { (*name).to_owned() } else { format!("{name}?") }
                },
            )
            .collect();
        let (call, result) = function.example;
        let _ = writeln!(
            text,
            "| `{}({})` | {} | `{call}` → `{result}` |",
            function.name,
            arguments.join(", "),
            function.says
        );
    }
    golden("funktionen.md", &text);
}

#[test]
fn golden_reasons() {
    let mut text = page(
        "Gründe",
        "Warum eine Zustellung in ihrem Zustand ist. Die API nennt zu jedem Grund das Wort (`code`), seine Parameter \
         und den Satz in beiden Sprachen. Ein Wort wird nie umbenannt. `{…}` steht für einen Parameter; bei Gründen, \
         die eine Stelle haben, folgen Zeile, Spalte und Pfad.\n\n| Wort | Deutsch | Englisch |\n|---|---|---|",
    );
    for code in ReasonCode::ALL {
        let reason = Reason::new(code);
        let _ = writeln!(text, "| `{}` | {} | {} |", word(code), reason.german(), reason.english());
    }
    golden("gruende.md", &text);
}

#[test]
fn golden_problems() {
    let mut text = page(
        "Probleme der API",
        "Jede Fehlerantwort ist `application/problem+json` (RFC 9457). `type` ist `urn:rohrpost:problem:` mit dem Wort \
         dahinter; Wort und Status bleiben stabil. `detail` (englisch) und `meldung` (deutsch) sagen Genaueres.\n\n\
         | Wort | Status | Deutsch | Englisch (`title`) |\n|---|---|---|---|",
    );
    for kind in Kind::ALL {
        let (slug, status) = (kind.slug(), kind.status().as_u16());
        let _ = writeln!(text, "| `{slug}` | {status} | {} | {} |", kind.german_title(), kind.title());
    }
    golden("probleme.md", &text);
}

#[test]
fn golden_states() {
    let mut text = page(
        "Zustände einer Zustellung",
        "Jede Änderung des Zustands geht durch diese eine Tabelle; was nicht in ihr steht, lehnt Rohrpost ab. Was in \
         welchem Zustand zu tun ist, steht im [Handbuch](../handbuch/betrieb.md).\n\n## Bild\n\n```mermaid\n\
         stateDiagram-v2\n    [*] --> due\n    [*] --> blocked: hat `after`\n    [*] --> parked: keine Route",
    );
    for ((from, to), events) in edges() {
        let _ = writeln!(text, "    {from} --> {to}: {}", events.join(", "));
    }
    for end in State::ALL.into_iter().filter(|state| state.is_end()) {
        let _ = writeln!(text, "    {end} --> [*]");
    }
    text.push_str("```\n\n## Tabelle\n\n| Zustand | Ereignis | danach |\n|---|---|---|\n");
    for (from, event, to) in transitions() {
        let _ = writeln!(text, "| `{from}` | `{}` | `{to}` |", word(event));
    }
    text.push_str("\n## Ereignisse\n\nSo stehen sie in der Historie einer Zustellung.\n\n| Ereignis | Bedeutung |\n|---|---|\n");
    for event in Event::ALL {
        let _ = writeln!(text, "| `{}` | {} |", word(event), meaning(event));
    }
    golden("zustaende.md", &text);
}

fn transitions() -> impl Iterator<Item = (State, Event, State)> {
    State::ALL.into_iter().flat_map(|from| {
        Event::ALL.into_iter().filter_map(move |event| Some((from, event, next(from, event).ok()?)))
    })
}

/// The events between two states, for one arrow each.
fn edges() -> BTreeMap<(State, State), Vec<String>> {
    let mut edges: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (from, event, to) in transitions() {
        edges.entry((from, to)).or_default().push(word(event));
    }
    edges
}

/// An event without its meaning does not compile.
const fn meaning(event: Event) -> &'static str {
    match event {
        Event::Released => "Die Schritte, auf die gewartet wurde, sind erledigt.",
        Event::Claimed => "Rohrpost beginnt mit einem Versuch; gesendet ist noch nichts.",
        Event::GivenBack => {
            "Der Versuch endete, bevor etwas gesendet wurde (Absturz, Ende, Störung des Speichers)."
        }
        Event::ConditionFalse => {
            "Die Bedingung trifft nicht zu, oder eine Route hat die Einreichung übernommen."
        }
        Event::Defect => "Mapping oder Konfiguration sind falsch; gesendet wurde nichts.",
        Event::Marked => "Die Marke ist gesetzt: Ab jetzt kann etwas das Haus verlassen haben.",
        Event::ProgressRecorded => {
            "Einer von mehreren Aufrufen ist getan; was daraus wurde, ist festgehalten."
        }
        Event::Taken => "Das Ziel hat es.",
        Event::TakenForNow => "Das Ziel hat es angenommen, sein letztes Wort steht aus.",
        Event::NotTaken => "Das Ziel hat es sicher nicht, oder noch nicht ganz.",
        Event::Refused => "Das Ziel lehnt es ab und würde es wieder ablehnen.",
        Event::OutcomeLost => "Ob das Ziel es hat, ist ungewiss.",
        Event::NoWordYet => "Das Ziel wurde gefragt und konnte nichts sagen; es wird wieder gefragt.",
        Event::SendAgain => "Das Ziel konnte nichts sagen; eine Wiederholung ist erlaubt oder unschädlich.",
        Event::GivenUp => "Das Ziel konnte nichts sagen; ein Mensch muss entscheiden.",
        Event::TriedLongEnough => {
            "Das Ziel war so lange gestört, wie versucht wird; ein Mensch muss entscheiden."
        }
        Event::RetryCommanded => "Ein Mensch hat einen weiteren Versuch angewiesen.",
        Event::DiscardCommanded => "Ein Mensch hat die Zustellung verworfen.",
        Event::PauseCommanded => "Ein Mensch hält die Zustellung zurück; sie bleibt, was sie ist.",
        Event::ResumeCommanded => "Ein Mensch lässt die Zustellung weitergehen.",
        Event::Notified => "Von außen kam eine Nachricht dazu; das Ziel wird sofort gefragt.",
        Event::FetchedByReader => "Der Leser des Postfachs hat sie zum ersten Mal abgeholt.",
        Event::ClosedByReader => "Der Leser des Postfachs hat den Empfang bestätigt.",
        Event::ExpiryWarned => "Die Zustellung verfällt bald.",
        Event::ExpiredByRule => "Die Frist der Route ist abgelaufen.",
    }
}
