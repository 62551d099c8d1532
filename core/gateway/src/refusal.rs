//! The engine's refusals as problems: the exact place and value go into the answer to the sender, and nowhere else.

use crate::problem::{Kind, Problem};
use rohrpost_engine::accept::Refusal;
use rohrpost_engine::answers::BadReply;
use rohrpost_model::Date;
use rohrpost_model::submission::Role;
use serde_json::{Value, json};

/// The media types that data may have, as a sentence may list them.
pub(crate) const DATA_TYPES: &str = "application/xml, text/xml, …+xml, application/json, …+json";

/// How many violations of a schema an answer lists at most.
const MOST_LISTED: usize = 100;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownArea(area) => unknown_area(area.as_str()),
            Refusal::NotGranted(service, area) => not_granted(service.as_str(), area.as_str()),
            Refusal::TestStage(tenant, service, area) => {
                test_stage(tenant.as_str(), service.as_str(), area.as_str())
            }
            Refusal::NoData => no_data(),
            Refusal::SecondData => second_data(),
            Refusal::MediaType(given) => media_type(&given),
            Refusal::TooLarge(role, limit) => too_large(role, limit),
            Refusal::TooMany(limit) => too_many(limit),
            Refusal::NotWellFormed(fault) => {
                placed(Kind::NotWellFormed, fault.line, fault.column, &fault.message)
            }
            Refusal::NotJson(fault) => {
                placed(Kind::NotJson, number(fault.line), number(fault.column), &fault.message)
            }
            Refusal::WantsXml => wants_xml(),
            Refusal::WantsJson => wants_json(),
            Refusal::Invalid(violations) => {
                let listed = violations.iter().take(MOST_LISTED).map(|violation| {
                    json!({
                        "line": violation.line,
                        "column": violation.column,
                        "element": violation.element,
                        "path": violation.path,
                        "message": violation.message,
                        "rule": violation.code,
                    })
                });
                let first = violations.first().map_or((0, 0), |violation| (violation.line, violation.column));
                invalid(violations.len(), first, listed.collect())
            }
            Refusal::OtherContent => other_content(),
            Refusal::NoCase => no_case(),
            Refusal::SeveralCases(count) => several_cases(count),
            Refusal::TooLate(until) => too_late(until),
            Refusal::BadReply(bad) => bad_reply(&bad),
            Refusal::Trouble(fault) => fault.into(),
        }
    }
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn unknown_area(area: &str) -> Problem {
    Problem::new(
        Kind::UnknownArea,
        format!("No tenant of this hub is responsible for the area {area}."),
        format!("Für das Gebiet {area} ist hier kein Mandant zuständig."),
    )
}

fn not_granted(service: &str, area: &str) -> Problem {
    Problem::new(
        Kind::NotGranted,
        format!("This client may not hand in the service {service} for the area {area}."),
        format!("Dieser Client darf die Leistung {service} für das Gebiet {area} nicht einreichen."),
    )
}

fn test_stage(tenant: &str, service: &str, area: &str) -> Problem {
    Problem::new(
        Kind::TestStage,
        format!(
            "For the service {service} in the area {area} the tenant {tenant} is in its test stage: it takes only \
             submissions with `\"test\": true`. Nothing was stored; hand this one in again once the tenant is live."
        ),
        format!(
            "Für die Leistung {service} im Gebiet {area} ist der Mandant {tenant} im Testbetrieb: Er nimmt nur \
             Einreichungen mit `\"test\": true` an. Es wurde nichts gespeichert; im Echtbetrieb erneut einreichen."
        ),
    )
}

fn no_data() -> Problem {
    Problem::new(
        Kind::NoData,
        "A submission has exactly one part named `data`.",
        "Eine Einreichung hat genau einen Teil namens `data`.",
    )
}

fn second_data() -> Problem {
    Problem::new(
        Kind::SecondData,
        "A submission has exactly one part named `data`; further documents are parts named `attachment`.",
        "Eine Einreichung hat genau einen Teil namens `data`; weitere Dokumente heißen `attachment`.",
    )
}

/// The data are of a kind that cannot be checked, or do not say what they are (`given` is empty).
pub(crate) fn media_type(given: &str) -> Problem {
    let (english, german) = if given.is_empty() {
        ("The data have no Content-Type".to_owned(), "Die Daten haben keinen Content-Type".to_owned())
    } else {
        (
            format!("Data of the type {given} are not taken"),
            format!("Daten vom Typ {given} werden nicht angenommen"),
        )
    };
    Problem::new(
        Kind::MediaType,
        format!("{english}. Right is one of {DATA_TYPES}."),
        format!("{german}. Richtig ist eines von {DATA_TYPES}."),
    )
}

