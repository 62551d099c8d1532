//! The folder of one case of a route: what is handed in.
//!
//! ```text
//! config/routes/<route>/cases/<case>/
//!   case.toml        what is said of the submission
//!   data.xml         the data (or data.json)
//!   …                attachments that case.toml names
//!   expected/        what must come of it, see `expected`
//! ```

use crate::commands::read_file;
use crate::commands::submission::Submission;
use crate::faults::Stop;
use rohrpost_engine::trace::{Ids, Trial};
use rohrpost_kit::settings;
use rohrpost_model::{
    Area, CaseId, Client, ClientName, Fault, Kind, Receipt, ServiceKey, StepName, Timestamp,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// When every case is received: 2026-01-15T09:30:00Z, as in the cases of mappings.
const RECEIVED: i64 = 1_768_469_400;

/// The case of the submission where none is named, as in the cases of mappings.
const CASE: &str = "fall-0001";

/// `case.toml`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    service: ServiceKey,
    area: Area,
    kind: Option<Kind>,
    case: Option<CaseId>,
    /// Whose grants are asked for.
    client: Option<Spanned<ClientName>>,
    #[serde(default)]
    test: bool,
    /// Files in the case's folder.
    #[serde(default)]
    attachments: Vec<PathBuf>,
    /// What targets answer, by step.
    #[serde(default)]
    answer: BTreeMap<StepName, Answer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Answer {
    reference: Option<String>,
    result: Option<String>,
}

/// Reads what is handed in; `client` finds one by its name.
pub(super) fn read(folder: &Path, client: impl Fn(&str) -> Option<Client>) -> Result<Trial, Stop> {
    let file = folder.join("case.toml");
    let text = String::from_utf8(read_file(&file)?)
        .map_err(|_| Stop::Failed(format!("{}: the file is not UTF-8", file.display())))?;
    let shown = file.display().to_string();
    let settings: Settings = settings::read(&shown, &text, None)?;
    let named = settings.client.as_ref().map(|name| {
        let missing = || {
            let fault: Fault = settings::Places::new(&shown, &text).fault_at(name, "there is no such client");
            Stop::Faults(vec![fault.hint("clients stand in clients/*.toml")])
        };
        client(name.get_ref().as_str()).ok_or_else(missing)
    });
    let submission = Submission {
        file: data(folder)?,
        service: settings.service,
        area: settings.area,
        kind: settings.kind,
        case: settings.case.or_else(|| CASE.parse().ok()),
        attachments: settings.attachments.iter().map(|name| folder.join(name)).collect(),
        test: settings.test,
    };
    let (data, parts) = submission.parts()?;
    let answers = settings.answer.into_iter().map(|(step, Answer { reference, result })| {
        (step, Receipt { reference, result, ..Receipt::default() })
    });
    let ids = Ids::Fixed(Timestamp::from_second(RECEIVED).unwrap_or_default());
    let (intent, client) = (submission.intent()?, named.transpose()?);
    Ok(Trial { intent, client, data, parts, answers: answers.collect(), ids })
}

fn data(folder: &Path) -> Result<PathBuf, Stop> {
    let found: Vec<_> =
        ["data.xml", "data.json"].iter().map(|name| folder.join(name)).filter(|path| path.exists()).collect();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        _ => Err(Stop::Failed(format!("{}: a case has data.xml or data.json", folder.display()))),
    }
}
