//! Handing in a unit that is claimed.

use super::unit::sidecar;
use super::{CLAIMED, Inbox};
use crate::intake::{self, Said, malformed};
use futures::StreamExt as _;
use rohrpost_model::digest::Hasher;
use rohrpost_model::ports::{Desk, Round, TakingIn, TurnedAway, Why};
use rohrpost_model::submission::Role;
use rohrpost_model::{ClientName, Digest, Failure, Reason, ReasonCode};
use serde::Deserialize;

/// The largest sidecar that is read.
const SIDECAR_MAX: usize = 64 * 1024;

/// So many characters of a digest tell units of one name apart.
const DIGEST_SHOWN: usize = 12;

/// Why a unit was not handed in.
enum NotTaken {
    /// The hub does not want it.
    Refused(TurnedAway),
    /// The files, or the hub, are in trouble.
    Trouble(Failure),
}

impl From<TurnedAway> for NotTaken {
    fn from(turned: TurnedAway) -> Self {
        match turned.why {
            Why::Unavailable => Self::Trouble(Failure::unavailable(Reason::new(ReasonCode::HubTrouble))),
            _ => Self::Refused(turned),
        }
    }
}

impl From<Failure> for NotTaken {
    fn from(failure: Failure) -> Self {
        Self::Trouble(failure)
    }
}

/// A file of a unit.
struct Part {
    path: String,
    name: Option<String>,
    role: Role,
    sha256: Digest,
}

/// What a sidecar says.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Sidecar {
    service: Option<String>,
    area: Option<String>,
    kind: Option<String>,
    case: Option<String>,
    foreign_id: Option<String>,
    test: Option<bool>,
}

impl Inbox {
    /// Hands in a claimed unit and puts it away.
    pub(super) async fn take(
        &self,
        desk: &dyn Desk,
        client: &ClientName,
        name: &str,
        round: &mut Round,
    ) -> Result<(), Failure> {
        let parts = self.parts(name).await?;
        let digest = digest(&parts);
        let shown = &digest.to_string()[..DIGEST_SHOWN];
        match self.hand_in(desk, client, name, &parts, &digest).await {
            Ok(repeated) => {
                round.take(repeated);
                self.done(name, shown).await
            }
            Err(NotTaken::Refused(turned)) => {
                // A file's name may be a person's.
                round.leave(shown, turned.why);
                self.refused(name, shown, &turned).await
            }
            Err(NotTaken::Trouble(failure)) => Err(failure),
        }
    }

    async fn parts(&self, name: &str) -> Result<Vec<Part>, Failure> {
        let home = format!("{CLAIMED}/{name}");
        let data = self.data(name);
        let mut parts = vec![self.part(format!("{home}/{data}"), None, Role::Data).await?];
        let folder = format!("{home}/{name}");
        let mut attached = self.files.list(&folder).await?.unwrap_or_default();
        attached.retain(|entry| !entry.is_folder && !entry.name.starts_with('.'));
        attached.sort_by(|one, other| one.name.cmp(&other.name));
        for entry in attached {
            let path = format!("{folder}/{}", entry.name);
            parts.push(self.part(path, Some(entry.name), Role::Attachment).await?);
        }
        Ok(parts)
    }

    async fn part(&self, path: String, name: Option<String>, role: Role) -> Result<Part, Failure> {
        let (mut content, mut hasher) = (self.files.open(&path).await?, Hasher::default());
        while let Some(piece) = content.next().await {
            hasher.update(&piece?);
        }
        Ok(Part { path, name, role, sha256: hasher.finish() })
    }

    async fn hand_in(
        &self,
        desk: &dyn Desk,
        client: &ClientName,
        name: &str,
        parts: &[Part],
        digest: &Digest,
    ) -> Result<bool, NotTaken> {
        let said = self.said(name).await?;
        let key = intake::key("file", &format!("{digest}:{name}"));
        let properties = [("file.name".to_owned(), self.data(name))].into();
        let mut taking = self.rules.usual.hand_in((desk, client), &said, key, properties).await?;
        for part in parts {
            self.stream(taking.as_mut(), part).await?;
        }
        Ok(taking.accept().await?.repeated)
    }

