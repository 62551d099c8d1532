use super::{apply, bundle, compile_faults, failed};
use crate::{FUNCTIONS, Mapping, Schema};
use std::collections::BTreeMap;

const ANREDE: &str = "schluessel;name;lang\n1;Frau;Sehr geehrte Frau\n2;Herr;Sehr geehrter Herr\n3;;\n";

const STATUS: &str = "<gc:CodeList xmlns:gc=\"http://docs.oasis-open.org/codelist/ns/genericode/1.0/\"><ColumnSet>\
    <Column Id=\"text\" Use=\"optional\"/><Column Id=\"code\" Use=\"required\"/><Key Id=\"k\"><ColumnRef Ref=\"code\"/></Key>\
    </ColumnSet><SimpleCodeList>\
    <Row><Value><SimpleValue>offen</SimpleValue></Value><Value><SimpleValue>A</SimpleValue></Value></Row>\
    <Row><Value ColumnRef=\"code\"><SimpleValue>B</SimpleValue></Value></Row></SimpleCodeList></gc:CodeList>";

const MANIFEST: &str = "transform = \"t.xsl\"\n[target]\nmedia-type = \"text/plain\"\n[lists]\n\
    anrede = \"lists/anrede.csv\"\nstatus = { file = \"lists/status.xml\" }\n\
    text = { file = \"lists/anrede.csv\", value = \"lang\" }\n\
    letters = { file = \"lists/status.xml\", key = \"code\", value = \"code\" }\n";

fn sheet(select: &str) -> String {
    format!(
        "<xsl:stylesheet version=\"1.0\" xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\" \
         xmlns:f=\"urn:rohrpost:functions:1\"><xsl:output method=\"text\"/>\n<xsl:template match=\"/\">\
         <xsl:value-of select=\"{select}\"/></xsl:template></xsl:stylesheet>"
    )
}

fn with_lists(select: &str) -> Mapping {
    let sheet = sheet(select);
    let files = [
        ("mapping.toml", MANIFEST),
        ("t.xsl", &sheet),
        ("lists/anrede.csv", ANREDE),
        ("lists/status.xml", STATUS),
    ];
    Mapping::compile(&bundle(&files)).unwrap()
}

fn gives(select: &str) -> String {
    apply(&with_lists(select), "<x v='2'/>").unwrap_or_else(|fault| panic!("{select}: {fault:?}"))
}

fn fails(select: &str) -> String {
    let faults = failed(&with_lists(select), "<x v='9'/>");
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!((faults[0].file.as_str(), faults[0].line), ("t.xsl", 2), "{faults:?}");
    faults[0].message.clone()
}

#[test]
fn every_example_of_the_reference_gives_what_it_says() {
    for function in FUNCTIONS {
        let (call, result) = function.example;
        assert_eq!(gives(&format!("f:{call}")), result, "{call}");
    }
    assert!(FUNCTIONS.is_sorted_by_key(|function| function.name));
}

#[test]
fn what_functions_take_and_give() {
    for (call, expected) in [
        ("f:code('anrede', /x/@v)", "Herr"),
        ("f:code('anrede', '1', 'lang')", "Sehr geehrte Frau"),
        ("f:code('anrede', '3')", ""),
        ("f:code('status', 'A')", "offen"),
        ("f:code('status', 'B')", ""),
        ("f:has-code('status', 'B')", "true"),
        ("f:has-code('status', 'b')", "false"),
        ("f:date('2026-03-29T23:30:00+01:00')", "2026-03-30"),
        ("f:date(' 29.02.2028 ')", "2028-02-29"),
        ("f:is-date('29.02.2026')", "false"),
        ("f:is-date('1.1.26')", "false"),
        ("f:is-date('2026-02-03T10:00:00')", "false"),
        ("f:date-time-de('2026-10-25T00:59:59Z')", "25.10.2026 02:59"),
        ("f:date-time-de('2026-10-25T01:00:00Z')", "25.10.2026 02:00"),
        ("f:number('-0,0')", "0"),
        ("f:number('1.234.567')", "1234567"),
        ("f:number('1.234')", "1.234"),
        ("f:number('123456789012345678901234567890,12')", "123456789012345678901234567890.12"),
        ("f:is-number('1.23,4')", "false"),
        ("f:is-number('')", "false"),
        ("f:is-number('1e5')", "false"),
        ("f:number-de('999,995', 2)", "1.000,00"),
        ("f:number-de('-0.004', 2)", "0,00"),
        ("f:number-de('-1234567.5', 0)", "-1.234.568"),
        ("f:number-de('7', 3)", "7,000"),
        ("f:is-iban('DE02 1203 0000 0000 2020 5')", "false"),
        ("f:iban('AT61 1904 3002 3457 3201')", "AT611904300234573201"),
        ("f:is-din-91379('D̂ ok', 'A')", "true"),
        ("f:is-din-91379('Ω', 'E')", "true"),
        ("f:is-din-91379('漢', 'E')", "false"),
        (
            "f:transliterate('Ångström, Þór, Łódź, Đorđe, ﬁn – „ja“')",
            "AAngstroem, THor, Lodz, Dorde, fin - &quot;ja&quot;",
        ),
        ("f:file-name('Gru\u{308}n.pdf')", "Gruen.pdf"),
        ("f:file-name('../../etc/passwd')", "etc_passwd"),
        ("f:file-name('漢字.PDF')", "datei.PDF"),
        ("f:file-name('aaaaaaaaaaaaaaaaaaaa.pdf', 12)", "aaaaaaaa.pdf"),
    ] {
        assert_eq!(gives(call), expected.replace("&quot;", "\""), "{call}");
    }
}

