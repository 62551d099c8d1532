//! Compiling schemas and checking documents.

use super::{files, xml};
use crate::{MAX_VIOLATIONS, Schema, Violation};

fn schema(body: &str) -> Schema {
    let text = format!(
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' xmlns='urn:t' targetNamespace='urn:t' elementFormDefault='qualified'>{body}</xs:schema>"
    );
    Schema::compile(&files(&[("s.xsd", &text)]), "s.xsd").unwrap()
}

const ORDER: &str = "<xs:simpleType name='Plz'><xs:restriction base='xs:string'><xs:pattern value='[0-9]{5}'/></xs:restriction></xs:simpleType>\
    <xs:element name='order'><xs:complexType><xs:sequence><xs:element name='item' maxOccurs='unbounded'><xs:complexType>\
    <xs:sequence><xs:element name='plz' type='Plz'/><xs:element name='n' type='xs:int' minOccurs='0'/></xs:sequence>\
    <xs:attribute name='day' type='xs:date' use='required'/></xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>";

fn only(found: Vec<Violation>) -> Violation {
    assert_eq!(found.len(), 1, "{found:#?}");
    found.into_iter().next().unwrap()
}

#[test]
fn a_violation_names_place_element_and_what_was_expected() {
    let schema = schema(ORDER);
    let of = |text: &str| only(schema.validate(&xml(text)));
    assert_eq!(
        schema.validate(&xml("<order xmlns='urn:t'><item day='2026-01-01'><plz>12345</plz></item></order>")),
        []
    );

    let value = of(
        "<t:order xmlns:t='urn:t'>\n <t:item\n  day='2026-01-01'>\n   <t:plz\n>1234x</t:plz></t:item></t:order>",
    );
    assert_eq!((value.line, value.column, value.element.as_str()), (4, 4, "plz"));
    assert_eq!((value.path.as_str(), value.code.as_ref()), ("/t:order/t:item/t:plz", "cvc-pattern-valid"));
    assert!(value.message.contains("1234x") && value.message.contains("[0-9]{5}"), "{}", value.message);

    let missing = of(
        "<order xmlns='urn:t'><item day='2026-01-01'><plz>12345</plz></item>\n<item day='2026-01-01'/></order>",
    );
    assert_eq!((missing.line, missing.column, missing.path.as_str()), (2, 1, "/order/item[2]"));
    assert!(missing.message.contains("plz"), "{}", missing.message);

    let unexpected = of("<order xmlns='urn:t'><item day='2026-01-01'>\n<zip/></item></order>");
    assert_eq!(
        (unexpected.line, unexpected.element.as_str(), unexpected.code.as_ref()),
        (2, "zip", "cvc-complex-type")
    );
    assert!(
        unexpected.message.contains("xpected is") && unexpected.message.contains("plz"),
        "{}",
        unexpected.message
    );

    let attribute = of("<order xmlns='urn:t'>\n<item day='gestern'><plz>12345</plz></item></order>");
    assert_eq!(
        (attribute.line, attribute.element.as_str(), attribute.code.as_ref()),
        (2, "item", "cvc-datatype-valid")
    );
    assert!(
        attribute.message.contains("'day'") && attribute.message.contains("xs:date"),
        "{}",
        attribute.message
    );

    let root = of("<other/>");
    assert_eq!(
        (root.line, root.column, root.element.as_str(), root.code.as_ref()),
        (1, 1, "other", "cvc-elt")
    );
}

#[test]
fn reports_all_violations_up_to_a_cap() {
    let schema = schema(ORDER);
    let items = |count: usize| "<item day='x'><plz>1</plz></item>\n".repeat(count);
    let found = schema.validate(&xml(&format!("<order xmlns='urn:t'>\n{}</order>", items(3))));
    assert_eq!(found.iter().map(|violation| violation.line).collect::<Vec<_>>(), [2, 2, 3, 3, 4, 4]);
    assert_eq!(
        schema.validate(&xml(&format!("<order xmlns='urn:t'>{}</order>", items(1000)))).len(),
        MAX_VIOLATIONS
    );
}

