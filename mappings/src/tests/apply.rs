//! Applying a mapping.

use super::*;
use crate::{AttachmentFact, ReceiptFact, canonical, envelope};
use std::thread;

#[test]
fn without_a_transform_the_source_passes_through_unchanged() {
    let mapping = Mapping::compile(&bundle(&[("mapping.toml", "")])).unwrap();
    let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a ><![CDATA[\xFC]]></a>\n";
    let source = Xml::parse(latin, &XmlLimits::default()).unwrap();
    assert_eq!(mapping.apply(&source, &Facts::sample(), &Limits::default()).unwrap(), latin);
}

#[test]
fn facts_arrive_as_strings_whatever_is_in_them() {
    let body = "<xsl:param name='case'/><xsl:param name='kind'/><xsl:param name='test'/><xsl:param name='own'/>\
        <xsl:variable name='tenant' select=\"'fixed'\"/>\
        <xsl:template match='/'><o><xsl:value-of select=\"concat($case,'|',$kind,'|',$test,'|',$own,'|',$tenant)\"/></o></xsl:template>";
    let toml = format!("{TRANSFORM}[params]\nown = 'the default'\n");
    let mapping =
        Mapping::compile(&bundle(&[("mapping.toml", &toml), ("t.xsl", &stylesheet(body))])).unwrap();
    let nasty = "'\"&<'); document(\"/etc/passwd\") ä";
    let mut facts = Facts { case: nasty.into(), kind: "1 + 1".into(), ..Facts::sample() };
    let run = |facts: &Facts| mapping.apply(&xml("<a/>"), facts, &Limits::default());
    let text = |facts: &Facts| {
        Xml::parse(&run(facts).unwrap(), &XmlLimits::default()).unwrap().doc().root().unwrap().text()
    };
    assert_eq!(text(&facts), format!("{nasty}|1 + 1|false|the default|fixed"));
    facts.params.insert("own".into(), nasty.into());
    assert_eq!(text(&facts), format!("{nasty}|1 + 1|false|{nasty}|fixed"));
    facts.params.insert("foreign".into(), String::new());
    assert!(matches!(run(&facts), Err(MappingFault::Transform(_))));
}

fn full_facts() -> Facts {
    let attachment = AttachmentFact {
        number: 1,
        name: Some("Lage\u{1}plan \"A\" <1>&\n.pdf".into()),
        media_type: "application/pdf".into(),
        size: 17,
        sha256: "ab".repeat(32),
        id: None,
        file_name: None,
    };
    let receipt = ReceiptFact {
        step: "fachverfahren".into(),
        reference: Some("2026/1".into()),
        code: None,
        result: None,
        at: Some("2026-01-15T10:00:00Z".into()),
    };
    Facts { attachments: vec![attachment], receipts: vec![receipt], ..Facts::sample() }
}

