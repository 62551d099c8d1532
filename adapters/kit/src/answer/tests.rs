use super::*;
use crate::http::header::HeaderMap;
use crate::settings;

#[derive(Debug, Deserialize)]
struct Example {
    reference: Spanned<ExtractSettings>,
}

fn extract(written: &str) -> Result<Extract, String> {
    let text = format!("reference = {written}");
    let example: Example = settings::read("a.toml", &text, None).map_err(|faults| faults[0].to_string())?;
    Extract::configured(&example.reference, &Places::new("a.toml", &text))
        .map_err(|faults| faults[0].to_string())
}

fn read(written: &str, body: &str) -> Result<Option<String>, NotThere> {
    let mut headers = HeaderMap::new();
    headers.insert("location", "/documents/47".parse().unwrap());
    extract(written).unwrap().read(&Answer { status: 200, headers, body: Ok(body.to_owned().into()) })
}

fn found(text: &str) -> Result<Option<String>, NotThere> {
    Ok(Some(text.into()))
}

#[test]
fn json_header_and_body() {
    assert_eq!(read("{ json-pointer = '/a/0/b~1c' }", r#"{"a":[{"b/c":4711}]}"#), found("4711"));
    assert_eq!(read("{ json-pointer = '' }", "4711"), found("4711"));
    assert_eq!(read("{ json-pointer = '/a' }", r#"{"a":{}}"#), Err(NotThere));
    assert_eq!(read("{ json-pointer = '/a', optional = true }", "{}"), Ok(None));
    assert_eq!(read("{ header = 'Location' }", ""), found("/documents/47"));
    assert_eq!(read("{ header = 'X-Id' }", ""), Err(NotThere));
    assert_eq!(read("{ body = true }", " 262146\n"), found("262146"));
    assert_eq!(read("{ body = true }", "<html>\n<b>two lines</b>"), Err(NotThere));
    assert_eq!(read("{ body = true }", &"x".repeat(1001)), Err(NotThere));
}

const XML: &str = r#"<?xml version="1.0"?><s:a xmlns:s="urn:s" xmlns="urn:d">
  <other><c n="wrong">wrong</c></other><b/><b><c>no id</c></b>
  <b x="1" s:x="2"><c n="7">A&amp;<i>-</i><![CDATA[<1>]]>&#x41;<!-- x --></c></b><b><c n="8">later</c></b></s:a>"#;

fn xml(path: &str, xml: &str) -> Result<Option<String>, NotThere> {
    read(&format!("{{ xpath = '{path}', namespaces = {{ p = 'urn:s', q = 'urn:d' }} }}"), xml)
}

#[test]
fn xml_paths() {
    assert_eq!(xml("/p:a/q:b/q:c/@n", XML), found("7"));
    assert_eq!(xml("/p:a/q:b/@p:x", XML), found("2"));
    assert_eq!(xml("/p:a/q:b/@x", XML), found("1"));
    assert_eq!(xml("/p:a/q:other/q:c", XML), found("wrong"));
    assert_eq!(xml("/p:a/q:b/q:c", &XML.replace("<b><c>no id</c></b>", "")), found("A&-<1>A"));
    assert_eq!(xml("/p:a/q:b/q:c/text()", &XML.replace("<b><c>no id</c></b>", "")), found("A&<1>A"));
    for path in ["/a/q:b", "/p:a/b", "/q:b", "/p:a/q:c", "/p:a/q:b/q:c/@m"] {
        assert_eq!(xml(path, XML), Err(NotThere), "{path}");
    }
}

#[test]
fn what_is_not_wanted_of_xml_is_not_read() {
    for body in
        ["", "not xml", "<a>", "<a><b></a>", "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", "<a>&e;</a>", "<a/>"]
    {
        assert_eq!(xml("/a", body), Err(NotThere), "{body}");
    }
    let deep = format!("{}1{}", "<a>".repeat(1000), "</a>".repeat(1000));
    assert_eq!(xml(&format!("/{}", vec!["a"; 300].join("/")), &deep), Err(NotThere));
}

#[test]
fn faults_say_what_would_be_right() {
    for (written, expected) in [
        ("{}", "a.toml:1:13: exactly one way"),
        ("{ body = true, header = 'X' }", "exactly one way"),
        ("{ optional = true }", "exactly one way"),
        ("{ header = 'X Y' }", "a.toml:1:24: this is no name of a header"),
        ("{ json-pointer = 'id' }", "a.toml:1:30: this is no JSON pointer"),
        ("{ json-pointer = '/~2' }", "this is no JSON pointer"),
        ("{ xpath = 'a/b' }", "does not begin with /"),
        ("{ xpath = '//a' }", "`` is no name"),
        ("{ xpath = '/a[1]' }", "`a[1]` is no name"),
        ("{ xpath = '/p:a' }", "the prefix `p` has no namespace"),
        ("{ xpath = '/a/@b/c' }", "nothing may follow"),
        ("{ xpath = '/@b' }", "names no element"),
    ] {
        let fault = extract(written).unwrap_err();
        assert!(fault.contains(expected), "{written}: {fault}");
    }
}