#[test]
fn lines_beyond_65535_are_right() {
    let found =
        schema(ORDER).validate(&xml(&format!("<order xmlns='urn:t'>{}<zip/></order>", "\n".repeat(70_000))));
    assert_eq!((found[0].line, found[0].column), (70_001, 1));
}

const LINKS: &str = "<xs:simpleType name='Key'><xs:restriction base='xs:ID'><xs:maxLength value='9'/></xs:restriction></xs:simpleType>\
    <xs:attributeGroup name='keyed'><xs:attribute name='id' type='Key'/></xs:attributeGroup>\
    <xs:group name='rest'><xs:sequence><xs:element name='ref' type='xs:IDREF' minOccurs='0' maxOccurs='9'/>\
    <xs:element name='refs' minOccurs='0'><xs:simpleType><xs:list itemType='xs:IDREF'/></xs:simpleType></xs:element></xs:sequence></xs:group>\
    <xs:complexType name='Base'><xs:sequence><xs:element name='n' minOccurs='0' maxOccurs='9'><xs:complexType><xs:attributeGroup ref='keyed'/></xs:complexType></xs:element></xs:sequence></xs:complexType>\
    <xs:complexType name='Root'><xs:complexContent><xs:extension base='Base'><xs:sequence><xs:group ref='rest'/><xs:element ref='file' minOccurs='0'/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>\
    <xs:element name='file'><xs:complexType><xs:simpleContent><xs:extension base='xs:base64Binary'/></xs:simpleContent></xs:complexType></xs:element>\
    <xs:element name='root' type='Root'/><xs:element name='any' type='Base'/>";

#[test]
fn sees_what_libxml2_does_not_of_ids_and_references() {
    let schema = schema(LINKS);
    let of = |body: &str| schema.validate(&xml(&format!("<root xmlns='urn:t'>{body}</root>")));
    assert_eq!(of("<n id='a'/><n id='b'/><ref> a </ref><refs>a b</refs>"), []);
    let twice = only(of("<n id='a'/>\n<n id='a'/>"));
    assert_eq!((twice.line, twice.code.as_ref(), twice.path.as_str()), (2, "cvc-id", "/root/n[2]"));
    let dangling = only(of("<n id='a'/>\n <ref>b</ref>"));
    assert_eq!((dangling.line, dangling.column, dangling.code.as_ref()), (2, 2, "cvc-id"));
    assert!(only(of("<n id='a'/><refs>a c</refs>")).message.contains("'c'"));
    let stated = "<any xmlns='urn:t' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:type='Root'><ref>z</ref></any>";
    assert_eq!(only(schema.validate(&xml(stated))).code, "cvc-id");
}

#[test]
fn sees_junk_in_base64() {
    let schema = schema(LINKS);
    let of = |text: &str| schema.validate(&xml(&format!("<root xmlns='urn:t'><file>{text}</file></root>")));
    for good in ["", "QUJD", "QUI=", " QU I=\n", "QQ=="] {
        assert_eq!(of(good), [], "{good}");
    }
    for bad in ["QU%JD", "QUJDä", "QUJ", "QUI=QUJD", "QUJ=", "QR==", "===="] {
        assert_eq!(only(of(bad)).element, "file", "{bad}");
    }
}

#[test]
fn reports_faults_of_a_schema_with_their_places() {
    let text = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>\n  <xs:element name='a' type='Gone'/>\n\n <xs:element\n name='b' type='xs:nothing'/></xs:schema>";
    let faults = Schema::compile(&files(&[("s.xsd", text)]), "s.xsd").unwrap_err();
    let places: Vec<_> = faults.iter().map(|fault| (fault.file.as_str(), fault.line, fault.column)).collect();
    for place in [("s.xsd", 2, 3), ("s.xsd", 4, 2)] {
        assert!(places.contains(&place), "{faults:#?}");
    }
    assert!(!Schema::compile(&files(&[]), "s.xsd").unwrap_err().is_empty());
    let broken = Schema::compile(&files(&[("s.xsd", "<a>\n</b>")]), "s.xsd").unwrap_err();
    assert_eq!((broken[0].line, broken[0].column > 0), (2, true));
}

