//! What the demo does, step by step, told in German because an operator watches.

use super::dms::Dms;
use super::provider::Provider;
use super::whole_case;
use crate::commands::Context;
use crate::commands::api::{Access, Api, Content};
use crate::commands::send;
use crate::commands::submission::Submission;
use crate::config::SECRETS;
use crate::faults::{Stop, plain};
use crate::hub::{Running, Start, begin_log, runtime};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rohrpost_kit::http::Method;
use serde_json::Value;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Where the shipped destination `lk-beispiel-enaio` looks for its DMS.
const DMS_ADDRESS: &str = "127.0.0.1:8482";

/// Where the shipped destination `lk-beispiel-bezahlung` looks for its provider.
const PROVIDER_ADDRESS: &str = "127.0.0.1:8483";

/// The area of the samples.
const AREA: &str = "150910000000";

/// How often the DMS refuses the third submission.
const DOWN_FOR: u32 = 2;

/// The folders that the Fachverfahren of the shipped configuration read.
const FACHVERFAHREN: [&str; 3] = ["fachverfahren", "strassenamt", "standesamt"];

/// The folder that the print service reads.
const PRINT: &str = "druck";

/// A submission of the demo.
pub struct Scene {
    /// What it is, in German.
    pub about: String,
    /// The service.
    pub service: &'static str,
    /// The data, among the samples.
    pub sample: &'static str,
    /// The attachments, among the samples.
    pub attachments: &'static [&'static str],
    /// How often the DMS refuses it.
    pub refusals: u32,
}

fn scenes() -> [Scene; 5] {
    let brunnen = |about: &str, sample, attachments, refusals| {
        let service = "99128001000000";
        Scene { about: about.to_owned(), service, sample, attachments, refusals }
    };
    let refused = format!("Eine gültige Anzeige, während das DMS die ersten {DOWN_FOR} Versuche ablehnt");
    [
        brunnen(
            "Eine gültige Anzeige einer Brunnenbohrung mit zwei Anlagen",
            "brunnenbohrung-1.xml",
            &["lageplan.pdf", "vollmacht.pdf"],
            0,
        ),
        brunnen("Eine Anzeige, die das Schema verletzt", "brunnenbohrung-2-fehlerhaft.xml", &[], 0),
        brunnen(&refused, "brunnenbohrung-3.xml", &["lageplan.pdf"], DOWN_FOR),
        Scene {
            about: "Ein Antrag auf Sondernutzung, für das Straßenamt".to_owned(),
            service: "99108012005001",
            sample: "sondernutzung-1.xml",
            attachments: &["lageplan.pdf"],
            refusals: 0,
        },
        Scene {
            about: "Eine Bestellung von zwei Urkunden, für das Standesamt".to_owned(),
            service: "99999000000001",
            sample: "urkunde-1.xml",
            attachments: &["vollmacht.pdf"],
            refusals: 0,
        },
    ]
}

/// The pause between two looks at a submission.
const LOOK: Duration = Duration::from_millis(200);

/// How many looks before the demo goes on without an end: one minute.
pub const LOOKS: u32 = 300;

/// Runs the demo. With `once` it ends after the submissions instead of waiting for Ctrl-C.
pub fn tell(once: bool, context: &mut Context<'_>) -> Result<(), Stop> {
    let start = context.start()?;
    begin_log(crate::config::Log { json: start.configuration.hub.log.json, level: "warn" });
    let data = start.configuration.hub.data.clone();
    greet(&data, context)?;
    let runtime = runtime()?;
    let (hub, dms, provider) = runtime.block_on(begin(start, context))?;
    let samples = context.folder.join("samples");
    let mut demo = Demo { dms, provider, data, samples, hub, runtime, asked: false };
    let told = demo.tell(once, context);
    demo.runtime.block_on(demo.hub.end());
    told?;
    context.line("Rohrpost ist beendet. Ein neuer Start macht mit diesen Daten weiter.")
}

/// The path as people write it: `config/../demo-data` is `demo-data`. For showing only.
fn tidy(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut tidy, component| {
        let goes_back = component == Component::ParentDir
            && matches!(tidy.components().next_back(), Some(Component::Normal(_)));
        if goes_back {
            tidy.pop();
        } else {
            tidy.push(component);
        }
        tidy
    })
}