#[test]
fn what_functions_refuse_is_told_with_its_place() {
    for (call, expected) in [
        ("f:code('anrede', /x/@v)", "the code list `anrede` has no code '9'; it has: 1, 2, 3"),
        ("f:code('anrede', '1', 'kurz')", "has no column `kurz`; it has: schluessel, name, lang"),
        (
            "f:code(concat('an', 'red'), '1')",
            "the mapping has no code list `anred`; it has: anrede, letters, status, text",
        ),
        ("f:date('31.04.2026')", "'31.04.2026' is no date like 31.12.2026 or 2026-12-31"),
        ("f:number('zwei')", "'zwei' is no number like 1.234,50 or 1234.5"),
        ("f:number-de('1', -1)", "'-1' is no number of digits"),
        ("f:iban('DE0212030000000020205')", "its form, its length or its check digits are wrong"),
        ("f:iban('DE03120300000000202051')", "its form, its length or its check digits are wrong"),
        ("f:din-91379('Ωmega', 'C')", "U+03A9 is no character of data type C of DIN 91379"),
        ("f:is-din-91379('x', 'F')", "'F' is no data type of DIN 91379: A, B, C, D and E are"),
        ("f:transliterate('漢')", "U+6F22 has no ASCII letters that stand for it"),
        ("f:uuid('x', 'y')", "'x' is no UUID"),
        ("f:date()", "date() takes datum, not 0 arguments"),
    ] {
        let told = fails(call);
        assert!(told.contains(expected), "{call}: {told}");
    }
}

#[test]
fn a_failing_function_ends_the_run_at_once() {
    let mapping = with_lists("concat(f:date('x'), f:number('y'))");
    assert_eq!(failed(&mapping, "<x/>").len(), 1);
}

fn faults_of(manifest: &str, select: &str, files: &[(&str, &str)]) -> Vec<String> {
    let (manifest, sheet) = (format!("transform = \"t.xsl\"\n{manifest}"), sheet(select));
    let mut contents = vec![("mapping.toml", manifest.as_str()), ("t.xsl", sheet.as_str())];
    contents.extend(files);
    compile_faults(&contents).iter().map(ToString::to_string).collect()
}

#[test]
fn wrong_calls_and_lists_are_faults_of_the_mapping() {
    let told = faults_of("", "f:transliterat(f:code('nix', 'f:no(1)'))", &[]).join("\n");
    assert!(told.contains("the hub has no function `f:transliterat`"), "{told}");
    assert!(told.contains("perhaps `f:transliterate`") && told.contains("no code list `nix`"), "{told}");
    assert!(!told.contains("f:no"), "{told}");
    let literal =
        sheet("1").replace("<xsl:value-of", "<p n=\"see f:nix(1)\" m=\"{f:nox(1)}\"/><xsl:value-of");
    let told = compile_faults(&[("mapping.toml", "transform = \"t.xsl\"\n"), ("t.xsl", &literal)]);
    assert_eq!(told.len(), 1, "only an expression calls: {told:?}");
    assert!(told[0].message.contains("`f:nox`"), "{told:?}");
    let list = |text: &str| faults_of("[lists]\nl = \"l.csv\"\n", "1", &[("l.csv", text)]).join("\n");
    assert!(list("a;b\n1;x\n1;y\n").contains("l.csv:3:1: the code '1' stands here a second time"));
    assert!(list("a;b\n1;x\n;y\n").contains("l.csv:3:1: the row has no code in its key column"));
    assert!(list("a;b\n1;x;z\n").contains("l.csv:2:1: the row does not fit the first line"));
    let absent = faults_of("[lists]\nl = \"m.csv\"\n", "1", &[]).join("\n");
    assert!(absent.contains("mapping.toml:3:5: the mapping's folder has no file `m.csv`"), "{absent}");
    let column =
        faults_of("[lists]\nl = { file = \"l.csv\", key = \"c\" }\n", "1", &[("l.csv", "a;b\n1;x\n")])
            .join("\n");
    assert!(
        column.contains("the code list has no column `c`: it has: a, b") || column.contains("it has: a, b"),
        "{column}"
    );
    let not_one = faults_of("[lists]\nl = \"l.xml\"\n", "1", &[("l.xml", "<x/>")]).join("\n");
    assert!(not_one.contains("the file is no code list"), "{not_one}");
}

