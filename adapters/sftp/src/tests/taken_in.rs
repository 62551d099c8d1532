//! Files that others drop into a folder of an SFTP server.

use super::peer::{Serves, Sshd, is_there};
use super::source;
use rohrpost_kit::conformance::TestDesk;
use rohrpost_model::ports::{Probe, Round, Source};
use rohrpost_model::submission::Role;
use rohrpost_model::{Failure, ReasonCode};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

const USUAL: &str = "stable = \"0s\"\nservice = \"99108003000000\"\narea = \"15091\"\n";

fn table(sshd: &Sshd, further: &str) -> String {
    sshd.settings("").replace("unit = \"flat\"\n", further)
}

fn from(sshd: &Sshd, further: &str) -> Arc<dyn Source> {
    source(&table(sshd, further)).unwrap()
}

async fn round(source: &Arc<dyn Source>, desk: &TestDesk) -> (Round, Result<(), Failure>) {
    let mut round = Round::default();
    let ended = source.round(desk, &"fachverfahren".parse().unwrap(), &mut round).await;
    (round, ended)
}

/// All files below a folder, by their paths from there.
fn files(folder: &Path) -> BTreeSet<String> {
    fn below(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => below(&path, root, found),
                false => drop(found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned())),
            }
        }
    }
    let mut found = BTreeSet::new();
    below(folder, folder, &mut found);
    found
}

fn drop_unit(folder: &Path, name: &str) {
    fs::create_dir(folder.join(name)).unwrap();
    fs::write(folder.join(format!("{name}/plan.pdf")), "plan").unwrap();
    fs::write(folder.join(format!("{name}.meta.json")), "{\"kind\":\"notice\"}").unwrap();
    fs::write(folder.join(format!("{name}.xml")), "<a/>").unwrap();
}

#[tokio::test]
async fn files_are_taken_in_and_put_away() {
    if !is_there() {
        return;
    }
    for mood in ["well", "well plain"] {
        let sshd = Sshd::start(Serves::Relayed, "flat");
        sshd.mood(mood);
        let large = "x".repeat(700_001);
        drop_unit(&sshd.folder(), "a");
        fs::write(sshd.folder().join("a/Lageplan Süd.pdf"), &large).unwrap();
        fs::write(sshd.folder().join("leer.xml"), "").unwrap();
        fs::write(sshd.folder().join("b.txt"), "nichts für uns").unwrap();
        let (source, desk) = (from(&sshd, USUAL), TestDesk::default());
        let (taken, ended) = round(&source, &desk).await;
        assert_eq!((ended, taken.taken, taken.left), (Ok(()), 2, 0), "{mood}");
        let kept = desk.kept();
        assert_eq!(kept[0].intent.kind.as_str(), "notice");
        let parts: Vec<_> = kept[0].parts.iter().map(|part| (part.role, part.name.as_deref())).collect();
        let attached = |name| (Role::Attachment, Some(name));
        assert_eq!(parts, [(Role::Data, None), attached("Lageplan Süd.pdf"), attached("plan.pdf")]);
        assert_eq!(kept[0].parts[1].content, large.as_bytes());
        assert!(kept[1].parts[0].content.is_empty());
        let left = files(&sshd.folder());
        assert_eq!((left.len(), left.contains("b.txt")), (6, true), "{left:?}");
        for ending in ["/a.xml", "/a/plan.pdf", "/a/Lageplan Süd.pdf", "/a.meta.json", "/leer.xml"] {
            assert!(left.iter().any(|file| file.starts_with("done/") && file.ends_with(ending)), "{left:?}");
        }
        assert_eq!(round(&source, &desk).await, (Round::default(), Ok(())));
    }
}

#[tokio::test]
async fn h1_h3_when_the_connection_dies_before_any_request_a_unit_is_kept_once() {
    dies_at_every_request("before").await;
}

#[tokio::test]
async fn h1_h3_when_the_connection_dies_after_any_request_a_unit_is_kept_once() {
    dies_at_every_request("after").await;
}

