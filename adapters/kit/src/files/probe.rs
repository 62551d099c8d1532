//! Tries whether units could be published, without making one.
//!
//! What is written is a folder `.rohrpost-probe-…` with a file in it: no reader takes it for a unit, because a unit's
//! name begins with no dot. It is made where units are made (in `.rohrpost`, if that is there) and moved to where units
//! are published, with the same calls, and then removed. `.rohrpost` itself is not made: whether it is there says
//! whether anything was ever delivered into this folder, and inquiries rely on that.

use super::disk::Disk;
use super::publish::WORK;
use rohrpost_model::Timestamp;
use rohrpost_model::ports::{Finding, Probe, Words};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const THERE: &str = "there";
const IS_FOLDER: &str = "is-folder";
const WRITE: &str = "write";
const ROOM: &str = "room";

/// Less room than this is warned about.
const LITTLE: u64 = 1_000_000_000;

const MB: u64 = 1_000_000;

/// What is to be done about an error.
pub type Advice = fn(ErrorKind) -> Words;

/// Plans the steps.
pub fn plan(path: &Path, probe: &mut Probe) {
    let shown = path.display();
    probe.plan(THERE, Words::new(format!("Ordner: {shown}"), format!("folder: {shown}")));
    probe.plan(IS_FOLDER, Words::new("ist ein Ordner", "is a folder"));
    probe.plan(
        WRITE,
        Words::new(
            "Versuchsdatei anlegen, sichern, umbenennen, löschen",
            "make, sync, rename and remove a trial file",
        ),
    );
    probe.plan(ROOM, Words::new("freier Platz", "room left"));
}

/// Tries them; each runs where it may block. What is the matter beyond the usual, `advice` knows.
pub async fn try_steps(disk: &Arc<dyn Disk>, path: &Path, now: Timestamp, advice: Advice, probe: &mut Probe) {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!(".rohrpost-probe-{}-{number}", now.as_nanosecond());
    for step in [Step::There, Step::IsFolder, Step::Write, Step::Room] {
        let trial = Trial { disk: Arc::clone(disk), path: path.to_owned(), name: name.clone() };
        let tried = async move { Ok(trial.step(step).await) };
        let finding = match super::disk::run(disk, tried).await {
            Ok(Ok(finding)) => finding,
            Ok(Err(error)) => failed(disk.as_ref(), &error, advice),
            Err(_) => failed(disk.as_ref(), &ErrorKind::Interrupted.into(), advice),
        };
        let well = !matches!(finding, Finding::Fails { .. });
        probe.end(finding);
        if !well {
            return;
        }
    }
}

/// Keeps two probes of one folder from having the same name.
static NUMBER: AtomicU64 = AtomicU64::new(0);

#[derive(Clone, Copy)]
enum Step {
    There,
    IsFolder,
    Write,
    Room,
}

struct Trial {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    name: String,
}

impl Trial {
    async fn step(&self, step: Step) -> io::Result<Finding> {
        match step {
            Step::There if self.disk.exists(&self.path).await? => Ok(works("ist da", "is there")),
            Step::There => Err(ErrorKind::NotFound.into()),
            Step::IsFolder if self.disk.is_folder(&self.path).await? => Ok(works("ja", "yes")),
            Step::IsFolder => Err(ErrorKind::NotADirectory.into()),
            Step::Write => self.write().await,
            Step::Room => self.room().await,
        }
    }

    /// Tries what publishing does, and clears away whatever is left of it.
    async fn write(&self) -> io::Result<Finding> {
        let work = self.path.join(WORK);
        let home = if self.disk.exists(&work).await? { work } else { self.path.clone() };
        let (made, moved) = (home.join(format!("{}-new", self.name)), self.path.join(&self.name));
        let tried = self.try_all(&home, &made, &moved).await;
        let cleared = [self.clear(&made).await, self.clear(&moved).await];
        tried.and(cleared.into_iter().collect::<io::Result<()>>())?;
        Ok(works("geht", "works"))
    }

    async fn try_all(&self, home: &Path, made: &Path, moved: &Path) -> io::Result<()> {
        self.disk.make_folder(made, true).await?;
        let mut file = self.disk.create(&made.join("trial")).await?;
        file.write(b"rohrpost probe\n").await?;
        file.sync().await?;
        self.disk.sync_folder(made).await?;
        self.disk.sync_folder(home).await?;
        self.disk.move_to_new(made, moved).await?;
        self.disk.sync_folder(&self.path).await
    }

    async fn clear(&self, left: &Path) -> io::Result<()> {
        if self.disk.exists(left).await? { self.disk.remove_folder(left).await } else { Ok(()) }
    }

    async fn room(&self) -> io::Result<Finding> {
        let bytes = match self.disk.room(&self.path).await {
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported) => {
                return Ok(Finding::NotTried(Words::new(
                    "Das Dateisystem sagt nicht, wie viel Platz frei ist.",
                    "The file system does not tell how much room is left.",
                )));
            }
            bytes => bytes?,
        };
        Ok(match bytes {
            0 => return Err(ErrorKind::StorageFull.into()),
            few if few < LITTLE => Finding::Warns(Words::new(
                format!("Nur {} MB sind frei. Platz schaffen, bevor Lieferungen warten müssen.", few / MB),
                format!("Only {} MB are left. Make room before deliveries have to wait.", few / MB),
            )),
            enough => works(
                &format!("{} GB frei", enough / (1000 * MB)),
                &format!("{} GB left", enough / (1000 * MB)),
            ),
        })
    }
}

fn works(german: &str, english: &str) -> Finding {
    Finding::Works(Words::new(german, english))
}

/// The failure with what a delivery would wait with.
fn failed(disk: &dyn Disk, error: &io::Error, advice: Advice) -> Finding {
    let reason = disk.failure(error).reason().clone();
    let advice = match error.kind() {
        ErrorKind::NotADirectory => {
            Words::new("Das ist kein Ordner. Den Pfad prüfen.", "This is not a folder. Check the path.")
        }
        ErrorKind::ReadOnlyFilesystem => Words::new(
            "Das Dateisystem ist nur lesbar eingebunden. Beschreibbar einbinden.",
            "The file system is mounted read-only. Mount it so that it can be written.",
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Words::new(
            "Es ist kein Platz frei (oder das Kontingent oder die Zahl der Dateien ist erschöpft). Platz schaffen.",
            "There is no room left (or the quota or the number of files is used up). Make room.",
        ),
        other => advice(other),
    };
    Finding::Fails { reason, advice }
}
