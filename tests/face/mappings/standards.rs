//! Messages of published standards. The project ships none of their schemas, so a test installs the standard beside the
//! project, says so in a copy of the mapping, and has every output checked; Xerces, which shares no code with libxml2,
//! checks them again.

use super::comparable;
use super::xerces::verdicts;
use crate::cli::Workshop;
use crate::support::hub::root;
use std::fs;
use std::path::{Path, PathBuf};

/// A mapping to a message of a standard.
struct Published {
    mapping: &'static str,
    standard: &'static str,
    schema: &'static str,
    /// Folders of the published standards, and where they lie in the package.
    folders: &'static [(&'static str, &'static str)],
}

const XDOMEA: Published = Published {
    mapping: "brunnenbohrung-xdomea",
    standard: "xdomea@3.0.0",
    schema: "3.0.0/xdomea.xsd",
    folders: &[("xdomea/xsd/3.0.0", "3.0.0"), ("xdomea/xsd/xoev", "xoev")],
};

const XBAU: Published = Published {
    mapping: "sondernutzung-xbau",
    standard: "xbau@2.6",
    schema: "xsd/xbau-kernmodul-universellerAntrag.xsd",
    folders: &[("xbau/2.6/xsd_dev", "xsd")],
};

/// The published standards beside the project; where they are not, a test says so and is skipped.
fn shared() -> Option<PathBuf> {
    let folder = root().join("../shared/standards");
    if !folder.is_dir() {
        eprintln!("SKIPPED: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a standard").flatten() {
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}

impl Published {
    /// The shipped configuration with the standard installed, and named by the mapping as its comment says.
    fn installed(&self) -> Option<Workshop> {
        let shared = shared()?;
        let shop = Workshop::new();
        let package = self.standard.replace('@', "-");
        for (from, to) in self.folders {
            copy(&shared.join(from), &shop.file(&package).join(to));
        }
        let ran = shop.run(&["standard", "add", &package]);
        assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
        let manifest = format!("mappings/{}/mapping.toml", self.mapping);
        let (standard, schema) = (self.standard, self.schema.rsplit('/').next().unwrap_or_default());
        let lines = [format!("standard = \"{standard}\""), format!("schema = \"{schema}\"")];
        for line in &lines {
            assert!(shop.read(&manifest).contains(&format!("#   {line}\n")), "the comment tells {line}");
        }
        shop.edit(&manifest, "\n[target]\n", &format!("\n[target]\n{}\n", lines.join("\n")));
        Some(shop)
    }

    /// Every output of a case, as files.
    fn outputs(&self, shop: &Workshop) -> Vec<PathBuf> {
        let cases = fs::read_dir(shop.file(&format!("mappings/{}/cases", self.mapping))).expect("cases");
        let files = cases.flatten().map(|entry| entry.path());
        files.filter(|path| path.to_string_lossy().ends_with(".out.xml")).collect()
    }

    /// All cases are green where the real schema checks what they make, and Xerces finds the expected outputs valid.
    fn is_kept(&self) {
        let Some(shop) = self.installed() else { return };
        let ran = shop.run(&["test", self.mapping]);
        assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{}", ran.text);
        let outputs = self.outputs(&shop);
        assert!(outputs.len() >= 8, "{}", outputs.len());
        let schema = shop.file(&self.standard.replace('@', "-")).join(self.schema);
        // So that its word means something, it is asked about a fault, too.
        let broken = shop.file("broken.xml");
        let text = fs::read_to_string(&outputs[0]).expect("an output");
        fs::write(&broken, text.replace("<code>", "<kode>").replace("</code>", "</kode>")).expect("a file");
        let documents: Vec<_> = outputs.iter().cloned().chain([broken]).collect();
        let Some(mut verdicts) = verdicts(&[(schema, documents)]) else { return };
        assert!(verdicts.pop().is_some_and(|of_broken| of_broken.starts_with("invalid")));
        for (output, verdict) in outputs.iter().zip(&verdicts) {
            assert_eq!(verdict, "valid", "Xerces on {}", output.display());
        }
    }
}

#[test]
fn a_notice_becomes_a_valid_message_of_xdomea() {
    XDOMEA.is_kept();
}

#[test]
fn an_application_becomes_a_valid_message_of_xbau() {
    XBAU.is_kept();
}

/// The lines in mapping.toml do what they say: with them a message that xdomea does not allow is refused.
#[test]
fn a_message_that_the_standard_does_not_allow_is_refused() {
    let Some(shop) = XDOMEA.installed() else { return };
    shop.edit("mappings/brunnenbohrung-xdomea/transform.xsl", "<code>0605</code>", "<code>0699</code>");
    let ran = shop.run(&["test", "brunnenbohrung-xdomea"]);
    assert!(ran.code == 1 && ran.text.contains("FAILED  brunnenbohrung-xdomea 01"), "{}", ran.text);
    assert!(ran.text.contains("output:") && ran.text.contains("0699"), "{}", ran.text);
}

/// Rule sch-xbau-gen-001 of XBau, which is Schematron for XSLT 2.0, which the hub does not carry: no element is empty.
#[test]
fn no_element_of_a_message_to_xbau_is_empty() {
    for output in XBAU.outputs(&Workshop::new()) {
        let canonical = comparable(&fs::read(&output).expect("an output"));
        for (at, _) in canonical.match_indices("></") {
            let tag = &canonical[canonical[..at].rfind('<').unwrap_or_default()..at];
            assert!(tag.starts_with("</"), "{}: {tag}> is empty", output.display());
        }
    }
}
