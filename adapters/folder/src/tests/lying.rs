//! What lies in the folder.

use super::{of, real};
use crate::disk::RealDisk;
use rohrpost_kit::conformance::units::{visible, whole_units};
use rohrpost_kit::conformance::{FixedClock, Sample};
use rohrpost_kit::files::{Naming, Unit};
use rohrpost_kit::template::{Place, Template};
use rohrpost_model::ports::{Inquiry, Target};
use rohrpost_model::{Failure, Outcome, ReasonCode};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

fn reference(outcome: Outcome) -> String {
    let Outcome::Done(receipt) = outcome else { panic!("{outcome:?}") };
    receipt.reference.unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    visible(folder)
        .iter()
        .map(|path| path.strip_prefix(folder).unwrap().to_string_lossy().into_owned())
        .collect()
}

#[tokio::test]
async fn the_names_are_as_documented() {
    let sample = Sample::new()
        .with_signature()
        .with_attachment(Some("../Flur 3 / Süd.pdf"), 5)
        .with_attachment(None, 5);
    let base = format!("20261124T083000Z_2026_BR-4711_{}", sample.key);
    let files = [".meta.json", ".p7s", ".xml", "_anlage1__._Flur_3___Süd.pdf", "_anlage2.pdf"];
    let expected: Vec<String> = files.iter().map(|end| format!("{base}{end}")).collect();

    let flat = tempfile::tempdir().unwrap();
    let outcome = real(flat.path(), Unit::Flat).deliver(&sample.parcel(1)).await.unwrap();
    assert_eq!(names(flat.path()), expected);
    assert_eq!(reference(outcome), format!("{base}.xml"));

    let nested = tempfile::tempdir().unwrap();
    let outcome = real(nested.path(), Unit::Subfolder).deliver(&sample.parcel(1)).await.unwrap();
    assert_eq!(
        names(nested.path()),
        expected.iter().map(|file| format!("{base}/{file}")).collect::<Vec<_>>()
    );
    assert_eq!(reference(outcome), base);
}

#[tokio::test]
async fn the_sidecar_tells_the_facts() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::new().with_attachment(Some("a.pdf"), 7);
    real(folder.path(), Unit::Flat).deliver(&sample.parcel(1)).await.unwrap();
    let path = visible(folder.path())
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "json"))
        .unwrap();
    let json: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["deliveryId"], sample.key.to_string());
    assert_eq!(json["case"], "2026:BR-4711");
    assert_eq!(json["receivedAt"], FixedClock::default().0.to_string());
    assert_eq!(json["sentSha256"], sample.parcel(1).sent_sha256.to_string());
    assert_eq!(json["parts"][1]["role"], "attachment");
    assert_eq!(json["parts"][1]["name"], "a.pdf");
    assert_eq!(json["parts"][1]["size"], 7);
}

#[tokio::test]
async fn documents_that_go_along_lie_beside_the_message_and_attachments_are_called_by_rule() {
    for unit in [Unit::Flat, Unit::Subfolder] {
        let folder = tempfile::tempdir().unwrap();
        let sample = Sample::new()
            .with_document("index")
            .with_attachment(Some("Süd.pdf"), 7)
            .called("a1", "001_Sued.pdf");
        real(folder.path(), unit).deliver(&sample.parcel(1)).await.unwrap();
        let base = format!("20261124T083000Z_2026_BR-4711_{}", sample.key);
        let sidecar = whole_units(folder.path()).remove(0);
        let files: Vec<_> = sidecar.parts.iter().map(|part| part.file.strip_prefix(&base).unwrap()).collect();
        assert_eq!(files, [".xml", "_index.json", "_anlage1_001_Sued.pdf"]);
        let json = serde_json::to_value(&sidecar).unwrap();
        assert_eq!(
            (&json["parts"][1]["role"], &json["parts"][1]["name"]),
            (&"document".into(), &"index".into())
        );
        let attachment = &json["parts"][2];
        assert_eq!((&attachment["id"], &attachment["fileName"]), (&"a1".into(), &"001_Sued.pdf".into()));
        assert_eq!(attachment["name"], "Süd.pdf");
    }
}

#[tokio::test]
async fn a_document_is_called_by_its_template_and_never_like_another_file_of_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let called = |document: &str| {
        let document = Some(Template::parse(document, Place::DocumentName).unwrap());
        let template = Template::parse("{delivery-id}", Place::FileName).unwrap();
        let naming = Naming { template, document, unit: Unit::Flat, print: None };
        of(folder.path(), naming, Arc::new(RealDisk))
    };
    let sample = Sample::new().with_document("index");
    called("{document}-{delivery-id}").deliver(&sample.parcel(1)).await.unwrap();
    assert!(names(folder.path()).contains(&format!("index-{}.json", sample.key)));
    // Like the sidecar of its unit.
    let sample = Sample::new().with_document("meta");
    let outcome = called("{delivery-id}.{document}").deliver(&sample.parcel(1)).await;
    let Err(Failure::Defect(reason)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(reason.params["field"], "document-name");
}

