//! Rules of Schematron on the command line: `validate`, `check`, and those of installed standards.

use super::Workshop;
use crate::support::hub::root;
use std::fs;

const RULES: &str = "<schema xmlns='http://purl.oclc.org/dsdl/schematron'><phase id='kurz'><active pattern='eins'/></phase>\n\
    <pattern id='eins'><rule context='b'><assert test='@x'>b ohne x in <name path='..'/></assert></rule></pattern>\n\
    <pattern id='zwei'><rule context='a' role='warning'><assert test='@y'>a ohne y</assert></rule></pattern></schema>";

#[test]
fn validate_takes_a_rules_file_and_tells_warnings_apart() {
    let shop = Workshop::new();
    shop.write("r.sch", RULES);
    shop.write("gut.xml", "<a y='1'><b x='1'/></a>");
    shop.write("hinweis.xml", "<a><b x='1'/></a>");
    shop.write("schlecht.xml", "<a>\n <b/></a>");
    let run = |arguments: &[&str]| shop.run(&[&["validate", "r.sch"], arguments].concat());
    let good = run(&["gut.xml"]);
    assert_eq!((good.code, good.text.as_str()), (0, "gut.xml: valid\n"), "{good:?}");
    let warned = run(&["hinweis.xml"]);
    assert_eq!(warned.code, 0);
    assert_eq!(warned.text, "warning: hinweis.xml:1:1: a ohne y; at /a\nhinweis.xml: valid\n");
    assert_eq!(run(&["hinweis.xml", "--json"]).json()["warnings"][0]["message"], "a ohne y");
    let bad = run(&["schlecht.xml"]);
    assert_eq!((bad.code, bad.errors.as_str()), (1, "schlecht.xml:2:2: b ohne x in a; at /a/b\n"), "{bad:?}");
    assert_eq!(run(&["hinweis.xml", "--phase", "kurz"]).text, "hinweis.xml: valid\n");
    let unknown = run(&["gut.xml", "--phase", "lang"]);
    assert!(unknown.code == 1 && unknown.errors.contains("no phase `lang`"), "{unknown:?}");
    assert_eq!(shop.run(&["validate", "brunnenbohrung-xfall", "gut.xml", "--phase", "kurz"]).code, 2);
}

#[test]
fn check_names_the_place_of_what_is_wrong_in_rules() {
    let shop = Workshop::new();
    shop.write("mappings/m/mapping.toml", "[source]\nrules = \"r.sch\"\n");
    shop.write("mappings/m/r.sch", RULES);
    assert_eq!(shop.run(&["check"]).code, 0);
    shop.write("gut.xml", "<a><b x='1'/></a>");
    let by_mapping = shop.run(&["validate", "m", "gut.xml"]);
    assert_eq!((by_mapping.code, by_mapping.text.lines().count()), (0, 2), "{by_mapping:?}");
    shop.write("mappings/m/r.sch", RULES.replace("test='@x'", "test='exists(@x)'"));
    let check = shop.run(&["check"]);
    assert!(
        check.code == 1 && check.errors.contains("mappings/m/r.sch:2:38: XPath 1.0 has no function `exists`"),
        "{check:?}"
    );
    shop.write("mappings/m/r.sch", RULES.replacen('>', " queryBinding='xslt2'>", 1));
    let check = shop.run(&["check"]);
    assert!(
        check
            .errors
            .contains("mappings/m/r.sch:1:1: the rules are written for xslt2; the engine carries XSLT 1.0"),
        "{check:?}"
    );
}

#[test]
fn rules_of_an_installed_standard() {
    let shop = Workshop::new();
    shop.write(
        "s-1/s.xsd",
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='a'/></xs:schema>",
    );
    shop.write(
        "s-1/regeln/r.sch",
        "<schema xmlns='http://purl.oclc.org/dsdl/schematron'><include href='teil.sch'/></schema>",
    );
    shop.write("s-1/regeln/teil.sch", "<pattern xmlns='http://purl.oclc.org/dsdl/schematron'><rule context='a'><assert test='@x'>ohne x</assert></rule></pattern>");
    assert_eq!(shop.run(&["standard", "add", "s-1"]).code, 0);
    shop.write("gut.xml", "<a x='1'/>");
    shop.write("schlecht.xml", "<a/>");
    assert_eq!(shop.run(&["validate", "standard:s@1/r.sch", "gut.xml"]).code, 0);
    let bad = shop.run(&["validate", "standard:s@1/regeln/r.sch", "schlecht.xml"]);
    assert_eq!((bad.code, bad.errors.as_str()), (1, "schlecht.xml:1:1: ohne x; at /a\n"), "{bad:?}");
    let none = shop.run(&["validate", "standard:s@1/andere.sch", "gut.xml"]);
    assert!(none.code == 1 && none.errors.contains("`s@1` has no rules `andere.sch`"), "{none:?}");
    // A mapping takes schema and rules of the standard; rules of its own with the standard's schema, too.
    shop.write(
        "mappings/m/mapping.toml",
        "[source]\nstandard = \"s@1\"\nschema = \"s.xsd\"\nrules = \"r.sch\"\n",
    );
    assert_eq!(shop.run(&["map", "m", "gut.xml"]).code, 0);
    let bad = shop.run(&["map", "m", "schlecht.xml"]);
    assert!(bad.code == 1 && bad.errors.contains("ohne x"), "{bad:?}");
    shop.write("mappings/m/r.sch", RULES.replace("context='b'", "context='a'").replace("b ohne", "a ohne"));
    let bad = shop.run(&["map", "m", "schlecht.xml"]);
    assert!(bad.code == 1 && bad.errors.contains("a ohne x"), "{bad:?}");
    fs::remove_file(shop.file("mappings/m/r.sch")).expect("it was there");
    shop.write("mappings/m/mapping.toml", "[source]\nstandard = \"s@1\"\nrules = \"r.sch\"\n");
    assert_eq!(
        (shop.run(&["map", "m", "gut.xml"]).code, shop.run(&["map", "m", "schlecht.xml"]).code),
        (0, 1)
    );
    let used = shop.run(&["standard", "remove", "s@1"]);
    assert!(used.code == 1 && used.errors.contains("the mapping m"), "{used:?}");
}

/// XBau's rules are written for XSLT 2.0, which the engine does not carry: that is said, and nothing is half checked.
#[test]
fn the_rules_of_xbau_are_refused_with_the_reason() {
    let rules = root().join("../shared/standards/xbau/2.6/schematron");
    if !rules.is_dir() {
        return eprintln!("SKIPPED: {} is not there", rules.display());
    }
    let shop = Workshop::new();
    shop.write("a.xml", "<a/>");
    for name in ["xbau-schematron.sch", "xbau-schematron-leere-elemente.sch"] {
        fs::copy(rules.join(name), shop.file(name)).expect("a copy");
        let ran = shop.run(&["validate", name, "a.xml"]);
        let told = format!("{name}:2:1: the rules are written for xslt2; the engine carries XSLT 1.0");
        assert!(ran.code == 1 && ran.errors.contains(&told), "{ran:?}");
    }
}
