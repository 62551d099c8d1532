//! Tries whether units could be published, without making one.
//!
//! What is written is a folder `.rohrpost-probe-…` with a file in it: no reader takes it for a unit, because a unit's
//! name begins with no dot. It is made where units are made (in `.rohrpost`, if that is there) and moved to where units
//! are published, with the same calls, and then removed. `.rohrpost` itself is not made: whether it is there says
//! whether anything was ever delivered into this folder, and inquiries rely on that.

use crate::disk::Disk;
use crate::publish::WORK;
use crate::unavailable;
use rohrpost_model::Timestamp;
use rohrpost_model::ports::{Finding, Probe, Words};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const THERE: &str = "there";
const IS_FOLDER: &str = "is-folder";
const WRITE: &str = "write";
const ROOM: &str = "room";

/// Less room than this is warned about.
const LITTLE: u64 = 1_000_000_000;

const MB: u64 = 1_000_000;

/// Plans the steps and tries them; each runs where it may block.
pub(crate) async fn probe(disk: &Arc<dyn Disk>, path: &Path, now: Timestamp, probe: &mut Probe) {
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
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!(".rohrpost-probe-{}-{number}", now.as_nanosecond());
    let steps: [Step; 4] =
        [there, is_folder, |disk, path, name| written(disk, path, name), |disk, path, _| room(disk, path)];
    for step in steps {
        let (disk, path, name) = (Arc::clone(disk), path.to_owned(), name.clone());
        let tried = tokio::task::spawn_blocking(move || step(disk.as_ref(), &path, &name)).await;
        let finding = tried.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into()));
        let finding = finding.unwrap_or_else(|error| failed(&error));
        let well = !matches!(finding, Finding::Fails { .. });
        probe.end(finding);
        if !well {
            return;
        }
    }
}

/// Keeps two probes of one folder from having the same name.
static NUMBER: AtomicU64 = AtomicU64::new(0);

type Step = fn(&dyn Disk, &Path, &str) -> io::Result<Finding>;

fn there(disk: &dyn Disk, path: &Path, _: &str) -> io::Result<Finding> {
    let there = disk.exists(path)?;
    if there { Ok(works("ist da", "is there")) } else { Err(ErrorKind::NotFound.into()) }
}

fn is_folder(disk: &dyn Disk, path: &Path, _: &str) -> io::Result<Finding> {
    if disk.is_folder(path)? { Ok(works("ja", "yes")) } else { Err(ErrorKind::NotADirectory.into()) }
}

/// Tries what publishing does, and clears away whatever is left of it.
fn written(disk: &dyn Disk, path: &Path, name: &str) -> io::Result<Finding> {
    let work = path.join(WORK);
    let home = if disk.exists(&work)? { work } else { path.to_owned() };
    let (made, moved) = (home.join(format!("{name}-new")), path.join(name));
    let tried = try_all(disk, &home, path, (&made, &moved));
    let cleared = [made, moved].map(|left| clear(disk, &left));
    tried.and(cleared.into_iter().collect::<io::Result<()>>())?;
    Ok(works("geht", "works"))
}

fn try_all(disk: &dyn Disk, home: &Path, target: &Path, (made, moved): (&Path, &Path)) -> io::Result<()> {
    disk.make_folder(made, true)?;
    let mut file = disk.create(&made.join("trial"))?;
    file.write(b"rohrpost probe\n")?;
    file.sync()?;
    disk.sync_folder(made)?;
    disk.sync_folder(home)?;
    disk.move_to_new(made, moved)?;
    disk.sync_folder(target)
}

fn clear(disk: &dyn Disk, left: &Path) -> io::Result<()> {
    if disk.exists(left)? { disk.remove_folder(left) } else { Ok(()) }
}

fn room(disk: &dyn Disk, path: &Path) -> io::Result<Finding> {
    let bytes = match disk.room(path) {
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
        enough => {
            works(&format!("{} GB frei", enough / (1000 * MB)), &format!("{} GB left", enough / (1000 * MB)))
        }
    })
}

fn works(german: &str, english: &str) -> Finding {
    Finding::Works(Words::new(german, english))
}

/// The failure with what a delivery would wait with.
fn failed(error: &io::Error) -> Finding {
    let reason = unavailable(error).reason().clone();
    Finding::Fails { reason, advice: advice(error.kind()) }
}

fn advice(kind: ErrorKind) -> Words {
    match kind {
        ErrorKind::NotFound => Words::new(
            "Den Ordner gibt es nicht. Anlegen oder die Freigabe einbinden; Rohrpost legt ihn nicht an.",
            "There is no such folder. Make it, or mount the share; the hub does not make it.",
        ),
        ErrorKind::NotADirectory => {
            Words::new("Das ist kein Ordner. `path` prüfen.", "This is not a folder. Check `path`.")
        }
        ErrorKind::PermissionDenied => Words::new(
            "Der Benutzer, unter dem die Probe läuft, darf das nicht. Besitzer, Gruppe und Rechte des Ordners (und von \
             `.rohrpost` darin) prüfen.",
            "The user that the probe runs as must not do that. Check owner, group and mode of the folder (and of \
             `.rohrpost` in it).",
        ),
        ErrorKind::ReadOnlyFilesystem => Words::new(
            "Das Dateisystem ist nur lesbar eingebunden. Beschreibbar einbinden.",
            "The file system is mounted read-only. Mount it so that it can be written.",
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Words::new(
            "Es ist kein Platz frei (oder das Kontingent oder die Zahl der Dateien ist erschöpft). Platz schaffen.",
            "There is no room left (or the quota or the number of files is used up). Make room.",
        ),
        other => Words::new(
            format!("Das geht nicht ({other}). Einbindung, Netz und Datenträger prüfen."),
            format!("This does not work ({other}). Check mount, network and disk."),
        ),
    }
}
