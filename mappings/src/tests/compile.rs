//! Faults of a mapping's text: all of them, each with its place.

use super::*;

fn places(faults: &[Fault]) -> Vec<(&str, u32, u32)> {
    faults.iter().map(|fault| (fault.file.as_str(), fault.line, fault.column)).collect()
}

const EMPTY: &str = "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'/>";

#[test]
fn reports_every_fault_of_mapping_toml() {
    let toml = "transform = 7\ninput = 'both'\ncolour = 'red'\n[source]\nschema = 'nowhere.xsd'\n[target]\nmedia-type = 'xml'\nfile = ''\n[params]\nx = 1\n";
    let faults = compile_faults(&[("mapping.toml", toml)]);
    let lines: Vec<_> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [1, 2, 3, 5, 7, 8, 9, 10], "{faults:#?}");
    assert!(faults.iter().all(|fault| fault.column > 0 && fault.file == "mapping.toml"));
    assert_eq!(
        places(&compile_faults(&[("mapping.toml", "input = 'data'\ninput = 'data'\nx = \n")])).len(),
        3
    );
    assert_eq!(places(&compile_faults(&[])), [("mapping.toml", 0, 0)]);
}

#[test]
fn reports_every_broken_file() {
    let faults = compile_faults(&[
        ("mapping.toml", "transform = 't.xsl'\n[source]\nschema='s.xsd'\n"),
        ("t.xsl", "<stylesheet>\n  <a></b>\n</xsl:stylesheet>"),
        ("s.xsd", "<!DOCTYPE a><a/>"),
        ("codes.xml", "<a>\n"),
    ]);
    assert_eq!(places(&faults), [("codes.xml", 2, 1), ("s.xsd", 1, 1), ("t.xsl", 2, 10)], "{faults:#?}");
}

#[test]
fn reports_faults_of_stylesheets_with_line_and_column() {
    let body = "<xsl:template match='a['/>\n  <xsl:template match='/'>\n    <xsl:value-of\n      select='b['/><xsl:nothing/>\n <xsl:call-template name='gone'/></xsl:template>";
    let faults = compile_faults(&[("mapping.toml", TRANSFORM), ("t.xsl", &stylesheet(body))]);
    let found = places(&faults);
    for place in [("t.xsl", 2, 1), ("t.xsl", 4, 5), ("t.xsl", 5, 20), ("t.xsl", 6, 2)] {
        assert!(found.contains(&place), "{place:?} is missing in {faults:#?}");
    }
    let select = faults.iter().find(|fault| fault.line == 4).unwrap();
    assert!(select.message.contains("b["), "{select}");
}

#[test]
fn reports_faults_of_imported_stylesheets_in_their_own_file() {
    let body = "<xsl:import href='lib/more.xsl'/><xsl:include href='gone.xsl'/>";
    let more = "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'>\n <xsl:template match='!'/></xsl:stylesheet>";
    let faults =
        compile_faults(&[("mapping.toml", TRANSFORM), ("t.xsl", &stylesheet(body)), ("lib/more.xsl", more)]);
    let found = places(&faults);
    assert!(found.contains(&("lib/more.xsl", 2, 2)), "{faults:#?}");
    assert!(faults.iter().any(|fault| fault.file == "gone.xsl"), "{faults:#?}");
}

#[test]
fn a_stylesheet_may_import_and_read_what_lies_beside_it() {
    let body = "<xsl:import href='lib/more.xsl'/><xsl:template match='/'><o><xsl:call-template name='more'/></o></xsl:template>";
    let more = "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'><xsl:template name='more'><xsl:value-of select=\"document('../codes%20%C3%A4.xml')/c\"/></xsl:template></xsl:stylesheet>";
    let contents = [
        ("mapping.toml", TRANSFORM),
        ("t.xsl", &stylesheet(body)),
        ("lib/more.xsl", more),
        ("codes ä.xml", "<?xml version='1.0'?><c>ü</c>"),
    ];
    let mapping = Mapping::compile(&bundle(&contents)).unwrap();
    assert!(applied(&mapping, "<a/>").contains("<o>ü</o>"));
}

#[test]
fn reports_params_that_no_stylesheet_declares() {
    let toml = "transform = 't.xsl'\n[params]\n  own = ''\n";
    assert_eq!(
        places(&compile_faults(&[("mapping.toml", toml), ("t.xsl", EMPTY)])),
        [("mapping.toml", 3, 3)]
    );
}

#[test]
fn refuses_what_would_depend_on_the_machine() {
    let body = "<xsl:template match='/'><o><xsl:for-each select='*'>\n <xsl:sort lang='de'/></xsl:for-each></o></xsl:template>";
    let faults = compile_faults(&[("mapping.toml", TRANSFORM), ("t.xsl", &stylesheet(body))]);
    assert_eq!(places(&faults), [("t.xsl", 3, 2)], "{faults:#?}");
}

#[test]
fn refuses_a_file_that_is_no_stylesheet() {
    assert!(!compile_faults(&[("mapping.toml", TRANSFORM), ("t.xsl", "<a/>")]).is_empty());
    let newer = EMPTY.replace("1.0", "2.0");
    assert!(Mapping::compile(&bundle(&[("mapping.toml", TRANSFORM), ("t.xsl", &newer)])).is_err());
}

#[test]
fn compiling_deeply_nested_expressions_does_not_end_the_process() {
    let deep = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
    let body = format!("<xsl:template match='/'><xsl:value-of select='{deep}'/></xsl:template>");
    assert!(!compile_faults(&[("mapping.toml", TRANSFORM), ("t.xsl", &stylesheet(&body))]).is_empty());
}

#[test]
fn source_schema_and_digest_are_those_of_the_bundle() {
    let schema = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='a'/></xs:schema>";
    let contents = bundle(&[("mapping.toml", "[source]\nschema='s.xsd'\n"), ("s.xsd", schema)]);
    let mapping = Mapping::compile(&contents).unwrap();
    assert_eq!(mapping.digest(), contents.digest());
    assert!(
        mapping.source_schema().is_some() && mapping.target_schema().is_none() && !mapping.takes_envelope()
    );
    let twin = bundle(&[("mapping.toml", "input='data'\n[source]\nschema='s.xsd'\n"), ("s.xsd", schema)]);
    let twin = Mapping::compile(&twin).unwrap();
    assert_ne!(twin.digest(), mapping.digest());
    assert_eq!(twin.source_schema().unwrap().digest(), mapping.source_schema().unwrap().digest());
}
