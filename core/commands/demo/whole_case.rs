//! One whole case, there and back: an application for a Sondernutzung, a question, a Nachreichung, a decision with a fee, the payment,
//! and the notice to citizen, DMS and print. The demo plays the portal, the road authority and the citizen.

use super::story::{Demo, Scene};
use crate::commands::Context;
use crate::commands::api::{Access, Api, Content};
use crate::faults::Stop;
use rohrpost_kit::http::header::CONTENT_TYPE;
use rohrpost_kit::http::{Method, Multipart, Part};
use rohrpost_model::DeliveryId;
use serde_json::{Value, json};

/// What the road authority asks for.
const QUESTION: &str = "Bitte reichen Sie einen Lageplan im Maßstab 1:500 nach.";

/// Who speaks.
struct Voices {
    portal: Api,
    authority: Api,
}

/// The application that it begins with.
pub fn scene() -> Scene {
    Scene {
        about: "Ein ganzer Vorgang, hin und zurück: Sondernutzung mit Gebühr".to_owned(),
        service: "99108012005001",
        sample: "sondernutzung-1.xml",
        attachments: &["lageplan.pdf"],
        refusals: 0,
    }
}

impl Demo {
    /// Plays the case to its end, or until Ctrl-C is pressed.
    pub(super) fn whole_case(&mut self, case: &str, context: &mut Context<'_>) -> Result<(), Stop> {
        let access = Access::to(&format!("http://{}", self.hub.api))?;
        let voices = Voices {
            portal: Api::open(&access, "portal", context)?,
            authority: Api::open(&access, "strassenamt", context)?,
        };
        if self.is_answered("receipt", case, &voices, context)?.is_none() {
            return Ok(());
        }
        context.line(format!("   Straßenamt fragt nach: {QUESTION}"))?;
        voices.answer(case, &question(), None, context)?;
        let Some(asked) = self.is_answered("document-request", case, &voices, context)? else {
            return Ok(());
        };
        let documents = asked["documents"][0].as_str().unwrap_or_default().to_owned();
        context.line(format!("   Portal holt die Nachforderung ab ({documents}) und reicht nach:"))?;
        self.amend(case, &voices.portal, context)?;
        self.decide(case, &voices, context)
    }

    /// The decision, the payment, the notice.
    fn decide(&mut self, case: &str, voices: &Voices, context: &mut Context<'_>) -> Result<(), Stop> {
        if self.asked {
            return Ok(());
        }
        context.line("   Straßenamt entscheidet: Bescheid gegen eine Gebühr von 42,50 Euro")?;
        let order = voices.answer(case, &order(), Some("bescheid.pdf"), context)?;
        let Some(request) = self.is_answered("payment-request", case, voices, context)? else {
            return Ok(());
        };
        let page = request["payment"]["url"].as_str().unwrap_or_default().to_owned();
        context.line(format!("   Portal holt die Zahlungsaufforderung ab: {page}"))?;
        context.line("   Bürgerin bezahlt")?;
        self.provider.pay();
        self.watch(&order, &voices.authority, context)?;
        let Some(notice) = self.is_answered("notice", case, voices, context)? else { return Ok(()) };
        let name = notice["attachments"][0]["name"].as_str().unwrap_or_default().to_owned();
        context
            .line(format!("   Portal holt den Bescheid ab: {name}; er geht auch ins DMS und zum Druck:"))?;
        self.watch(notice["id"].as_str().unwrap_or_default(), &voices.authority, context)?;
        tell_history(case, &voices.authority, context)
    }

    /// The Nachreichung, and how it goes.
    fn amend(&mut self, case: &str, portal: &Api, context: &mut Context<'_>) -> Result<(), Stop> {
        let scene = Scene { sample: "nachreichung-1.json", ..scene() };
        let submission = self.submission(&scene)?.amending(case)?;
        let content = submission.content(context)?;
        let answer = Api::json(&portal.send(Method::POST, &["submissions"], &[], content)?)?;
        self.watch(answer["id"].as_str().unwrap_or_default(), portal, context)
    }

