//! What never becomes a document, and the place that is named.

use crate::{NotWellFormed, Xml, XmlFault, XmlLimits};

fn refused(bytes: &[u8]) -> NotWellFormed {
    let bad = Xml::parse(bytes, &XmlLimits::default()).unwrap_err();
    let alone = Xml::check(bytes, &XmlLimits::default()).unwrap_err();
    assert_eq!(alone, bad, "the look without a tree refuses the same, with the same words");
    bad
}

fn check(bytes: impl AsRef<[u8]>, code: XmlFault, line: u32, column: u32) {
    let bad = refused(bytes.as_ref());
    let shown = String::from_utf8_lossy(&bytes.as_ref()[..bytes.as_ref().len().min(80)]).into_owned();
    assert_eq!((bad.code, bad.line, bad.column), (code, line, column), "{shown}: {}", bad.message);
    assert!(!bad.message.is_empty());
}

#[test]
fn names_code_line_and_column() {
    use XmlFault as F;
    check("", F::Empty, 1, 1);
    check(" \n ", F::Empty, 1, 1);
    check("<a>\n  <b></c>\n</a>", F::NotWellFormed, 2, 10);
    check("<a>\n<b/>", F::Truncated, 2, 5);
    check("<a>\n<b x='1'", F::Truncated, 2, 9);
    check("<a/>\n<b/>", F::NotWellFormed, 2, 1);
    check("<a>ä&nbsp;</a>", F::NotWellFormed, 1, 11);
    check("<a>\n&#0;</a>", F::NotWellFormed, 2, 5);
    check("<a x='1'\n   x='2'/>", F::NotWellFormed, 2, 9);
    check("<a x='<'/>", F::NotWellFormed, 1, 7);
    check("\n<?xml version='1.0'?><a/>", F::NotWellFormed, 2, 6);
    check("just text", F::NotWellFormed, 1, 1);
}

#[test]
fn refuses_what_only_namespaces_forbid() {
    for text in [
        "<a>\n <p:b/></a>",
        "<a>\n <b p:x='1'/></a>",
        "<a xmlns:p='urn:1' xmlns:q='urn:1' p:x='1' q:x='2'/>",
        "<a xmlns:p=''/>",
    ] {
        assert_eq!(refused(text.as_bytes()).code, XmlFault::NotWellFormed, "{text}");
    }
    assert_eq!(refused(b"<a>\n <p:b/></a>").line, 2);
}

#[test]
fn refuses_what_lenient_parsers_let_through() {
    for text in [
        "<a><b></a>",
        "<a>]]></a>",
        "<a><!-- -- --></a>",
        "<1/>",
        "<a>\u{1}</a>",
        "<a>&x;</a>",
        "<a b/>",
        "<a b=c/>",
        "<a></a",
        "<a",
        "<",
        "x<a/>",
        "<a/>x",
    ] {
        let bad = refused(text.as_bytes());
        assert!(bad.line == 1 && bad.column >= 1, "{text}: {bad}");
    }
}

#[test]
fn refuses_a_doctype_before_anything_is_expanded() {
    let laughs =
        "<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;'>]>\n<l>&c;</l>";
    check(laughs, XmlFault::Doctype, 1, 1);
    check("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", XmlFault::Doctype, 1, 1);
    check(
        "<?xml version='1.0'?>\n<!-- c -->\n  <!DOCTYPE a SYSTEM 'http://example.org/a.dtd'><a/>",
        XmlFault::Doctype,
        3,
        3,
    );
    check("<!DOCTYPE a [ never ends", XmlFault::Doctype, 1, 1);
    check("<!doctype a><a/>", XmlFault::Doctype, 1, 1);
}