async fn dies_at_every_request(when: &str) {
    if !is_there() {
        return;
    }
    let sshd = Sshd::start(Serves::Relayed, "flat");
    for number in 1.. {
        // A server that moves in one step, and one that does not know how.
        let plain = if number % 2 == 0 { "" } else { " plain" };
        drop_unit(&sshd.folder(), "a");
        let (source, desk) = (from(&sshd, USUAL), TestDesk::default());
        sshd.mood(&format!("{when} {number}{plain}"));
        let (_, torn) = round(&source, &desk).await;
        sshd.mood("well");
        let (_, ended) = round(&source, &desk).await;
        let context = format!("{when} request {number}{plain}: {torn:?}");
        assert_eq!(ended, Ok(()), "{context}");
        let kept = desk.kept();
        assert_eq!((kept.len(), kept[0].parts.len()), (1, 2), "{context}");
        assert_eq!(kept[0].intent.kind.as_str(), "notice", "{context}");
        let left = files(&sshd.folder());
        assert!(
            left.len() == 3 && left.iter().all(|file| file.starts_with("done/a-")),
            "{context}: {left:?}"
        );
        assert!(!sshd.folder().join(".rohrpost-claimed/a").exists(), "{context}");
        fs::remove_dir_all(sshd.folder().join("done")).unwrap();
        fs::remove_dir_all(sshd.folder().join(".rohrpost-claimed")).unwrap();
        if torn.is_ok() {
            assert!(number > 30, "{context}");
            return;
        }
    }
}

/// The connection died when the sidecar was claimed, and whoever drops files wrote it anew meanwhile.
#[tokio::test]
async fn what_is_dropped_again_takes_the_place_of_what_was_claimed_in_part_but_nothing_else_is_lost() {
    if !is_there() {
        return;
    }
    for mood in ["well", "well plain"] {
        let sshd = Sshd::start(Serves::Relayed, "flat");
        sshd.mood(mood);
        let claimed = sshd.folder().join(".rohrpost-claimed/a");
        fs::create_dir_all(claimed.join("a")).unwrap();
        fs::write(claimed.join("a.meta.json"), "{\"kind\":\"amendment\"}").unwrap();
        fs::write(sshd.folder().join("a.meta.json"), "{\"kind\":\"notice\"}").unwrap();
        fs::write(sshd.folder().join("a.xml"), "<a/>").unwrap();
        let (source, desk) = (from(&sshd, USUAL), TestDesk::default());
        assert_eq!(round(&source, &desk).await.0.taken, 1, "{mood}");
        assert_eq!(desk.kept()[0].intent.kind.as_str(), "notice", "{mood}");
        // A folder of attachments takes the place of none that has some.
        fs::create_dir_all(claimed.join("a")).unwrap();
        fs::write(claimed.join("a/alt.pdf"), "alt").unwrap();
        drop_unit(&sshd.folder(), "a");
        let (again, ended) = round(&source, &desk).await;
        assert_eq!(ended.unwrap_err().reason().code, ReasonCode::FolderUnavailable, "{mood}");
        let left = files(&sshd.folder());
        assert_eq!(again.taken, 0, "{mood}");
        for kept in [".rohrpost-claimed/a/a/alt.pdf", "a/plan.pdf", "a.xml"] {
            assert!(left.contains(kept), "{mood}: {kept} is lost: {left:?}");
        }
    }
}

#[tokio::test]
async fn a_link_leads_nowhere() {
    if !is_there() {
        return;
    }
    let sshd = Sshd::start(Serves::Internal, "flat");
    symlink(sshd.path("id"), sshd.folder().join("a.xml")).unwrap();
    symlink(sshd.path("."), sshd.folder().join("b")).unwrap();
    fs::write(sshd.folder().join("b.xml"), "<b/>").unwrap();
    let (source, desk) = (from(&sshd, &format!("{USUAL}done = \"delete\"\n")), TestDesk::default());
    assert_eq!(round(&source, &desk).await.0.taken, 1);
    let kept = desk.kept();
    assert_eq!((kept.len(), kept[0].parts.len()), (1, 1), "only b.xml, without what its link shows");
    // One that was put among what is claimed, after it was looked at there.
    let claimed = sshd.folder().join(".rohrpost-claimed/c");
    fs::create_dir_all(claimed.join("c")).unwrap();
    symlink(sshd.path("id"), claimed.join("c/id.txt")).unwrap();
    fs::write(claimed.join("c.xml"), "<c/>").unwrap();
    assert_eq!(round(&source, &desk).await.0.taken, 1);
    assert_eq!(desk.kept()[1].parts.len(), 1);
    assert!(sshd.path("id").exists(), "what a link shows is not deleted with it");
    assert!(!claimed.exists() && !sshd.folder().join("done").exists());
}