/// Says whether this start continues or begins clean.
fn greet(data: &Path, context: &mut Context<'_>) -> Result<(), Stop> {
    let shown = tidy(data);
    let shown = shown.display();
    if data.exists() {
        context.line(format!(
            "Rohrpost macht mit den Daten in {shown} weiter (für einen neuen Anfang: löschen)."
        ))
    } else {
        context.line(format!("Rohrpost beginnt neu; die Daten entstehen in {shown}."))
    }
}

async fn begin(start: Start, context: &Context<'_>) -> Result<(Running, Dms, Provider), Stop> {
    let partner = start.configuration.hub.data.join("partner");
    let (dms_login, provider_login) =
        (log_in("enaio.password", context)?, log_in("bezahlung.password", context)?);
    // The store makes its folder first, readable by its owner only.
    let hub = start.run().await?;
    let dms = Dms::new(&partner.join("dms"), dms_login)?;
    for folder in FACHVERFAHREN.into_iter().chain([PRINT]) {
        std::fs::create_dir_all(partner.join(folder))?;
    }
    tokio::spawn(dms.clone().serve(listener("DMS", DMS_ADDRESS).await?));
    let provider = Provider::new(provider_login);
    tokio::spawn(provider.clone().serve(listener("payment provider", PROVIDER_ADDRESS).await?));
    Ok((hub, dms, provider))
}

/// How the hub logs in at a simulated partner.
fn log_in(secret: &str, context: &Context<'_>) -> Result<String, Stop> {
    let password = std::fs::read_to_string(context.folder.join(SECRETS).join(secret))?;
    Ok(format!("Basic {}", STANDARD.encode(format!("rohrpost:{}", password.trim_end()))))
}

async fn listener(partner: &str, address: &str) -> Result<TcpListener, Stop> {
    let taken = |error: std::io::Error| {
        Stop::Failed(format!("the simulated {partner} cannot listen on {address}: {}", plain(&error)))
    };
    TcpListener::bind(address).await.map_err(taken)
}

/// The demo while it is told.
pub struct Demo {
    dms: Dms,
    pub(super) provider: Provider,
    data: PathBuf,
    samples: PathBuf,
    pub(super) hub: Running,
    runtime: Runtime,
    /// Somebody pressed Ctrl-C: nothing more is begun.
    pub(super) asked: bool,
}

impl Demo {
    fn tell(&mut self, once: bool, context: &mut Context<'_>) -> Result<(), Stop> {
        self.submissions(context)?;
        if self.asked {
            return Ok(());
        }
        self.where_to_look(once, context)?;
        if !once {
            self.runtime.block_on(self.hub.until_asked_to_end());
        }
        Ok(())
    }

    fn submissions(&mut self, context: &mut Context<'_>) -> Result<(), Stop> {
        let api = Api::open(&Access::to(&format!("http://{}", self.hub.api))?, "portal", context)?;
        context.line(format!("Die Annahme läuft: http://{}", self.hub.api))?;
        for (number, scene) in (1..).zip(scenes()) {
            if self.asked {
                return Ok(());
            }
            context.line(format!("\n{number}. {}:", scene.about))?;
            self.dms.go_down_for(scene.refusals);
            self.hand_in(&scene, &api, context)?;
        }
        if self.asked {
            return Ok(());
        }
        let scene = whole_case::scene();
        context.line(format!("\n6. {}:", scene.about))?;
        match self.hand_in(&scene, &api, context)? {
            Some(case) if !self.asked => self.whole_case(&case, context),
            _ => Ok(()),
        }
    }

    /// What a scene hands in.
    pub(super) fn submission(&self, scene: &Scene) -> Result<Submission, Stop> {
        let attachments = scene.attachments.iter().map(|name| self.samples.join(name)).collect();
        Submission::of(self.samples.join(scene.sample), scene.service, AREA, attachments)
    }

