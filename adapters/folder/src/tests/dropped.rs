//! Files that others drop, on a real file system.

use crate::Hotfolder;
use rohrpost_kit::conformance::{FixedClock, TestDesk};
use rohrpost_kit::settings::Secrets;
use rohrpost_kit::{AdapterSource, SourceAdapter};
use rohrpost_model::Fault;
use rohrpost_model::ports::{Probe, Round, Source};
use secrecy::SecretString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

struct NoSecrets;

impl Secrets for NoSecrets {
    fn file(&self, _: &Path) -> Result<SecretString, String> {
        Err("none".into())
    }
    fn env(&self, _: &str) -> Result<SecretString, String> {
        Err("none".into())
    }
}

fn source(folder: &Path, text: &str) -> Result<Arc<dyn Source>, Vec<Fault>> {
    Hotfolder.configure(&AdapterSource {
        file: "sources/a.toml",
        text: &format!("[folder]\n{text}"),
        folder,
        secrets: &NoSecrets,
        clock: Arc::new(FixedClock::default()),
    })
}

const USUAL: &str = "path = \"eingang\"\nstable = \"0s\"\nservice = \"99108003000000\"\narea = \"15091\"\n";

async fn round(source: &Arc<dyn Source>, desk: &TestDesk) -> Round {
    let mut round = Round::default();
    source.round(desk, &"fachverfahren".parse().unwrap(), &mut round).await.unwrap();
    round
}

#[tokio::test]
async fn files_are_taken_in_and_put_away() {
    let home = tempfile::tempdir().unwrap();
    let inbox = home.path().join("eingang");
    fs::create_dir_all(inbox.join("a")).unwrap();
    let large = "x".repeat(200_000);
    fs::write(inbox.join("a/Lageplan Süd.pdf"), &large).unwrap();
    fs::write(inbox.join("a.xml"), "<a/>").unwrap();
    fs::write(inbox.join("b.txt"), "nichts für uns").unwrap();
    let (source, desk) = (source(home.path(), USUAL).unwrap(), TestDesk::default());
    let taken = round(&source, &desk).await;
    assert_eq!((taken.taken, taken.left), (1, 0));
    let parts = desk.kept().remove(0).parts;
    assert_eq!(
        (parts[0].content.as_slice(), parts[0].media_type.as_str()),
        (&b"<a/>"[..], "application/xml")
    );
    assert_eq!(
        (parts[1].name.as_deref(), parts[1].content.as_slice()),
        (Some("Lageplan Süd.pdf"), large.as_bytes())
    );
    let done: Vec<_> = fs::read_dir(inbox.join("done")).unwrap().collect();
    let done = done[0].as_ref().unwrap().path();
    assert!(done.join("a.xml").exists() && done.join("a/Lageplan Süd.pdf").exists());
    assert!(inbox.join("b.txt").exists() && !inbox.join("a.xml").exists() && !inbox.join("a").exists());
    assert_eq!(round(&source, &desk).await, Round::default());
}

#[tokio::test]
async fn a_link_leads_nowhere() {
    let home = tempfile::tempdir().unwrap();
    let inbox = home.path().join("eingang");
    fs::create_dir_all(home.path().join("geheim")).unwrap();
    fs::create_dir_all(&inbox).unwrap();
    fs::write(home.path().join("geheim/passwd"), "root").unwrap();
    symlink(home.path().join("geheim/passwd"), inbox.join("a.xml")).unwrap();
    symlink(home.path().join("geheim"), inbox.join("b")).unwrap();
    fs::write(inbox.join("b.xml"), "<b/>").unwrap();
    let (source, desk) = (source(home.path(), USUAL).unwrap(), TestDesk::default());
    assert_eq!(round(&source, &desk).await.taken, 1);
    let kept = desk.kept();
    assert_eq!((kept.len(), kept[0].parts.len()), (1, 1), "only b.xml, without what its link shows");
}

#[tokio::test]
async fn what_is_deleted_leaves_nothing_and_a_folder_that_is_not_there_is_told() {
    let home = tempfile::tempdir().unwrap();
    let inbox = home.path().join("eingang");
    fs::create_dir_all(&inbox).unwrap();
    fs::write(inbox.join("a.xml"), "<a/>").unwrap();
    let source = source(home.path(), &format!("{USUAL}done = \"delete\"\n")).unwrap();
    let desk = TestDesk::default();
    assert_eq!(round(&source, &desk).await.taken, 1);
    let left: Vec<_> = fs::read_dir(inbox.join(".rohrpost-claimed")).unwrap().collect();
    assert!(left.is_empty() && !inbox.join("done").exists(), "{left:?}");
    let mut probe = Probe::default();
    source.probe(&mut probe).await;
    assert!(probe.is_well(), "{probe:?}");
    fs::remove_dir_all(&inbox).unwrap();
    let ended = source.round(&desk, &"a".parse().unwrap(), &mut Round::default()).await;
    assert!(ended.is_err(), "{ended:?}");
}

#[test]
fn every_fault_is_told_with_its_place() {
    let told = |text: &str| {
        let faults = source(Path::new("/nowhere"), text).err().unwrap_or_default();
        faults.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let found =
        told("path = \"a\"\nextension = \".xml\"\nstable = \"5s\"\nready = true\nname = \"{servce}\"\n");
    let expected = [
        "3:13: this is no extension of a file",
        "4:10: with ready = true nothing has to be stable",
        "6:8: unknown placeholder {servce}",
    ];
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{expected} is not {found}");
    }
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(told("path = \"\"\n")[0].contains("the path is empty"));
}