#[tokio::test]
async fn what_nobody_takes_goes_to_the_errors_with_the_reason_and_stays_claimed_while_the_hub_is_in_trouble()
{
    if !is_there() {
        return;
    }
    let sshd = Sshd::start(Serves::Internal, "flat");
    let (source, desk) = (from(&sshd, "stable = \"0s\"\narea = \"15091\"\n"), TestDesk::default());
    drop_unit(&sshd.folder(), "a");
    let (left, ended) = round(&source, &desk).await;
    assert_eq!((ended, left.left), (Ok(()), 1));
    let there = files(&sshd.folder());
    let reason = there.iter().find(|file| file.ends_with("/a.reason.txt")).unwrap();
    assert!(reason.starts_with("error/a-"), "{reason}");
    let text = fs::read_to_string(sshd.folder().join(reason)).unwrap();
    assert!(text.contains("„service“ fehlt"), "{text}");
    desk.turn_away(Some(rohrpost_model::ports::Why::Unavailable));
    fs::write(sshd.folder().join("b.xml"), "<b/>").unwrap();
    let source = from(&sshd, USUAL);
    let (_, ended) = round(&source, &desk).await;
    assert_eq!(ended.unwrap_err().reason().code, ReasonCode::HubTrouble);
    assert!(files(&sshd.folder()).contains(".rohrpost-claimed/b/b.xml"));
    desk.turn_away(None);
    assert_eq!(round(&source, &desk).await.0.taken, 1);
}

#[tokio::test]
async fn a_server_that_cannot_be_asked_is_told_and_tried_again() {
    if !is_there() {
        return;
    }
    let mut sshd = Sshd::start(Serves::Internal, "flat");
    let (source, desk) = (from(&sshd, USUAL), TestDesk::default());
    let code = async |source: &Arc<dyn Source>| round(source, &desk).await.1.unwrap_err().reason().code;
    let other = format!("host-keys = [\"{}\"]\n", super::peer::fingerprint(&sshd.path("other.pub")));
    let stranger = self::source(&sshd.settings(&other).replace("unit = \"flat\"\n", USUAL)).unwrap();
    assert_eq!(code(&stranger).await, ReasonCode::HostKeyDiffers);
    fs::remove_dir(sshd.folder()).unwrap();
    assert_eq!(code(&source).await, ReasonCode::FolderUnavailable);
    let mut probe = Probe::default();
    source.probe(&mut probe).await;
    assert!(!probe.is_well(), "{probe:?}");
    fs::create_dir(sshd.folder()).unwrap();
    fs::write(sshd.folder().join("a.xml"), "<a/>").unwrap();
    sshd.kill();
    assert_eq!(code(&source).await, ReasonCode::Unreachable);
    sshd.run();
    assert_eq!(round(&source, &desk).await.0.taken, 1);
    let mut probe = Probe::default();
    source.probe(&mut probe).await;
    assert!(probe.is_well(), "{probe:?}");
    assert!(files(&sshd.folder()).iter().all(|file| file.starts_with("done/")), "a probe leaves nothing");
}

#[test]
fn every_fault_is_told_with_its_place() {
    let text = "[sftp]\nhost = \"sftp.example.org\"\nhost-keys = []\nuser = \"hub\"\nfolder = \"\"\n\
                extension = \".xml\"\nunit = \"flat\"\nstabel = \"1s\"\n";
    let found: Vec<_> = source(text).err().unwrap().iter().map(ToString::to_string).collect();
    assert!(found[0].contains("a.toml:7:1: unknown key `unit`"), "{found:#?}");
    assert!(found[1].contains("a.toml:8:1: unknown key `stabel`; did you mean `stable`?"), "{found:#?}");
    let rest = text.replace("unit = \"flat\"\nstabel = \"1s\"\n", "");
    let found: Vec<_> = source(&rest).err().unwrap().iter().map(ToString::to_string).collect();
    for (found, expected) in found.iter().zip([
        "3:13: no host key is believed",
        "5:10: the folder is empty",
        "6:13: this is no extension",
    ]) {
        assert!(found.contains(expected), "{expected} is not {found}");
    }
    assert_eq!(found.len(), 3, "{found:#?}");
}