#[test]
fn imports_come_from_the_bundle_only() {
    let importing = |location: &str| {
        format!(
            "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' xmlns:o='urn:o'><xs:import namespace='urn:o' schemaLocation='{location}'/><xs:element name='a' type='o:T'/></xs:schema>"
        )
    };
    let other = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:o'><xs:include schemaLocation='t.xsd'/></xs:schema>";
    let chameleon = "<?xml version='1.0' encoding='ISO-8859-1'?><xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:simpleType name='T'><xs:restriction base='xs:int'/></xs:simpleType></xs:schema>";
    let compile = |location: &str| {
        Schema::compile(
            &files(&[("s.xsd", &importing(location)), ("in/o.xsd", other), ("in/t.xsd", chameleon)]),
            "s.xsd",
        )
    };
    for location in ["in/o.xsd", "./in/../in/o.xsd", "https://example.org/schemas/o.xsd"] {
        let schema = compile(location).unwrap_or_else(|faults| panic!("{location}: {faults:#?}"));
        assert_eq!(schema.validate(&xml("<a>1</a>")), []);
        assert_eq!(schema.validate(&xml("<a>x</a>")).len(), 1);
    }
    for location in ["/etc/passwd", "http://127.0.0.1:1/gone.xsd", "o.xsd", "file:///etc/passwd"] {
        let faults = compile(location).unwrap_err();
        assert!(
            faults.iter().any(|fault| fault.message.contains("does not lie in")),
            "{location}: {faults:#?}"
        );
    }
}

#[test]
fn a_document_cannot_name_its_own_schema() {
    let schema = schema(ORDER);
    let text = "<order xmlns='urn:t' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:schemaLocation='urn:t file:///etc/passwd urn:u http://127.0.0.1:1/u.xsd'><item day='2026-01-01'><plz>12345</plz></item></order>";
    assert_eq!(schema.validate(&xml(text)), []);
}

#[test]
fn many_threads_share_a_schema() {
    let schema = schema(ORDER);
    let text = "<order xmlns='urn:t'>\n<item day='2026-01-01'><plz>1</plz></item><item day='x'><plz>12345</plz><zip/></item></order>";
    let first = schema.validate(&xml(text));
    assert_eq!(first.len(), 3);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..500).for_each(|_| assert_eq!(schema.validate(&xml(text)), first)));
        }
    });
}

#[test]
fn a_reference_without_its_key_is_told_where_it_stands() {
    let schema = schema(
        "<xs:element name='r'><xs:complexType><xs:sequence>\
         <xs:element name='a' maxOccurs='9'><xs:complexType><xs:attribute name='n'/></xs:complexType></xs:element>\
         <xs:element name='b' maxOccurs='9'><xs:complexType><xs:attribute name='n'/></xs:complexType></xs:element>\
         </xs:sequence></xs:complexType>\
         <xs:key xmlns:t='urn:t' name='k'><xs:selector xpath='t:a'/><xs:field xpath='@n'/></xs:key>\
         <xs:keyref xmlns:t='urn:t' name='f' refer='t:k'><xs:selector xpath='t:b'/><xs:field xpath='@n'/></xs:keyref>\
         </xs:element>",
    );
    let found =
        schema.validate(&xml("<r xmlns='urn:t'>\n<a n='1'/>\n<b n='1'/>\n<b n='7'/>\n  <b n='8'/></r>"));
    let told: Vec<_> =
        found.iter().map(|it| (it.line, it.column, it.path.as_str(), it.code.as_ref())).collect();
    let rule = "cvc-identity-constraint";
    assert_eq!(told, [(4, 1, "/r/b[2]", rule), (5, 3, "/r/b[3]", rule)]);
    assert!(found[0].message.contains("'7'") && found[1].message.contains("'8'"), "{found:#?}");
}