#[test]
fn other_columns_can_be_key_and_value() {
    assert_eq!(gives("f:code('text', '2')"), "Sehr geehrter Herr");
    assert_eq!(gives("f:code('letters', 'B')"), "B");
}

/// Every character there is, and every pair of a letter and a combining mark, by the schema of the standard.
#[test]
fn the_characters_of_din_91379_are_those_of_its_schema() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/standards/xoev-base/din-91379_2022-08.xsd");
    let Ok(standard) = std::fs::read(path) else {
        assert!(std::env::var_os("REQUIRE_PEERS").is_none(), "the schema of DIN 91379 is not there");
        println!("skipped: the schema of DIN 91379 is not there");
        return;
    };
    for letter in ["A", "B", "C", "D", "E"] {
        let own = format!(
            "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:d=\"urn:xoev-de:kosit:xoev:datentyp:din-91379_2022-08\">\
             <xs:import namespace=\"urn:xoev-de:kosit:xoev:datentyp:din-91379_2022-08\" schemaLocation=\"din.xsd\"/>\
             <xs:element name=\"x\"><xs:complexType><xs:sequence><xs:element name=\"c\" type=\"d:datatype{letter}\" maxOccurs=\"unbounded\"/>\
             </xs:sequence></xs:complexType></xs:element></xs:schema>"
        );
        let files = BTreeMap::from([
            ("din.xsd".to_owned(), standard.clone()),
            ("own.xsd".to_owned(), own.into_bytes()),
        ]);
        let schema = Schema::compile(&files, "own.xsd").unwrap();
        let broken_in = |texts: &[String]| {
            let escape =
                |text: &String| text.replace('&', "&amp;").replace('<', "&lt;").replace('\r', "&#13;");
            let body: String = texts.iter().map(|text| format!("<c>{}</c>", escape(text))).collect();
            let broken = schema.validate(&super::xml(&format!("<x>{body}</x>")));
            broken.into_iter().map(|fault| (fault.path, fault.code)).collect::<BTreeMap<_, _>>()
        };
        // Beyond, there is nothing of the standard.
        let all = (1..0x2C00).chain(0xFB00..0xFB10).chain([0x6F22, 0xFFFD, 0x1_F600]).filter_map(char::from_u32).filter(|c| !matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}'));
        let marks: Vec<char> = ('\u{300}'..='\u{36F}').collect();
        let letters = ('A'..='z').chain('\u{C0}'..='\u{17F}').filter(|c| c.is_alphabetic());
        let pairs: Vec<_> =
            letters.flat_map(|letter| marks.iter().map(move |mark| format!("{letter}{mark}"))).collect();
        let three =
            pairs.iter().filter(|pair| pair.is_ascii() || pair.starts_with(['K', 'L', 'S', 'c', 'r']));
        let three: Vec<_> = three
            .flat_map(|pair| ["\u{304}", "\u{306}", "H", "h"].map(|end| format!("{pair}{end}")))
            .collect();
        let texts: Vec<String> = all.map(String::from).chain(pairs).chain(three).collect();
        let (ours, others): (Vec<String>, Vec<String>) =
            texts.into_iter().partition(|text| crate::functions::within(text, letter));
        let refused = broken_in(&ours);
        assert!(
            ours.len() > 500 && refused.is_empty(),
            "data type {letter} takes what the schema refuses: {:?}",
            refused.keys().take(9)
        );
        // One by one would take long: a batch with nothing valid in it has as many faults as texts.
        for batch in others.chunks(100) {
            let found = broken_in(batch).len();
            assert_eq!(found, batch.len(), "data type {letter} refuses what the schema takes in {batch:?}");
        }
    }
}