#[test]
fn limits_depth_attributes_namespaces_and_size() {
    let nested = |depth: usize| format!("{}{}", "<a>\n".repeat(depth), "</a>".repeat(depth));
    assert!(Xml::parse(nested(256).as_bytes(), &XmlLimits::default()).is_ok());
    check(nested(257), XmlFault::TooDeep, 257, 1);
    check(nested(1000), XmlFault::TooDeep, 257, 1);

    let attributes = |count: usize| (0..count).map(|i| format!(" a{i}=''")).collect::<String>();
    assert!(Xml::parse(format!("<a{}/>", attributes(256)).as_bytes(), &XmlLimits::default()).is_ok());
    check(format!("<r>\n <a{}/></r>", attributes(40_000)), XmlFault::TooManyAttributes, 2, 2);
    let namespaces: String = (0..40_000).map(|i| format!(" xmlns:n{i}='urn:{i}'")).collect();
    check(format!("<r>\n<a{namespaces}/></r>"), XmlFault::TooManyAttributes, 2, 1);
    let scoped: String = (0..200).map(|i| format!("<a xmlns:n{i}='urn:{i}'>")).collect();
    assert_eq!(refused((scoped + &"</a>".repeat(200)).as_bytes()).code, XmlFault::TooManyAttributes);

    let small = XmlLimits { bytes: 6, ..XmlLimits::default() };
    let bad = Xml::parse(b"<a>\n</a>", &small).unwrap_err();
    assert_eq!((bad.code, bad.line, bad.column), (XmlFault::TooLarge, 2, 3));
}

/// Documents of tags only are looked at more briefly; values must not pass for tags there, nor tags for values.
#[test]
fn values_cannot_hide_depth() {
    let nested = |tag: &str, depth: usize| {
        format!("<?xml version='1.0'?>{}{}", tag.repeat(depth), "</a>".repeat(depth)).into_bytes()
    };
    for tag in ["<a b='/>'>", "<a b=\"'/>\">", "<a b='\"' c='/>'>", "<a b = '/' >"] {
        assert_eq!(refused(&nested(tag, 257)).code, XmlFault::TooDeep, "{tag}");
        assert!(Xml::parse(&nested(tag, 256), &XmlLimits::default()).is_ok(), "{tag}");
    }
    assert_eq!(refused(&nested("<a b='</a>'>", 257)).code, XmlFault::TooDeep);
    let flat = format!("<r>{}</r>", "<a b='>'/><a b='c/>'/><a/><a></a>".repeat(300));
    assert!(Xml::parse(flat.as_bytes(), &XmlLimits::default()).is_ok());
    let declared: String = (0..129).map(|i| format!(" xmlns:n{i}='urn:{i}'")).collect();
    assert_eq!(refused(format!("<a b='/'{declared}/>").as_bytes()).code, XmlFault::TooManyAttributes);
    let doctype = "<?xml version='1.0'?><!DOCTYPE a><a/>";
    assert_eq!(refused(doctype.as_bytes()).code, XmlFault::Doctype);
    assert_eq!(refused(b"<a b='1'><!DOCTYPE a></a>").code, XmlFault::Doctype);
}

#[test]
fn broken_tags_cannot_hide_their_attributes() {
    let many: String = (0..40_000).map(|i| format!(" a{i}=''")).collect();
    check(format!("<a b{many}/>"), XmlFault::TooManyAttributes, 1, 1);
    assert_eq!(refused(format!("<a{many}").as_bytes()).code, XmlFault::Truncated);
}