#[test]
fn the_envelope_is_as_documented() {
    let data = xml("<?xml version='1.0'?><!-- c --><p:a xmlns:p='urn:p' xmlns='urn:d'><b hub='1'/></p:a>");
    let expected = "<hub:envelope xmlns:hub=\"urn:rohrpost:envelope:1\">\
        <hub:submission id=\"00000000-0000-7000-8000-000000000001\" case=\"fall-0001\" \
        received-at=\"2026-01-15T09:30:00Z\" kind=\"application\" service=\"99128001000000\" area=\"150910000000\" \
        tenant=\"lk-beispiel\" test=\"false\"/>\
        <hub:attachments><hub:attachment number=\"1\" name=\"Lage\u{FFFD}plan &quot;A&quot; &lt;1&gt;&amp;&#10;.pdf\" \
        media-type=\"application/pdf\" size=\"17\" sha256=\"".to_owned()
        + &"ab".repeat(32)
        + "\"/></hub:attachments><hub:receipts><hub:receipt step=\"fachverfahren\" reference=\"2026/1\" \
        at=\"2026-01-15T10:00:00Z\"/></hub:receipts>\
        <hub:data><p:a xmlns:p=\"urn:p\" xmlns=\"urn:d\"><b hub=\"1\"/></p:a></hub:data></hub:envelope>\n";
    let made = String::from_utf8(envelope(&data, &full_facts())).unwrap();
    assert_eq!(made, format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{expected}"));
}

const ENVELOPE: &str = "transform = 't.xsl'\ninput = 'envelope'\n";
const SHOW: &str = "<xsl:template match='/'><o><xsl:value-of select=\"concat(/hub:envelope/hub:submission/@case, ' ', \
    name(/hub:envelope/hub:data/*), ' ', /hub:envelope/hub:receipts/hub:receipt/@reference)\"/></o></xsl:template>";

#[test]
fn a_sender_cannot_forge_an_envelope() {
    let mapping =
        Mapping::compile(&bundle(&[("mapping.toml", ENVELOPE), ("t.xsl", &stylesheet(SHOW))])).unwrap();
    let forged = "<hub:envelope xmlns:hub='urn:rohrpost:envelope:1'><hub:submission case='forged'/><hub:data><a/></hub:data></hub:envelope>";
    assert!(applied(&mapping, forged).contains(">fall-0001 hub:envelope </o>"));
    let whole = mapping.apply_to_envelope(&xml(forged), &Facts::sample(), &Limits::default()).unwrap();
    assert!(String::from_utf8(whole).unwrap().contains(">forged a </o>"));
    let not_one = mapping.apply_to_envelope(&xml("<a/>"), &Facts::sample(), &Limits::default());
    assert!(matches!(not_one, Err(MappingFault::Transform(_))));
}

#[test]
fn applying_to_data_equals_applying_to_their_envelope() {
    let mapping =
        Mapping::compile(&bundle(&[("mapping.toml", ENVELOPE), ("t.xsl", &stylesheet(SHOW))])).unwrap();
    let data = xml("<a/>");
    let wrapped = Xml::parse(&envelope(&data, &full_facts()), &XmlLimits::default()).unwrap();
    let one = mapping.apply(&data, &full_facts(), &Limits::default()).unwrap();
    let other = mapping.apply_to_envelope(&wrapped, &full_facts(), &Limits::default()).unwrap();
    assert_eq!(one, other);
    assert!(String::from_utf8(one).unwrap().contains("fall-0001 a 2026/1"));
}

#[test]
fn a_run_does_not_change_its_source() {
    let mapping = transform(
        "<xsl:strip-space elements='*'/><xsl:template match='/'><o><xsl:copy-of select='.'/></o></xsl:template>",
    );
    let source = xml("<a> <b/> </a>");
    let before = canonical(&source);
    let one = mapping.apply(&source, &Facts::sample(), &Limits::default()).unwrap();
    assert_eq!(one, mapping.apply(&source, &Facts::sample(), &Limits::default()).unwrap());
    assert_eq!(canonical(&source), before);
}

#[test]
fn a_terminated_transform_says_why_and_where() {
    let mapping = transform(
        "<xsl:template match='/'>\n  <xsl:message>only told</xsl:message>\n  <xsl:message terminate='yes'>no <xsl:value-of select='/a'/></xsl:message></xsl:template>",
    );
    let faults = failed(&mapping, "<a>depth</a>");
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!((faults[0].file.as_str(), faults[0].line, faults[0].column), ("t.xsl", 4, 3));
    assert!(faults[0].message.ends_with("no depth"), "{}", faults[0]);
}

#[test]
fn a_message_alone_is_no_fault() {
    let mapping =
        transform("<xsl:template match='/'><xsl:message>error: file x</xsl:message><o/></xsl:template>");
    assert!(applied(&mapping, "<a/>").contains("<o/>"));
}

#[test]
fn a_failing_transform_names_file_line_and_column() {
    let mapping = transform(
        "<xsl:template match='/'>\n <o>\n  <xsl:value-of\n    select='$unknown'/></o></xsl:template>",
    );
    let faults = failed(&mapping, "<a/>");
    assert_eq!((faults[0].file.as_str(), faults[0].line, faults[0].column), ("t.xsl", 4, 3), "{faults:?}");
    assert!(faults[0].message.contains("unknown"), "{faults:?}");
    let unknown_function = failed(
        &transform("<xsl:template match='/'><o><xsl:value-of select='my:f()'/></o></xsl:template>"),
        "<a/>",
    );
    assert!(
        unknown_function[0].line == 2 && unknown_function[0].message.contains('f'),
        "{unknown_function:?}"
    );
}

#[test]
fn output_that_is_not_what_it_should_be_is_a_defect_of_the_mapping() {
    let two_roots = transform("<xsl:template match='/'><a/><b/></xsl:template>");
    let text = transform("<xsl:output method='text'/><xsl:template match='/'>plain</xsl:template>");
    let nothing = transform("<xsl:template match='/'/>");
    for mapping in [two_roots, text, nothing] {
        assert!(matches!(apply(&mapping, "<a/>"), Err(MappingFault::Target(_))));
    }
    let json = |text: &str| {
        let toml = format!("{TRANSFORM}[target]\nmedia-type = 'application/json'\n");
        let body = format!("<xsl:output method='text'/><xsl:template match='/'>{text}</xsl:template>");
        apply(
            &Mapping::compile(&bundle(&[("mapping.toml", &toml), ("t.xsl", &stylesheet(&body))])).unwrap(),
            "<a/>",
        )
    };
    assert_eq!(json("{\"a\": 1}").unwrap(), "{\"a\": 1}");
    assert!(
        matches!(json("{\"a\": 1").unwrap_err(), MappingFault::Target(found) if found[0].line == 1 && found[0].column == 7)
    );
}

#[test]
fn source_and_target_schema_are_kept_apart() {
    let schema = |root: &str| {
        format!(
            "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='{root}' type='xs:int'/></xs:schema>"
        )
    };
    let toml = format!("{TRANSFORM}[source]\nschema = 's.xsd'\n[target]\nschema = 't.xsd'\n");
    let body = "<xsl:template match='/s'><t><xsl:value-of select='. div 2'/></t></xsl:template>";
    let mapping = Mapping::compile(&bundle(&[
        ("mapping.toml", &toml),
        ("t.xsl", &stylesheet(body)),
        ("s.xsd", &schema("s")),
        ("t.xsd", &schema("t")),
    ]))
    .unwrap();
    assert!(applied(&mapping, "<s>4</s>").contains("<t>2</t>"));
    assert!(matches!(apply(&mapping, "<s>x</s>"), Err(MappingFault::Source(_))));
    assert!(matches!(apply(&mapping, "<s>5</s>"), Err(MappingFault::Target(found)) if found[0].path == "/t"));
}

#[test]
fn output_is_encoded_as_the_stylesheet_says() {
    let mapping =
        transform("<xsl:output encoding='ISO-8859-1'/><xsl:template match='/'><o>ü€</o></xsl:template>");
    let output = mapping.apply(&xml("<a/>"), &Facts::sample(), &Limits::default()).unwrap();
    let expected = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<o>\xFC&#8364;</o>\n";
    assert_eq!(String::from_utf8_lossy(&output), String::from_utf8_lossy(expected));
}

#[test]
fn many_threads_share_a_mapping_and_get_the_same_bytes() {
    let body = "<xsl:key name='k' match='i' use='@g'/><xsl:strip-space elements='*'/>\
        <func:function name='my:twice'><xsl:param name='x'/><func:result select='$x * 2'/></func:function>\
        <xsl:template match='/'><o><xsl:for-each select=\"//i[generate-id() = generate-id(key('k', @g)[1])]\">\
        <xsl:sort select='@g' order='descending'/><g n='{@g}' id='{generate-id()}' sum='{my:twice(sum(key(\"k\", @g)))}' \
        d='{date:add(\"2026-01-01\", \"P1D\")}'><xsl:apply-templates select='str:tokenize(\"a b c\")'/></g></xsl:for-each></o></xsl:template>\
        <xsl:template match='token'><t><xsl:number/><xsl:value-of select='.'/></t></xsl:template>";
    for body in [body.to_owned(), body.replace("my:twice", "number").replace("<func:function name='number'><xsl:param name='x'/><func:result select='$x * 2'/></func:function>", "")] {
        let mapping = transform(&body);
        let source: String = (0..40).map(|i| format!("<i g='{}'>{i}</i> ", i % 7)).collect();
        let source = format!("<r>{source}</r>");
        let first = applied(&mapping, &source);
        assert!(first.contains("d=\"2026-01-02\""), "{first}");
        let run = || (0..500).for_each(|_| assert_eq!(applied(&mapping, &source), first));
        thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(run))));
    }
}

#[test]
fn many_threads_share_a_source() {
    let schema = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='a'><xs:complexType><xs:sequence>\
                  <xs:element name='b' type='xs:ID' maxOccurs='unbounded'/></xs:sequence></xs:complexType></xs:element></xs:schema>";
    let contents = [
        ("mapping.toml", "transform = \"t.xsl\"\ninput = \"envelope\"\n[source]\nschema = \"s.xsd\"\n"),
        ("s.xsd", schema),
        (
            "t.xsl",
            &stylesheet("<xsl:template match='/'><o><xsl:copy-of select='//b[last()]'/></o></xsl:template>"),
        ),
    ];
    let mapping = Mapping::compile(&bundle(&contents)).unwrap();
    let ids: String = (0..50).map(|i| format!("<b>i{i}</b>")).collect();
    let source = xml(&format!("<a>{ids}</a>"));
    let expected = mapping.apply(&source, &Facts::sample(), &Limits::default()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    assert_eq!(
                        mapping.apply(&source, &Facts::sample(), &Limits::default()).unwrap(),
                        expected
                    );
                }
            });
        }
    });
}
