//! What a print service finds in its folder.

use super::super::settings;
use super::{FixedClock, RealDisk, visible_names};
use crate::FolderTarget;
use bytes::Bytes;
use rohrpost_kit::AdapterSource;
use rohrpost_kit::conformance::{Letter, Sample};
use rohrpost_kit::settings::Secrets;
use rohrpost_model::ports::{Inquiry, Target};
use rohrpost_model::{Failure, Outcome, ReasonCode};
use secrecy::SecretString;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

struct NoSecrets;

impl Secrets for NoSecrets {
    fn file(&self, _: &Path) -> Result<SecretString, String> {
        Err("none".into())
    }
    fn env(&self, _: &str) -> Result<SecretString, String> {
        Err("none".into())
    }
}

const CSV: &str = r#"
[folder.print]
documents = "message"
[folder.print.control]
extension = "csv"
format = "csv"
head = "DATEI;SEITEN;VORGANG\n"
line = "{file};{pages};\"{case}\"\n"
foot = "ENDE;{step}\n"
"#;

const XML: &str = r#"
[folder.print]
documents = "attachments"
[folder.print.control]
extension = "xml"
format = "xml"
head = "<auftrag vorgang='{case}'>"
line = "<datei seiten='{pages}'>{file}</datei>"
foot = "</auftrag>"
[folder.print.pdf]
address-zone = "any"
"#;

/// A folder, and what delivers into it with these settings.
struct Service {
    home: TempDir,
    target: FolderTarget,
}

impl Service {
    fn with(print: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = format!("[folder]\npath = \"{}\"\nname = \"{{delivery-id}}\"\n", home.path().display());
        let target = configured(&(folder + print)).unwrap();
        Self { home, target }
    }

    fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.home.path().join(name)).unwrap()
    }
}

fn configured(text: &str) -> Result<FolderTarget, String> {
    let clock = Arc::new(FixedClock::default());
    let source = AdapterSource {
        file: "destinations/a.toml",
        text,
        folder: Path::new("/nowhere"),
        secrets: &NoSecrets,
        clock: clock.clone(),
    };
    let folder = settings::read(&source, "folder");
    let told = |faults: Vec<rohrpost_model::Fault>| {
        faults.iter().map(|fault| format!("{fault:?}\n")).collect::<String>()
    };
    Ok(FolderTarget { folder: folder.map_err(told)?, clock, disk: Arc::new(RealDisk) })
}

#[tokio::test]
async fn a_letter_and_its_control_file_and_nothing_else_is_there_once() {
    let service = Service::with(CSV);
    let sample = Sample::letter().with_attachment(Some("Lageplan.pdf"), 1000);
    let first = service.target.deliver(&sample.parcel(1)).await.unwrap();
    let (pdf, csv) = (format!("{}.pdf", sample.key), format!("{}.csv", sample.key));
    assert_eq!(visible_names(service.home.path()), [csv.clone(), pdf.clone()]);
    assert_eq!(service.file(&pdf), sample.message);
    let control = format!("DATEI;SEITEN;VORGANG\n{pdf};1;\"2026:BR-4711\"\nENDE;fachverfahren\n");
    assert_eq!(String::from_utf8(service.file(&csv)).unwrap(), control);
    let Outcome::Done(receipt) = &first else { panic!("{first:?}") };
    assert_eq!(receipt.reference.as_ref(), Some(&pdf));

    let found = Ok(Inquiry::Found(first.clone()));
    assert_eq!(service.target.deliver(&sample.parcel(2)).await, Ok(first));
    assert_eq!(service.target.inquire(&sample.parcel(1), None).await, found);
    // Without its plan it is known by the control file; with it also when the service took everything away.
    let plan = service.home.path().join(format!(".rohrpost/{}.json", sample.key));
    let kept = fs::read(&plan).unwrap();
    fs::remove_file(&plan).unwrap();
    assert_eq!(service.target.inquire(&sample.parcel(1), None).await, found);
    fs::write(&plan, kept).unwrap();
    for name in [&pdf, &csv] {
        fs::remove_file(service.home.path().join(name)).unwrap();
    }
    assert!(service.target.deliver(&sample.parcel(3)).await.is_ok());
    assert_eq!(visible_names(service.home.path()), [""; 0], "h5: it is not printed again");
}

#[tokio::test]
async fn the_control_file_comes_last() {
    let service = Service::with(XML);
    let sample = attachments();
    service.target.deliver(&sample.parcel(1)).await.unwrap();
    let plan = service.file(&format!(".rohrpost/{}.json", sample.key));
    let plan: serde_json::Value = serde_json::from_slice(&plan).unwrap();
    let moves: Vec<_> = plan["moves"].as_array().unwrap().iter().filter_map(|it| it.as_str()).collect();
    assert_eq!(moves.len(), 3);
    assert!(moves[2].ends_with(".xml"), "{moves:?}");
}

fn attachments() -> Sample {
    let three = Letter { pages: 3, ..Letter::default() }.bytes();
    Sample::new()
        .with_file("Bescheid & Anlage.pdf", "application/pdf", Letter::saying("Bescheid").bytes())
        .with_file("Foto.png", "image/png", Bytes::from_static(b"\x89PNG"))
        .with_file("Plan.pdf", "application/pdf", three)
}

#[tokio::test]
async fn every_attachment_that_is_a_pdf_has_a_line_in_the_control_file() {
    let service = Service::with(XML);
    let sample = attachments();
    service.target.deliver(&sample.parcel(1)).await.unwrap();
    let key = sample.key;
    let (one, three) = (format!("{key}_anlage1_Bescheid___Anlage.pdf"), format!("{key}_anlage3_Plan.pdf"));
    assert_eq!(visible_names(service.home.path()), [format!("{key}.xml"), one.clone(), three.clone()]);
    let control = format!(
        "<auftrag vorgang='2026:BR-4711'><datei seiten='1'>{one}</datei><datei seiten='3'>{three}</datei></auftrag>"
    );
    assert_eq!(String::from_utf8(service.file(&format!("{key}.xml"))).unwrap(), control);
}

#[tokio::test]
async fn what_must_not_be_printed_leaves_no_trace_in_the_folder() {
    let service = Service::with(&format!("{CSV}[folder.print.pdf]\naddress-zone = \"empty\"\n"));
    for (sample, code) in [
        (Sample::new(), ReasonCode::NotPdf),
        (Sample::letter(), ReasonCode::PdfAddressZoneTaken),
        (Sample::letter().with_signature(), ReasonCode::AdapterConfiguration),
    ] {
        let failure = service.target.deliver(&sample.parcel(1)).await.unwrap_err();
        assert_eq!(failure.reason().code, code);
        assert!(!matches!(failure, Failure::Unknown(_) | Failure::Unavailable { .. }));
    }
    let none = Service::with(XML);
    let failure = none.target.deliver(&Sample::letter().parcel(1)).await.unwrap_err();
    assert_eq!(failure.reason().code, ReasonCode::NothingToPrint);
    for service in [service, none] {
        assert_eq!(fs::read_dir(service.home.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_control_file_that_cannot_be_made_is_told_at_once() {
    let text = "[folder]\npath = \"x\"\n[folder.print.control]\nextension = \"pdf\"\nformat = \"csv\"\n\
                head = \"{file}\"\nline = \"{seiten}\"\n";
    let Err(faults) = configured(text) else { panic!("it is in order") };
    for told in
        ["no ending for the control file", "unknown placeholder {file}", "unknown placeholder {seiten}"]
    {
        assert!(faults.contains(told), "{told}: {faults}");
    }
}