fn too_large(role: Role, limit: u64) -> Problem {
    let (english, german) = match role {
        Role::Data => ("The data", "Die Daten dürfen"),
        Role::Attachment => ("An attachment", "Eine Anlage darf"),
    };
    Problem::new(
        Kind::TooLarge,
        format!("{english} may have at most {limit} bytes."),
        format!("{german} höchstens {limit} Bytes haben."),
    )
    .with("limit", limit)
}

fn too_many(limit: u32) -> Problem {
    Problem::new(
        Kind::TooManyAttachments,
        format!("A submission may have at most {limit} attachments."),
        format!("Eine Einreichung darf höchstens {limit} Anlagen haben."),
    )
    .with("limit", limit)
}

fn placed(kind: Kind, line: u32, column: u32, message: &str) -> Problem {
    let problem = Problem::new(
        kind,
        format!("Line {line}, column {column}: {message}"),
        format!("Die Daten sind nicht lesbar (Zeile {line}, Spalte {column}): {message}"),
    );
    problem.with("line", line).with("column", column)
}

fn wants_xml() -> Problem {
    Problem::new(
        Kind::WantsXml,
        "The steps for this service and area map XML, and the data are not XML.",
        "Die Schritte für diese Leistung in diesem Gebiet bilden XML ab; die Daten sind kein XML.",
    )
}

fn wants_json() -> Problem {
    Problem::new(
        Kind::WantsJson,
        "The steps for this service and area map JSON, and the data are not JSON.",
        "Die Schritte für diese Leistung in diesem Gebiet bilden JSON ab; die Daten sind kein JSON.",
    )
}

fn other_content() -> Problem {
    Problem::new(
        Kind::OtherContent,
        "This Idempotency-Key was used for a submission with other content. A new submission needs a new key.",
        "Dieser Idempotency-Key gehört zu einer Einreichung mit anderem Inhalt. Eine neue braucht einen neuen Schlüssel.",
    )
}

fn no_case() -> Problem {
    Problem::new(
        Kind::NoCase,
        "No case in which this client may answer is called so. Nothing was kept; name the case, or what somebody called it \
         in a receipt, an answer or a submission.",
        "Kein Vorgang, in dem dieser Client antworten darf, heißt so. Es wurde nichts gespeichert; den Vorgang angeben, oder \
         wie ihn ein Beleg, eine Antwort oder eine Einreichung nannte.",
    )
}

fn several_cases(count: usize) -> Problem {
    Problem::new(
        Kind::SeveralCases,
        format!(
            "{count} cases are called so. Nothing was kept; name the case itself, or whose identifier it is (`system`)."
        ),
        format!(
            "{count} Vorgänge heißen so. Es wurde nichts gespeichert; den Vorgang selbst angeben, oder wessen Zeichen es ist \
             (`system`)."
        ),
    )
}

fn too_late(until: Date) -> Problem {
    Problem::new(
        Kind::AmendmentTooLate,
        format!(
            "Amendments in this case were taken until {until}. Nothing was kept; ask the authority whether it still takes \
             documents."
        ),
        format!(
            "Nachreichungen in diesem Vorgang wurden bis {until} angenommen. Es wurde nichts gespeichert; bei der Behörde \
             nachfragen, ob sie noch Unterlagen nimmt."
        ),
    )
    .with("until", until.to_string())
}

/// What came is no answer.
fn bad_reply(bad: &BadReply) -> Problem {
    let wrong = |english: String, german: String| Problem::new(Kind::MalformedMetadata, english, german);
    match bad {
        BadReply::Json(fault) => wrong(
            format!("The answer is wrong: {fault}."),
            format!("Die Antwort ist falsch (Zeile {}, Spalte {}).", fault.line(), fault.column()),
        )
        .with("line", fault.line())
        .with("column", fault.column()),
        BadReply::Wrong(member) => wrong(
            format!("`{}` of the answer is wrong: {}.", member.member, member.english),
            format!("`{}` der Antwort ist falsch: {}.", member.member, member.german),
        )
        .with("member", member.member),
        BadReply::NotMapped => wrong(
            "The source's mapping makes no answer of what came.".into(),
            "Das Mapping der Quelle macht aus dem, was kam, keine Antwort.".into(),
        ),
        BadReply::TestInLive => wrong(
            "This answer is a test, and its case is none.".into(),
            "Diese Antwort ist ein Test, ihr Vorgang aber keiner.".into(),
        ),
    }
}

fn invalid(count: usize, (line, column): (u32, u32), listed: Vec<Value>) -> Problem {
    Problem::new(
        Kind::SchemaViolation,
        format!("The data break their schema in {count} place(s); the first is in line {line}, column {column}."),
        format!("Die Daten verletzen ihr Schema an {count} Stelle(n); die erste ist in Zeile {line}, Spalte {column}."),
    )
    .with("violations", listed)
}