    /// Hands in a sample and tells how it goes; its case, where it was taken.
    fn hand_in(
        &mut self,
        scene: &Scene,
        api: &Api,
        context: &mut Context<'_>,
    ) -> Result<Option<String>, Stop> {
        let arguments = send::Arguments::of(self.submission(scene)?);
        match send::hand_in(&arguments, api, context) {
            Ok(answer) => {
                let word = |key: &str| answer[key].as_str().unwrap_or("-").to_owned();
                context.line(format!("   angenommen: {} (Vorgang {})", word("id"), word("case")))?;
                self.watch(&word("id"), api, context)?;
                Ok(Some(word("case")))
            }
            Err(Stop::Failed(refused)) => {
                context.line(format!("   abgelehnt, nichts gespeichert: {refused}"))?;
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Tells every change of the submission's deliveries until it is completed, or Ctrl-C is pressed.
    pub(super) fn watch(&mut self, id: &str, api: &Api, context: &mut Context<'_>) -> Result<(), Stop> {
        let mut told = String::new();
        for _ in 0..LOOKS {
            let submission =
                Api::json(&api.send(Method::GET, &["submissions", id], &[], Content::none())?)?;
            let now = progress(&submission);
            if now != told {
                context.line(&now)?;
                context.flush()?;
                told = now;
            }
            if matches!(submission["state"].as_str(), Some("completed" | "ended" | "attention")) {
                return Ok(());
            }
            if self.is_asked_to_end() {
                return Ok(());
            }
        }
        context.line("   … dauert länger; `rohrpost queue list` zeigt, woran es liegt.")
    }

    /// Waits a moment; whether somebody pressed Ctrl-C meanwhile.
    pub(super) fn is_asked_to_end(&mut self) -> bool {
        self.asked = self.runtime.block_on(self.hub.asked_to_end_within(LOOK));
        self.asked
    }

    fn where_to_look(&self, once: bool, context: &mut Context<'_>) -> Result<(), Stop> {
        let (partner, config) = (tidy(&self.data).join("partner"), context.folder.display().to_string());
        let (api, operations) = (self.hub.api, self.hub.operations);
        let lines = [
            "\nWo man nachsieht:".to_owned(),
            format!(
                "  Fachverfahren (signierte Nachrichten, Anlagen):  {}",
                FACHVERFAHREN.map(|folder| partner.join(folder).display().to_string()).join("  ")
            ),
            format!("  DMS (Indexdaten, Dokumente):                     {}", partner.join("dms").display()),
            format!("  Druckdienst (Bescheide):                         {}", partner.join(PRINT).display()),
            format!(
                "  Warteschlange:                                   target/release/rohrpost --config {config} queue list"
            ),
            format!(
                "  Status über die API:                             curl -H \"Authorization: Bearer $(cat {config}/{SECRETS}/portal.token)\" http://{api}/v1/deliveries"
            ),
            format!(
                "  Zustand und Messwerte, ohne Anmeldung:           http://{operations}/healthz  http://{operations}/metrics"
            ),
            format!(
                "  Anmeldung: Portal {config}/{SECRETS}/portal.token, Betrieb {config}/{SECRETS}/operator.token"
            ),
        ];
        lines.iter().try_for_each(|line| context.line(line))?;
        if !once {
            context.line("\nStrg-C beendet.")?;
        }
        context.flush()
    }
}

/// One line per delivery.
fn progress(submission: &Value) -> String {
    let deliveries = submission["deliveries"].as_array().map(Vec::as_slice).unwrap_or_default();
    let lines: Vec<_> = deliveries.iter().map(line).collect();
    lines.join("\n")
}

fn line(delivery: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let state = state(delivery["state"].as_str().unwrap_or(""));
    let about =
        delivery["receipt"]["reference"].as_str().or(delivery["reason"]["text"]["de"].as_str()).unwrap_or("");
    let attempts = delivery["attempts"].as_u64().unwrap_or(0);
    format!("   {:<14} {state:<26} Versuche: {attempts}  {about}", word(&delivery["step"]))
}

/// A delivery's state in German.
pub fn state(word: &str) -> &str {
    match word {
        "blocked" => "wartet auf einen Schritt",
        "due" => "fällig",
        "claimed" => "in Arbeit",
        "sending" => "wird gesendet",
        "unknown" => "ungewiss, das Ziel wird gefragt",
        "awaiting" => "angenommen, Antwort steht aus",
        "parked" => "wartet auf einen Menschen",
        "delivered" => "zugestellt",
        "skipped" => "übersprungen",
        other => other,
    }
}