#[test]
fn reads_the_encodings_it_names() {
    let text = |xml: &Xml| xml.doc().root().unwrap().text();
    let parse = |bytes: &[u8]| Xml::parse(bytes, &XmlLimits::default()).unwrap();
    assert_eq!(text(&parse("<a>Grüße €</a>".as_bytes())), "Grüße €");
    assert_eq!(text(&parse("\u{FEFF}<?xml version='1.0' encoding='UTF-8'?><a>ü</a>".as_bytes())), "ü");
    assert_eq!(text(&parse(b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xFC\xA4</a>")), "ü¤");
    assert_eq!(text(&parse(b"<?xml version='1.0' encoding=\"iso-8859-15\"?><a>\xFC\xA4</a>")), "ü€");
    assert_eq!(text(&parse(b"<?xml version='1.0' encoding='windows-1252'?><a>\xFC\x80</a>")), "ü€");
    for (mark, unit) in
        [([0xFF, 0xFE], u16::to_le_bytes as fn(u16) -> [u8; 2]), ([0xFE, 0xFF], u16::to_be_bytes)]
    {
        let source = "<?xml version='1.0' encoding='UTF-16'?><a>ü😀</a>";
        let bytes: Vec<u8> = mark.into_iter().chain(source.encode_utf16().flat_map(unit)).collect();
        let xml = parse(&bytes);
        assert_eq!(text(&xml), "ü😀");
        assert_eq!(xml.bytes(), bytes, "the bytes stay as they came");
    }
}

#[test]
fn refuses_bytes_that_are_not_what_they_are_declared_to_be() {
    use XmlFault::Encoding as E;
    check(b"<a>\n \xFF</a>", E, 2, 2);
    check(b"<a>\n\xC3", E, 2, 1);
    check(b"<?xml version='1.0' encoding='US-ASCII'?>\n<a>\xFC</a>", E, 2, 4);
    check(b"<?xml version='1.0' encoding='windows-1252'?>\n<a>\x81</a>", E, 2, 4);
    check("<?xml version='1.0' encoding='UTF-16'?><a/>", E, 1, 31);
    check("<?xml version='1.0' encoding='UTF-7'?><a/>", E, 1, 31);
    check("\u{FEFF}<?xml version='1.0' encoding='ISO-8859-1'?><a/>", E, 1, 31);
    check(
        b"\xFF\xFE<\0?\0x\0m\0l\0 \0e\0n\0c\0o\0d\0i\0n\0g\0=\0'\0U\0T\0F\0-\x008\0'\0?\0>\0<\0a\0/\0>\0",
        E,
        1,
        17,
    );
    check(b"<\0a\0/\0>\0", E, 1, 1);
    check(b"\xFF\xFE<\0a\0/\0>", E, 1, 4);
}

#[test]
fn a_text_beyond_ten_megabytes_is_read() {
    let text = format!("<a>{}</a>", "QUJD".repeat(3 << 20));
    assert!(Xml::parse(text.as_bytes(), &XmlLimits::default()).is_ok());
}

/// The bytes that were checked must be the characters that libxml2 reads: neither a declaration far behind nor the zeros
/// of UCS-4 may turn them into others.
#[test]
fn no_encoding_hides_what_was_checked() {
    let far = " ".repeat(700);
    for document in ["<a>+ADw-b/+AD4-</a>", "+ADw-!DOCTYPE a+AD4-<a/>"] {
        let text = format!("<?xml version='1.0'{far}encoding='UTF-7'?>{document}");
        assert_eq!(refused(text.as_bytes()).code, XmlFault::Encoding);
        let marked = [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(refused(&marked.collect::<Vec<_>>()).code, XmlFault::Encoding);
    }
    let ucs4 = |text: &str| text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect::<Vec<_>>();
    check(ucs4("<a/>"), XmlFault::Encoding, 1, 1);
    check(ucs4("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>"), XmlFault::Encoding, 1, 1);
    check("<a>\0</a>", XmlFault::Encoding, 1, 4);
}

#[test]
fn what_was_taken_before_is_read_the_same_again_and_never_recovered() {
    for text in ["<a><b c='1'>x</b> <b/></a>", "<?xml version='1.0' encoding='ISO-8859-1'?><a>\u{FC}</a>"] {
        let first = Xml::parse(text.as_bytes(), &XmlLimits::default()).unwrap();
        let again = Xml::parse_again(text.as_bytes()).unwrap();
        assert_eq!(crate::canonical(&again), crate::canonical(&first), "{text}");
        assert_eq!(again.bytes(), first.bytes());
    }
    for text in ["", "<a>", "<a b='1' b='2'/>", "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "<a>\u{1}</a>"] {
        assert!(Xml::parse_again(text.as_bytes()).is_err(), "{text}");
    }
}
