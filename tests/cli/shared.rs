//! Folders of the library that mappings share.

use super::Workshop;
use crate::support::peers;
use std::fs;
use std::process::Command;

const NAMES: &str = "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'>\n<xsl:include href='tief/gross.xsl'/>\n<xsl:template name='name'><n><xsl:call-template name='gross'/></n></xsl:template></xsl:stylesheet>";
const LARGE: &str = "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'>\n<xsl:template name='gross'><xsl:value-of select=\"translate(., 'erika', 'ERIKA')\"/></xsl:template></xsl:stylesheet>";
const TRANSFORM: &str = "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'>\n<xsl:include href='../gemeinsam/namen.xsl'/>\n<xsl:template match='/a'><xsl:call-template name='name'/></xsl:template></xsl:stylesheet>";
const MANIFEST: &str = "transform = \"transform.xsl\"\nshared = [\"gemeinsam\"]\n[source]\nschema = \"../gemeinsam/quelle.xsd\"\n[lists]\nstaat = \"../gemeinsam/staat.csv\"\n";
const SOURCE: &str = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='a' type='xs:string'/></xs:schema>";

/// Two mappings that share a folder.
fn shop() -> Workshop {
    let shop = Workshop::new();
    shop.write("mappings/gemeinsam/namen.xsl", NAMES);
    shop.write("mappings/gemeinsam/tief/gross.xsl", LARGE);
    shop.write("mappings/gemeinsam/quelle.xsd", SOURCE);
    shop.write("mappings/gemeinsam/staat.csv", "code;name\nDE;Deutschland\n");
    for mapping in ["eins", "zwei"] {
        shop.write(&format!("mappings/{mapping}/mapping.toml"), MANIFEST);
        shop.write(&format!("mappings/{mapping}/transform.xsl"), TRANSFORM);
    }
    shop.write("a.xml", "<a>erika</a>");
    shop
}

#[test]
fn mappings_share_stylesheets_schemas_and_code_lists() {
    let shop = shop();
    let ran = shop.run(&["check"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    for mapping in ["eins", "zwei"] {
        let ran = shop.run(&["map", mapping, "a.xml"]);
        assert!(ran.code == 0 && ran.text.contains("<n>ERIKA</n>"), "{ran:?}");
    }
    let mut theirs = Command::new("xsltproc");
    theirs.arg(shop.file("mappings/eins/transform.xsl")).arg(shop.file("a.xml"));
    if let Some(made) = peers::succeed(&mut theirs) {
        assert!(
            String::from_utf8_lossy(&made).contains("<n>ERIKA</n>"),
            "others find the files where they lie"
        );
    }
    shop.write("b.xml", "<b/>");
    assert_eq!(shop.run(&["map", "eins", "b.xml"]).code, 1, "the shared schema is asked");
}

#[test]
fn what_changes_in_a_shared_folder_changes_every_mapping_that_names_it() {
    let shop = shop();
    let versions = || {
        let ran = shop.run(&["check", "--json"]).json();
        let all = ran["mappings"].as_array().expect("mappings").iter();
        all.filter(|one| ["eins", "zwei"].contains(&one["name"].as_str().expect("a name")))
            .map(|one| one["digest"].clone())
            .collect::<Vec<_>>()
    };
    let before = versions();
    shop.edit("mappings/gemeinsam/tief/gross.xsl", "ERIKA", "ERIKa");
    let after = versions();
    assert_eq!((before.len(), after.len()), (2, 2));
    assert!(before.iter().zip(&after).all(|(before, after)| before != after), "{before:?} {after:?}");
}

#[test]
fn faults_of_shared_files_are_told_where_they_lie() {
    let shop = shop();
    shop.edit("mappings/gemeinsam/tief/gross.xsl", "translate(", "translat(");
    let ran = shop.run(&["map", "eins", "a.xml"]);
    assert!(ran.code == 1 && ran.errors.contains("mappings/gemeinsam/tief/gross.xsl:2"), "{ran:?}");
    shop.write("mappings/gemeinsam/quelle.xsd", SOURCE.replace("xs:string", "xs:strin"));
    let ran = shop.run(&["check"]);
    assert!(ran.code == 1 && ran.errors.contains("../mappings/gemeinsam/quelle.xsd:1"), "{ran:?}");

    fs::remove_dir_all(shop.file("mappings/gemeinsam")).expect("a folder");
    let ran = shop.run(&["check"]);
    assert!(ran.errors.contains("eins/mapping.toml:2:11: the library has no folder `gemeinsam`"), "{ran:?}");
    shop.write("mappings/eins/mapping.toml", "shared = [\"../../etc\"]\n");
    let ran = shop.run(&["check"]);
    assert!(
        ran.errors.contains("eins/mapping.toml:1:11: `../../etc` is no folder of the library"),
        "{ran:?}"
    );
    shop.write("mappings/gemeinsam/x.xsl", LARGE);
    shop.write("mappings/zwei/gemeinsam/x.xsl", LARGE);
    let ran = shop.run(&["check"]);
    assert!(ran.errors.contains("zwei:0:0: the mapping has a folder `gemeinsam` of its own"), "{ran:?}");
}
