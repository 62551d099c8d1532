use super::{applied, bundle, compile_faults, stylesheet, xml};
use crate::{Case, CaseResult, Facts, Limits, Mapping, MappingFault, Output, run_case, wanted_standards};
use std::collections::BTreeMap;

const TOML: &str = "transform = \"t.xsl\"\n[target]\nschema = \"m.xsd\"\n[document.index]\nformat = \"json\"\n[document.akte]\nschema = \"a.xsd\"\n[document.zettel]\nmedia-type = \"text/plain\"\n";
const MESSAGE_XSD: &str = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='m' type='xs:string'/></xs:schema>";
const FILE_XSD: &str = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='akte' type='xs:int'/></xs:schema>";

const MESSAGE: &str = "<d:document name='message'><m>a</m></d:document>";
const INDEX: &str = "<d:document name='index'><map xmlns='http://www.w3.org/2005/xpath-functions'><number key='n'>1</number></map></d:document>";
const FILE: &str = "<d:document name='akte'><akte>7</akte></d:document>";
const NOTE: &str = "<d:document name='zettel'>Ö &lt; U</d:document>";

fn mapping(documents: &str) -> Mapping {
    let body = format!(
        "<xsl:template match='/'><d:documents xmlns:d='urn:rohrpost:documents:1'>{documents}</d:documents></xsl:template>"
    );
    let contents =
        [("mapping.toml", TOML), ("t.xsl", &stylesheet(&body)), ("m.xsd", MESSAGE_XSD), ("a.xsd", FILE_XSD)];
    Mapping::compile(&bundle(&contents)).unwrap()
}

fn all(documents: &str) -> Result<Output, MappingFault> {
    mapping(documents).apply_to_case(&xml("<x/>"), &Facts::sample(), &Limits::default())
}

