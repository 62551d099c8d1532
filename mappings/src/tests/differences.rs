//! What differs between two documents, as people read it.

use crate::xml::{Xml, XmlLimits};
use crate::xml_diff::differences;

fn between(expected: &str, made: &str) -> String {
    let parse = |text: &str| Xml::parse(text.as_bytes(), &XmlLimits::default()).unwrap();
    let (expected, made) = (parse(expected), parse(made));
    differences(expected.doc().root().unwrap(), made.doc().root().unwrap())
}

#[test]
fn only_the_places_that_differ_are_shown_each_with_its_xpath() {
    let expected =
        "<a:n xmlns:a='urn:a'><kopf><id>1</id><art>x</art></kopf><p n='1'>Erika</p><p n='2'>Otto</p></a:n>";
    let made =
        "<a:n xmlns:a='urn:a'><kopf><id>1</id><art>y</art></kopf><p n='1'>Erika</p><p n='3'>Otto</p></a:n>";
    assert_eq!(
        between(expected, made),
        "at /a:n/kopf/art\n- <art>x</art>\n+ <art>y</art>\nat /a:n/p[2]/@n\n- 2\n+ 3\n"
    );
}

#[test]
fn what_is_missing_or_too_much_does_not_shift_all_that_follows() {
    let expected = "<a><b>1</b><b>2</b><b>3</b><c/></a>";
    assert_eq!(between(expected, "<a><b>1</b><b>3</b><c/></a>"), "at /a/b[2]\n- <b>2</b>\n");
    assert_eq!(
        between(expected, "<a><b>1</b><b>2</b><neu><x>7</x></neu><b>3</b><c/></a>"),
        "at /a/neu\n+ <neu>\n+   <x>7</x>\n+ </neu>\n"
    );
    assert_eq!(between("<a><b/></a>", "<a><c/></a>"), "at /a/b\n- <b/>\nat /a/c\n+ <c/>\n");
    assert_eq!(between("<a/>", "<b/>"), "at /a\n- <a/>\n+ <b/>\n");
}

#[test]
fn what_canonical_form_does_not_see_is_not_shown() {
    let expected = "<a xmlns='urn:a' x=\"1\" y='2'>\n  <b>ü &lt;</b><c></c>\n</a>";
    let made = "<a y='2' x='1' xmlns='urn:a'><!-- so --><b>&#252; <![CDATA[<]]></b><c/></a>";
    assert_eq!(between(expected, made), "");
    assert_ne!(between("<a xmlns='urn:a'/>", "<a xmlns='urn:b'/>"), "");
}

#[test]
fn text_between_elements_is_held_beside_text() {
    assert_eq!(
        between("<p>eins <b>zwei</b> drei</p>", "<p>eins <b>zwei</b> vier</p>"),
        "at /p/text()\n-  drei\n+  vier\n"
    );
}
