//! Several documents out of one run, beside Saxon, which runs the same stylesheet and takes them out of the wrapper itself.

use super::comparable;
use super::saxon::transformed;
use crate::cli::Workshop;
use crate::support::several;
use rohrpost_mappings::{AttachmentFact, Facts, Xml, XmlLimits, envelope};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// An envelope with attachments as the rule calls them: the ids are those that Python's `uuid5` makes.
fn document(folder: &Path) -> PathBuf {
    let attachment = |number: u32, name: &str, id: &str, file_name: &str| AttachmentFact {
        number,
        name: Some(name.into()),
        media_type: "application/pdf".into(),
        size: 1,
        sha256: "ab".repeat(32),
        id: Some(format!("urn_uuid_{id}")),
        file_name: Some(file_name.into()),
    };
    let attachments = vec![
        attachment(1, "Lageplan Süd.pdf", "4f9f6860-b486-5752-ac5c-1920d2c2b6eb", "001_Lageplan_Sued.pdf"),
        attachment(2, "ohne", "9ba23a67-0248-5d9e-a317-3574b116f46a", "002_ohne.pdf"),
    ];
    let data = Xml::parse(b"<antrag/>", &XmlLimits::default()).expect("XML");
    let path = folder.join("umschlag.xml");
    fs::write(&path, envelope(&data, &Facts { attachments, ..Facts::sample() })).expect("an envelope");
    path
}

/// A stylesheet that takes one document out of what that of the mapping makes.
fn picked(folder: &Path, stylesheet: &Path, name: &str, (method, take): (&str, &str)) -> PathBuf {
    let text = format!(
        "<xsl:stylesheet version='3.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform' \
         xmlns:d='urn:rohrpost:documents:1' exclude-result-prefixes='d'>\
         <xsl:import href='file://{}'/><xsl:output method='{method}'/><xsl:template match='/' priority='9'>\
         <xsl:variable name='made'><xsl:apply-imports/></xsl:variable>\
         <xsl:variable name='one' select=\"$made/d:documents/d:document[@name='{name}']\"/>{take}\
         </xsl:template></xsl:stylesheet>",
        stylesheet.display()
    );
    let path = folder.join(format!("{name}.xsl"));
    fs::write(&path, text).expect("a stylesheet");
    path
}

#[test]
fn saxon_makes_the_same_documents_of_one_run() {
    let shop = Workshop::new();
    several::put_into(&shop.file("mappings"));
    let (folder, document) = (shop.path(), document(shop.path()));
    let stylesheet = shop.file("mappings/vorgang/transform.xsl");
    let whole = ("xml", "<xsl:copy-of select='$one/*'/>");
    let json = ("text", "<xsl:value-of select='xml-to-json($one/*)'/>");
    let text = ("text", "<xsl:value-of select='$one'/>");
    let names = [("message", whole), ("index", json), ("zettel", text)];
    let jobs = names.map(|(name, how)| (picked(folder, &stylesheet, name, how), document.clone()));
    let ours = names.map(|(name, _)| {
        let ran = shop.run(&["map", &format!("vorgang#{name}"), "umschlag.xml"]);
        assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{name}");
        ran.text
    });
    assert!(
        ours[0].contains("kennung=\"urn_uuid_9ba23a67-0248-5d9e-a317-3574b116f46a\" datei=\"002_ohne.pdf\"")
    );
    let Some(theirs) = transformed(&jobs, folder) else { return };
    let theirs: Vec<_> = theirs.iter().map(|made| made.as_str().expect("a document")).collect();
    assert_eq!(comparable(ours[0].as_bytes()), comparable(theirs[0].as_bytes()));
    let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    assert_eq!(value(&ours[1]), value(theirs[1]));
    assert_eq!(ours[2], theirs[2]);
}