#[tokio::test]
async fn a_long_attachment_name_is_cut_but_keeps_its_extension() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::new().with_attachment(Some(&format!("{}.pdf", "ü".repeat(300))), 5);
    real(folder.path(), Unit::Flat).deliver(&sample.parcel(1)).await.unwrap();
    let name = names(folder.path()).into_iter().find(|name| name.contains("_anlage1_")).unwrap();
    assert!(name.len() <= 255 && name.ends_with("ü.pdf"), "{name}");
}

#[tokio::test]
async fn what_others_put_under_the_name_is_never_overwritten() {
    for unit in [Unit::Flat, Unit::Subfolder] {
        let folder = tempfile::tempdir().unwrap();
        let sample = Sample::new();
        let base = folder.path().join(format!("20261124T083000Z_2026_BR-4711_{}", sample.key));
        let taken = if unit == Unit::Flat { base.with_extension("meta.json") } else { base.join("x") };
        fs::create_dir_all(taken.parent().unwrap()).unwrap();
        fs::write(&taken, "somebody else's").unwrap();
        for attempt in 1..3 {
            let outcome = real(folder.path(), unit).deliver(&sample.parcel(attempt)).await;
            let Err(Failure::Refused(reason)) = outcome else { panic!("{outcome:?}") };
            assert_eq!(reason.code, ReasonCode::NameTaken);
            assert_eq!(fs::read_to_string(&taken).unwrap(), "somebody else's");
        }
    }
}

#[tokio::test]
async fn without_its_plans_a_unit_is_found_by_its_sidecar_and_kept_by_its_content() {
    for unit in [Unit::Flat, Unit::Subfolder] {
        let (folder, sample) = (tempfile::tempdir().unwrap(), Sample::new().with_attachment(None, 100_000));
        let target = real(folder.path(), unit);
        let first = target.deliver(&sample.parcel(1)).await.unwrap();
        fs::remove_dir_all(folder.path().join(".rohrpost")).unwrap();
        assert_eq!(target.inquire(&sample.parcel(1), None).await, Ok(Inquiry::Found(first.clone())));
        assert_eq!(target.deliver(&sample.parcel(2)).await, Ok(first));
        assert_eq!((whole_units(folder.path()).len(), visible(folder.path()).len()), (1, 3));
    }
}

#[tokio::test]
async fn an_empty_place_that_was_never_used_gives_no_word() {
    let (folder, sample) = (tempfile::tempdir().unwrap(), Sample::new());
    assert_eq!(real(folder.path(), Unit::Flat).inquire(&sample.parcel(1), None).await, Ok(Inquiry::NoWord));
    let gone = real(&folder.path().join("gone"), Unit::Flat);
    let asked = gone.inquire(&sample.parcel(1), None).await;
    assert!(matches!(asked, Err(Failure::Unavailable { .. })), "{asked:?}");
    let delivered = gone.deliver(&sample.parcel(1)).await;
    assert!(matches!(delivered, Err(Failure::Unavailable { .. })), "the folder is not made: {delivered:?}");
}

#[tokio::test]
async fn h9_old_plans_and_unfinished_work_are_cleared_away() {
    let folder = tempfile::tempdir().unwrap();
    let target = real(folder.path(), Unit::Flat);
    target.deliver(&Sample::new().parcel(1)).await.unwrap();
    let root = folder.path().join(".rohrpost");
    assert_eq!(root.metadata().unwrap().permissions().mode() & 0o077, 0, "work is closed to others");
    let days = std::time::Duration::from_secs(31 * 24 * 3600);
    let old = std::time::SystemTime::try_from(FixedClock::default().0 - days).unwrap();
    fs::create_dir(root.join("unfinished")).unwrap();
    fs::write(root.join("unfinished/part"), "content").unwrap();
    for entry in fs::read_dir(&root).unwrap() {
        let entry = fs::File::open(entry.unwrap().path()).unwrap();
        entry.set_modified(old).unwrap();
    }
    real(folder.path(), Unit::Flat).deliver(&Sample::new().parcel(1)).await.unwrap();
    assert_eq!(fs::read_dir(&root).unwrap().count(), 1, "only the plan of the delivery just made");
}