/// What is wrong with the wrapper, with its place.
fn refused(documents: &str) -> String {
    match all(documents) {
        Err(MappingFault::Target(found)) => {
            format!("{}:{}: {}", found[0].line, found[0].column > 0, found[0].message)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_run_makes_several_documents_each_of_its_own_form() {
    let output = all(&[INDEX, MESSAGE, " ", NOTE, FILE].concat()).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert!(text(&output.message).ends_with("?>\n<m>a</m>\n"), "{}", text(&output.message));
    let named = |name: &str| text(&output.documents[name]);
    assert_eq!(named("index"), "{\"n\":1}");
    assert!(named("akte").ends_with("<akte>7</akte>\n"));
    assert_eq!(named("zettel"), "Ö < U");
    assert_eq!(output.documents.len(), 3);
    let mapping = mapping(&[INDEX, MESSAGE, NOTE, FILE].concat());
    assert!(applied(&mapping, "<x/>").ends_with("<m>a</m>\n"), "the message is what a mapping gives");
    let media_type = |name: &str| mapping.media_type_of(Some(&name.parse().unwrap())).map(str::to_owned);
    assert_eq!(media_type("index").as_deref(), Some("application/json"));
    assert_eq!((media_type("zettel").as_deref(), media_type("index2")), (Some("text/plain"), None));
}

#[test]
fn a_document_that_is_missing_surplus_or_doubled_is_refused() {
    let rest = [INDEX, NOTE, FILE].concat();
    assert_eq!(
        refused(&rest),
        "2:true: the document `message` is missing; mapping.toml has: message, akte, index, zettel"
    );
    assert!(refused(&[MESSAGE, INDEX, NOTE].concat()).contains("the document `akte` is missing"));
    let surplus = format!("{MESSAGE}{rest}<d:document name='inhalt'><i/></d:document>");
    assert!(refused(&surplus).contains("nobody asked for the document `inhalt`; mapping.toml has: message,"));
    assert!(refused(&[MESSAGE, &rest, INDEX].concat()).contains("the document `index` is there twice"));
    for (wrong, told) in [
        ("<d:document><m/></d:document>", "something else than d:document with a name"),
        ("<m/>", "something else than d:document with a name"),
        ("Text", "beside documents stands text"),
        ("<d:document name='message'/>", "`message` has 0 elements; a document has one"),
        ("<d:document name='message'><m/><m/></d:document>", "`message` has 2 elements"),
        ("<d:document name='message'>x<m/></d:document>", "`message` has text beside its element"),
        ("<d:document name='zettel'><m/></d:document>", "`zettel` is text, and an element stands in it"),
    ] {
        assert!(refused(wrong).contains(told), "{wrong}: {}", refused(wrong));
    }
}

#[test]
fn a_stylesheet_without_the_wrapper_is_refused() {
    let contents = [
        ("mapping.toml", "transform = \"t.xsl\"\n[document.index]\n"),
        ("t.xsl", &stylesheet("<xsl:template match='/'><documents/></xsl:template>")),
    ];
    let made = Mapping::compile(&bundle(&contents)).unwrap();
    let told = made.apply(&xml("<x/>"), &Facts::sample(), &Limits::default()).unwrap_err();
    let MappingFault::Target(found) = told else { panic!("{told:?}") };
    assert!(found[0].message.contains("gives no d:documents"), "{found:?}");
}

#[test]
fn each_document_is_held_against_its_own_schema() {
    let wrong = "<d:document name='akte'><akte>sieben</akte></d:document>";
    match all(&[MESSAGE, INDEX, NOTE, wrong].concat()) {
        Err(MappingFault::Document(name, found)) => {
            assert_eq!((name.as_str(), found[0].path.as_str()), ("akte", "/akte"));
        }
        other => panic!("{other:?}"),
    }
    let wrong = "<d:document name='index'><map xmlns='http://www.w3.org/2005/xpath-functions'><x/></map></d:document>";
    assert!(
        matches!(all(&[MESSAGE, wrong, NOTE, FILE].concat()), Err(MappingFault::Document(name, _)) if name.as_str() == "index")
    );
    let wrong = "<d:document name='message'><n/></d:document>";
    assert!(matches!(all(&[wrong, INDEX, NOTE, FILE].concat()), Err(MappingFault::Target(_))));
}

#[test]
fn prefixes_that_a_document_needs_go_with_it_and_others_stay() {
    let body = "<xsl:template match='/'><d:documents xmlns:d='urn:rohrpost:documents:1' \
        xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xmlns:p='urn:p' xmlns:q='urn:q' xmlns:other='urn:other'>\
        <d:document name='message'><p:m xsi:type='q:art'/></d:document>\
        <d:document name='index'><i/></d:document></d:documents></xsl:template>";
    let contents =
        [("mapping.toml", "transform = \"t.xsl\"\n[document.index]\n"), ("t.xsl", &stylesheet(body))];
    let mapping = Mapping::compile(&bundle(&contents)).unwrap();
    let made = mapping.apply_to_case(&xml("<x/>"), &Facts::sample(), &Limits::default()).unwrap();
    let message = String::from_utf8(made.message).unwrap();
    assert!(message.contains(" xmlns:q=\"urn:q\"") && message.contains("xsi:type=\"q:art\""), "{message}");
    assert!(!message.contains("other") && !message.contains("documents"), "{message}");
    let index = String::from_utf8(made.documents.into_values().next().unwrap()).unwrap();
    assert!(index.ends_with("<i/>\n"), "{index}");
}

#[test]
fn tables_of_documents_are_read_as_strictly_as_the_target() {
    let faults = |toml: &str| {
        let told = compile_faults(&[("mapping.toml", toml), ("t.xsl", &stylesheet(""))]);
        told.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let with = |table: &str| faults(&format!("transform = \"t.xsl\"\n{table}\n"));
    assert!(with("[document.message]").contains("mapping.toml:2:11: the message is what [target] is about"));
    assert!(with("[document.\"a.b\"]").contains("a document's name has 1 to 40 characters"));
    assert!(with("[document]\nindex = 1").contains("`index` is a table; write [document.index]"));
    assert!(with("document = 1").contains("`document` holds tables; write [document.index]"));
    assert!(with("[document.index]\nshema = \"x.xsd\"").contains("unknown key `shema`"));
    assert!(
        with("[document.index]\nschema = \"x.xsd\"").contains("the mapping's folder has no file `x.xsd`")
    );
    assert!(with("[document.index]\nrules = \"x.xsl\"").contains("is not named like rules"));
    assert!(faults("[document.index]").contains("[document.…] without a transform: nobody would make them"));
}

#[test]
fn a_document_takes_its_schema_from_a_standard_as_the_target_does() {
    let toml = "[document.index]\nstandard = \"xdomea@3.0.0\"\nschema = \"xdomea.xsd\"\nrules = \"r.sch\"\n";
    let wanted = wanted_standards(&bundle(&[("mapping.toml", toml)]));
    let slots: Vec<_> = wanted.iter().map(|one| (one.slot.as_str(), one.file.as_str(), one.line)).collect();
    assert_eq!(slots, [("document-index", "xdomea.xsd", 2), ("rules-document-index", "r.sch", 2)]);
}

#[test]
fn a_case_is_compared_document_by_document() {
    let mapping = mapping(&[MESSAGE, INDEX, NOTE, FILE].concat());
    let case = |documents: &[(&str, &str)]| {
        let named = documents.iter().map(|(name, text)| (name.parse().unwrap(), text.as_bytes().to_vec()));
        let documents: BTreeMap<_, _> = named.collect();
        let case =
            Case { name: "01".into(), input: b"<x/>".to_vec(), expected: b"<m>a</m>".to_vec(), documents };
        run_case(&mapping, &case, &Facts::sample())
    };
    assert_eq!(case(&[("index", "{ \"n\": 1 }"), ("akte", "<akte>7</akte>")]), CaseResult::Passed);
    for (name, expected) in [("index", "{\"n\":2}"), ("akte", "<akte>8</akte>"), ("zettel", "Ö")] {
        let CaseResult::Differs { difference, .. } = case(&[(name, expected)]) else { panic!("{name}") };
        assert!(difference.starts_with(&format!("document {name}:\n")), "{difference}");
    }
}