    /// Waits until the portal can pull an answer of this kind. `None` if Ctrl-C was pressed, or it takes too long.
    fn is_answered(
        &mut self,
        kind: &str,
        case: &str,
        voices: &Voices,
        context: &mut Context<'_>,
    ) -> Result<Option<Value>, Stop> {
        for _ in 0..super::story::LOOKS {
            let answer =
                voices.portal.send(Method::GET, &["cases", case, "replies"], &[], Content::none())?;
            let replies = Api::json(&answer)?;
            let found = replies["replies"].as_array().into_iter().flatten().find(|it| it["kind"] == kind);
            if let Some(found) = found {
                return Ok(Some(found.clone()));
            }
            if self.is_asked_to_end() {
                return Ok(None);
            }
        }
        context.line("   … dauert länger; `rohrpost queue list` zeigt, woran es liegt.")?;
        Ok(None)
    }
}

impl Voices {
    /// The road authority answers in the case, perhaps with one of the samples; the id of the answer.
    fn answer(
        &self,
        case: &str,
        said: &Value,
        attachment: Option<&str>,
        context: &Context<'_>,
    ) -> Result<String, Stop> {
        let mut multipart = Multipart::new(DeliveryId::new(context.clock.now()));
        let part = |name, content_type| Part { name, content_type: Some(content_type), ..Part::default() };
        multipart.bytes(&part("reply", "application/json"), said.to_string().into());
        if let Some(name) = attachment {
            let path = context.folder.join("samples").join(name);
            let bytes = std::fs::read(&path).map_err(|error| Stop::file(&path, &error))?;
            let part = Part { file_name: Some(name), ..part("attachment", "application/pdf") };
            multipart.bytes(&part, bytes.into());
        }
        let headers = vec![(CONTENT_TYPE, multipart.content_type())];
        let content = Content { headers, body: multipart.finish() };
        let answer = self.authority.send(Method::POST, &["cases", case, "replies"], &[], content)?;
        Ok(Api::json(&answer)?["id"].as_str().unwrap_or_default().to_owned())
    }
}

fn question() -> Value {
    json!({ "kind": "document-request", "text": QUESTION, "documents": ["Lageplan 1:500"], "deadline": "2099-01-31" })
}

fn order() -> Value {
    let payment = json!({ "amountCents": 4250, "purpose": "Sondernutzung Geruest" });
    json!({
        "kind": "payment-order", "text": "Gebühr für die Sondernutzung", "reference": "StrVA 4711/26", "payment": payment,
    })
}

/// Both directions, in their order.
fn tell_history(case: &str, api: &Api, context: &mut Context<'_>) -> Result<(), Stop> {
    let view = Api::json(&api.send(Method::GET, &["cases", case], &[], Content::none())?)?;
    context.line(format!("\n   Der Vorgang {case}:"))?;
    for submission in view["submissions"].as_array().into_iter().flatten() {
        let kind = submission["kind"].as_str().unwrap_or_default();
        let deliveries = submission["deliveries"].as_array().map(Vec::as_slice).unwrap_or_default();
        let steps: Vec<_> = deliveries.iter().map(step).collect();
        let steps = if steps.is_empty() { "liegt zum Abholen bereit".to_owned() } else { steps.join(", ") };
        context.line(format!("   {} {:<21} {steps}", arrow(kind), german(kind)))?;
    }
    Ok(())
}

fn step(delivery: &Value) -> String {
    let word = |key: &str| delivery[key].as_str().unwrap_or_default();
    format!("{} {}", word("step"), super::story::state(word("state")))
}

/// From the portal, to it, or between the authority and the hub.
fn arrow(kind: &str) -> &'static str {
    match kind {
        "application" | "amendment" | "withdrawal" => "→",
        "payment-order" => "↔",
        _ => "←",
    }
}

fn german(kind: &str) -> &str {
    match kind {
        "application" => "Antrag",
        "amendment" => "Nachreichung",
        "receipt" => "Eingangsbestätigung",
        "document-request" => "Nachforderung",
        "payment-order" => "Zahlungsauftrag",
        "payment-request" => "Zahlungsaufforderung",
        "payment-confirmation" => "Zahlungsbestätigung",
        "notice" => "Bescheid",
        "status" => "Stand",
        other => other,
    }
}
