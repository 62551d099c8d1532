use super::{applied, apply, bundle, compile_faults, stylesheet};
use crate::{Case, CaseResult, Facts, Limits, Mapping, MappingFault, Xml, XmlLimits, canonical, run_case};
use std::collections::BTreeMap;

const COPY: &str = "<xsl:template match=\"/\"><xsl:copy-of select=\"/\"/></xsl:template>";

fn from_json(json: &str) -> Xml {
    Xml::from_json(json.as_bytes(), &XmlLimits::default()).unwrap()
}

fn mapping(manifest: &str, body: &str) -> Mapping {
    let (manifest, sheet) = (format!("transform = \"t.xsl\"\n{manifest}"), stylesheet(body));
    Mapping::compile(&bundle(&[("mapping.toml", &manifest), ("t.xsl", &sheet)])).unwrap()
}

fn there_and_back(json: &str) -> String {
    let mapping = mapping("[source]\nformat = \"json\"\n[target]\nformat = \"json\"\n", COPY);
    let made = mapping.apply(&from_json(json), &Facts::sample(), &Limits::default()).unwrap();
    String::from_utf8(made).unwrap()
}

#[test]
fn json_becomes_the_vocabulary_of_json_to_xml() {
    let xml = from_json(
        " {\"a\" : [1.50, -0, 1e+3, true, null], \"b\\u00fc\\n\": \"<\\u0000\\ud83d\\ude00&\", \"\": {}}",
    );
    assert_eq!(
        String::from_utf8(canonical(&xml)).unwrap(),
        "<map xmlns=\"http://www.w3.org/2005/xpath-functions\"><array key=\"a\"><number>1.50</number><number>-0</number>\
         <number>1e+3</number><boolean>true</boolean><null></null></array><string key=\"bü&#xA;\">&lt;\u{FFFD}😀&amp;</string>\
         <map key=\"\"></map></map>"
    );
}

#[test]
fn json_comes_back_as_it_went_in() {
    for json in [
        "{\"a\":[1.50,-0,1e3,true,false,null,\"\"],\"b\":{\"c\":\"zwei \\\"Worte\\\"\\n\"},\"d\":[]}",
        "[]",
        "\"Text\"",
        "12345678901234567890.123456789",
        "null",
    ] {
        assert_eq!(there_and_back(json), json);
    }
}

#[test]
fn what_is_no_json_is_told_with_its_place() {
    let fails = |json: &[u8]| Xml::from_json(json, &XmlLimits::default()).unwrap_err().to_string();
    assert!(fails(b"{\n \"a\": tru }").starts_with("2:"));
    assert!(fails(b"").starts_with("1:1: EOF"));
    assert!(fails(b"{} {}").contains("trailing"));
    let deep = fails(format!("{}{}", "[".repeat(1000), "]".repeat(1000)).as_bytes());
    assert!(deep.contains("deep"), "{deep}");
    assert!(fails(&[0xFF]).contains("UTF-8"));
}

#[test]
fn a_schema_for_json_names_the_place_in_the_json() {
    let schema = "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" elementFormDefault=\"qualified\" \
        targetNamespace=\"http://www.w3.org/2005/xpath-functions\"><xs:element name=\"map\"><xs:complexType><xs:sequence>\
        <xs:element name=\"number\"><xs:complexType><xs:simpleContent><xs:extension base=\"xs:int\">\
        <xs:attribute name=\"key\" fixed=\"tiefe\"/></xs:extension></xs:simpleContent></xs:complexType></xs:element>\
        </xs:sequence></xs:complexType></xs:element></xs:schema>";
    let manifest = "transform = \"t.xsl\"\n[source]\nschema = \"s.xsd\"\nformat = \"json\"\n";
    let mapping = Mapping::compile(&bundle(&[
        ("mapping.toml", manifest),
        ("t.xsl", &stylesheet(COPY)),
        ("s.xsd", schema),
    ]));
    let made =
        mapping.unwrap().apply(&from_json("{\n  \"tiefe\": 1.5\n}"), &Facts::sample(), &Limits::default());
    let Err(MappingFault::Source(found)) = made else { panic!("{made:?}") };
    assert_eq!((found[0].line, found[0].column, found[0].element.as_str()), (2, 12, "number"));
}

#[test]
fn output_that_is_no_json_is_the_mappings_fault() {
    let fails = |body: &str| {
        let body = format!("<xsl:template match=\"/\">{body}</xsl:template>");
        match apply(&mapping("[target]\nformat = \"json\"\n", &body), "<x/>") {
            Err(MappingFault::Target(found)) => found[0].message.clone(),
            other => panic!("{other:?}"),
        }
    };
    let vocabulary =
        |body: &str| fails(&format!("<map xmlns=\"http://www.w3.org/2005/xpath-functions\">{body}</map>"));
    assert!(fails("<map/>").contains("is not in the namespace"));
    assert!(vocabulary("<string>x</string>").contains("a member of a map has a key"));
    assert!(vocabulary("<number key=\"a\">1,5</number>").contains("'1,5' is no number of JSON"));
    assert!(vocabulary("<boolean key=\"a\">ja</boolean>").contains("'ja' is not true or false"));
    assert!(vocabulary("<null key=\"a\"/><null key=\"a\"/>").contains("the key stands twice"));
    assert!(vocabulary("<text key=\"a\"/>").contains("none of map, array"));
}

#[test]
fn the_media_type_of_json_is_json() {
    let body =
        "<xsl:template match=\"/\"><null xmlns=\"http://www.w3.org/2005/xpath-functions\"/></xsl:template>";
    let mapping = mapping("[target]\nformat = \"json\"\n", body);
    assert_eq!((mapping.media_type(), applied(&mapping, "<x/>").as_str()), ("application/json", "null"));
    let told = compile_faults(&[("mapping.toml", "[source]\nformat = \"yaml\"\n")]);
    assert_eq!(told[0].to_string(), "mapping.toml:2:10: unknown format `yaml`; known: xml, json");
}

#[test]
fn a_case_may_be_json() {
    let mapping = mapping("[source]\nformat = \"json\"\n[target]\nformat = \"json\"\n", COPY);
    let case = |input: &str| Case {
        name: "01".into(),
        input: input.into(),
        expected: b"{\"a\": 1}".to_vec(),
        documents: BTreeMap::new(),
    };
    assert_eq!(run_case(&mapping, &case("{\"a\":1}"), &Facts::sample()), CaseResult::Passed);
    assert!(matches!(run_case(&mapping, &case("{"), &Facts::sample()), CaseResult::BadJson(_)));
}