    async fn stream(&self, taking: &mut dyn TakingIn, part: &Part) -> Result<(), NotTaken> {
        let media_type = match &part.name {
            None => self.rules.media_type.clone(),
            Some(name) => media_type(name).to_owned(),
        };
        taking.begin(part.role, part.name.clone(), media_type)?;
        let (mut content, mut hasher) = (self.files.open(&part.path).await?, Hasher::default());
        while let Some(piece) = content.next().await {
            let piece = piece?;
            hasher.update(&piece);
            taking.write(piece).await?;
        }
        if hasher.finish() != part.sha256 {
            // Somebody writes to what is claimed: its key would stand for other content.
            return Err(Failure::unavailable(Reason::new(ReasonCode::FolderUnavailable)).into());
        }
        Ok(taking.end().await?)
    }

    /// What the file beside it and its name say.
    async fn said(&self, name: &str) -> Result<Said, NotTaken> {
        let named = match &self.rules.pattern {
            None => Said::default(),
            Some(pattern) => pattern.read(name).ok_or_else(|| {
                malformed(
                    format!(
                        "Der Dateiname „{name}“ ist nicht so gebaut, wie die Quelle es verlangt (`name`)."
                    ),
                    format!("The file's name `{name}` is not built as the source wants it (`name`)."),
                )
            })?,
        };
        let beside = self.sidecar(name).await?;
        Ok(Said {
            service: beside.service.or(named.service),
            area: beside.area.or(named.area),
            kind: beside.kind.or(named.kind),
            case: beside.case.or(named.case),
            foreign_id: beside.foreign_id.or(named.foreign_id),
            test: beside.test.map(|test| test.to_string()).or(named.test),
        })
    }

    async fn sidecar(&self, name: &str) -> Result<Sidecar, NotTaken> {
        let (home, file) = (format!("{CLAIMED}/{name}"), sidecar(name));
        let inside = self.files.list(&home).await?.unwrap_or_default();
        if !inside.iter().any(|entry| entry.name == file) {
            return Ok(Sidecar::default());
        }
        let (mut content, mut text) = (self.files.open(&format!("{home}/{file}")).await?, Vec::new());
        while let Some(piece) = content.next().await {
            text.extend_from_slice(&piece?);
            if text.len() > SIDECAR_MAX {
                return Err(malformed(
                    format!(
                        "{file} ist zu groß; es sagt nur service, area, kind, case, foreign-id und test."
                    ),
                    format!(
                        "{file} is too large; it says service, area, kind, case, foreign-id and test only."
                    ),
                )
                .into());
            }
        }
        serde_json::from_slice(&text).map_err(|fault| {
            NotTaken::Refused(malformed(
                format!(
                    "{file}:{}:{}: Das ist kein JSON-Objekt mit service, area, kind, case, foreign-id (Texte) und test (true oder false).",
                    fault.line(),
                    fault.column()
                ),
                format!("{file}: {fault}"),
            ))
        })
    }
}

/// All that belongs to a unit: other content under the same name is another submission.
fn digest(parts: &[Part]) -> Digest {
    let mut hasher = Hasher::default();
    for part in parts {
        hasher.update(part.sha256.to_string().as_bytes());
        hasher.update(part.name.as_deref().unwrap_or_default().as_bytes());
        hasher.update(b"\n");
    }
    hasher.finish()
}

/// The media type of a file, by the ending of its name.
pub fn media_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("pdf") => "application/pdf",
        Some("xml") => "application/xml",
        Some("json") => "application/json",
        Some("txt") => "text/plain",
        Some("csv") => "text/csv",
        Some("html" | "htm") => "text/html",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("png") => "image/png",
        Some("tif" | "tiff") => "image/tiff",
        Some("zip") => "application/zip",
        _ => "application/octet-stream",
    }
}
