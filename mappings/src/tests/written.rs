//! What is written of a tree. Builds for tests compare each plain tree with what libxslt writes and with what the parser
//! says; see `ffi::plain`.

use super::*;

/// A stylesheet that makes `content` in a tree that is written as `output` says.
fn made(output: &str, content: &str) -> (Vec<u8>, bool) {
    let body = format!("{output}<xsl:template match='/'>{content}</xsl:template>");
    let source =
        xml("<a b='&lt;&#9;&#10;&#13;&quot;&amp;>'>x&#13;\u{e4}\u{20ac}\u{1f600}]]&gt;&amp;&lt;</a>");
    let made = transform(&body).transform_valid_once(source, &Facts::sample(), &Limits::default()).unwrap().0;
    (made.bytes, made.sound)
}

const UTF8: &str = "<xsl:output encoding='UTF-8'/>";

/// Elements with as many around them: more than one stylesheet may hold by itself.
fn twice(tags: &dyn Fn(usize) -> (String, String)) -> String {
    let ((open, close), (outer, end)) = (tags(1), tags(2));
    format!("<xsl:variable name='n'>{open}{close}</xsl:variable>{outer}<xsl:copy-of select='$n'/>{end}")
}

#[test]
fn ordinary_trees_are_not_parsed_again() {
    let contents = [
        "<o/>",
        "<o>a<b/>c<d><e f='1' g='2'/></d> <h></h></o>",
        "<my:o><my:p xmlns:q='urn:q' q:r='1' my:r='2' r='3'><q:s/></my:p><q:s xmlns:q='http://example.org/q.1'/></my:o>",
        "<o xmlns='urn:d'><p xmlns=''><q xmlns='urn:d'/></p></o>",
        "<o b='{a/@b}'><xsl:value-of select='a'/></o>",
        "<o><p><q/><q>t</q></p><p><q><r><s/></r></q></p><xsl:copy-of select='a'/></o>",
        "<o><xsl:if test='false()'>x</xsl:if><p><xsl:value-of select=\"''\"/></p></o>",
    ];
    let outputs = [
        "encoding='UTF-8'",
        "encoding='utf-8' method='xml' version='1.0' indent='no'",
        "encoding='UTF-8' indent='yes'",
        "encoding='UTF-8' indent='yes' omit-xml-declaration='yes'",
        "encoding='UTF-8' standalone='yes'",
        "encoding='UTF-8' standalone='no'",
    ];
    for content in contents {
        for output in outputs {
            let (bytes, sound) = made(&format!("<xsl:output {output}/>"), content);
            assert!(sound, "{output}: {}", String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn indentation_ends_where_libxml2_ends_it() {
    let (open, close) = ("<x>".repeat(40), "</x>".repeat(40));
    let output = "<xsl:output encoding='UTF-8' indent='yes'/>";
    assert!(made(output, &format!("{open}<y/><z>t<z/></z>{close}")).1);
}

#[test]
fn whatever_is_not_plain_is_left_to_libxslt_and_the_parser() {
    let unescaped = "<o><xsl:text disable-output-escaping='yes'>&lt;</xsl:text></o>";
    let instruction = "<o><xsl:processing-instruction name='p'>q</xsl:processing-instruction></o>";
    let many = format!("<o{}/>", (0..40).map(|i| format!(" a{i}=''")).collect::<String>());
    let contents = [
        unescaped,
        instruction,
        "text alone",
        "<o/><o/>",
        "<o/>text",
        "<o><xsl:comment>c</xsl:comment></o>",
        "<xsl:comment>c</xsl:comment><o/>",
        "<o xml:lang='de'/>",
        "<\u{e4}/>",
        "<o><xsl:element name='p:q' namespace='no uri'/></o>",
        "<o><xsl:element name='p:q' namespace='http://www.w3.org/XML/1998/namespace-not'/></o>",
        &many,
        &twice(&|_| ("<x>".repeat(130), "</x>".repeat(130))),
        &twice(&|round| {
            let declared = |i| format!("<x xmlns:p{round}{i}='urn:{i}'>");
            ((0..70).map(declared).collect(), "</x>".repeat(70))
        }),
    ];
    for content in contents {
        let (bytes, sound) = made(UTF8, content);
        assert!(!sound, "{}", String::from_utf8_lossy(&bytes));
    }
    for output in [
        "",
        "<xsl:output encoding='ISO-8859-1'/>",
        "<xsl:output encoding='UTF-8' method='html'/>",
        "<xsl:output encoding='UTF-8' method='text'/>",
        "<xsl:output encoding='UTF-8' version='1.1'/>",
        "<xsl:output encoding='UTF-8' doctype-system='o.dtd'/>",
        "<xsl:output encoding='UTF-8' cdata-section-elements='o'/>",
    ] {
        assert!(!made(output, "<o>x</o>").1, "{output}");
    }
    assert!(!made(UTF8, "<html><body/></html>").1);
}

#[test]
fn what_is_no_document_is_still_refused() {
    for content in [
        "<o><xsl:text disable-output-escaping='yes'>&lt;</xsl:text></o>",
        "<o/><o/>",
        "text",
        "<o><xsl:element name='p:q' namespace='no uri'/></o>",
    ] {
        let mapping = transform(&format!("{UTF8}<xsl:template match='/'>{content}</xsl:template>"));
        assert!(matches!(apply(&mapping, "<a/>"), Err(MappingFault::Target(_))), "{content}");
    }
    let deep = twice(&|_| ("<x>".repeat(130), "</x>".repeat(130)));
    let mapping = transform(&format!("{UTF8}<xsl:template match='/'>{deep}</xsl:template>"));
    let fault = apply(&mapping, "<a/>").unwrap_err();
    assert!(format!("{fault:?}").contains("deeper than 256"), "{fault:?}");
}
