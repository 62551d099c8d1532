//! The bad inputs, one by one.

use crate::support::hub::{AREA, SERVICE, root};
use crate::support::multipart::{self, Part, attachment, data, metadata, part};

/// One bad input.
pub struct Case {
    pub name: &'static str,
    /// Status and word of the problem.
    pub expected: (u16, &'static str),
    /// Stands in the value at fault, in lower case, and nowhere else.
    pub marker: String,
    /// Whether the answer quotes the value at fault.
    pub quotes: bool,
    pub call: Call,
}

/// A request.
#[derive(Clone)]
pub struct Call {
    pub client: &'static str,
    /// A token in place of the client's.
    pub token: Option<String>,
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(&'static str, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Case {
    /// The lines in which the marker stands, where the answer has to name one: data in UTF-8 that the answer quotes.
    pub fn lines(&self) -> Vec<usize> {
        let body = String::from_utf8(self.call.body.clone()).unwrap_or_default();
        let data = body.split_once("name=\"data\"").and_then(|(_, rest)| rest.split_once("\r\n\r\n"));
        let Some((_, data)) = data.filter(|_| self.quotes) else { return Vec::new() };
        let lines = data.lines().enumerate().filter(|(_, line)| line.contains(&self.marker));
        lines.map(|(index, _)| index + 1).collect()
    }
}

/// Cases while they are written down.
struct Table {
    cases: Vec<Case>,
}

/// Whether the answer quotes the value at fault.
#[derive(Clone, Copy, PartialEq)]
enum Quotes {
    Yes,
    No,
}
use Quotes::{No, Yes};

impl Table {
    fn add(
        &mut self,
        name: &'static str,
        expected: (u16, &'static str),
        quotes: Quotes,
        call: impl FnOnce(&str) -> Call,
    ) {
        let marker = format!("zwirbelmarke{:03}", self.cases.len());
        self.add_marked(name, expected, quotes, marker, call);
    }

    fn add_marked(
        &mut self,
        name: &'static str,
        expected: (u16, &'static str),
        quotes: Quotes,
        marker: String,
        call: impl FnOnce(&str) -> Call,
    ) {
        let call = call(&marker);
        self.cases.push(Case { name, expected, marker, quotes: quotes == Yes, call });
    }

    /// A valid notice with one change: `from` becomes `to`, in which `@` stands for the marker.
    fn change(&mut self, name: &'static str, word: &'static str, quotes: Quotes, from: &str, to: &str) {
        let status = if word == "schema-violation" { 422 } else { 400 };
        self.add(name, (status, word), quotes, |marker| xml(changed(from, &to.replace('@', marker))));
    }

    /// Data that are not well-formed, with `@` for the marker.
    fn broken(&mut self, name: &'static str, quotes: Quotes, document: &str) {
        self.add(name, (400, "not-well-formed"), quotes, |marker| xml(document.replace('@', marker)));
    }

    /// Metadata with `@` for the marker.
    fn said(&mut self, name: &'static str, expected: (u16, &'static str), quotes: Quotes, json: &str) {
        let json = json.replace("SERVICE", SERVICE).replace("AREA", AREA);
        self.add(name, expected, quotes, |marker| {
            form(vec![metadata(&json.replace('@', marker)), good_data()])
        });
    }
}

/// All cases.
pub fn all() -> Vec<Case> {
    let mut table = Table { cases: Vec::new() };
    against_the_schema(&mut table);
    not_well_formed(&mut table);
    attacks(&mut table);
    too_much(&mut table);
    encodings(&mut table);
    json(&mut table);
    said_wrong(&mut table);
    wrong_envelopes(&mut table);
    wrong_calls(&mut table);
    table.cases
}

/// The smallest notice that the schema takes.
fn notice() -> String {
    let path = root().join("mappings/brunnenbohrung-xfall/cases/01.in.xml");
    std::fs::read_to_string(path).expect("a case of the mapping")
}

fn changed(from: &str, to: &str) -> String {
    let notice = notice();
    assert!(notice.contains(from), "{from:?} stands in the notice");
    notice.replacen(from, to, 1)
}

fn good_data() -> Part {
    data("application/xml", notice())
}

fn good_metadata() -> Part {
    metadata(&format!(r#"{{"service":"{SERVICE}","area":"{AREA}"}}"#))
}

fn call(method: &'static str, path: impl Into<String>) -> Call {
    Call { client: "portal", token: None, method, path: path.into(), headers: Vec::new(), body: Vec::new() }
}

impl Call {
    fn header(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

/// Parts as they are.
fn form(parts: Vec<Part>) -> Call {
    let boundary = "grenze";
    call("POST", "/v1/submissions")
        .header("content-type", format!("multipart/form-data; boundary={boundary}"))
        .body(multipart::body(boundary, &parts))
}

/// Good metadata and this XML.
fn xml(content: impl AsRef<[u8]>) -> Call {
    form(vec![good_metadata(), data("application/xml", content)])
}

/// Good metadata and these data.
fn typed(media_type: &str, content: impl AsRef<[u8]>) -> Call {
    form(vec![good_metadata(), data(media_type, content)])
}

/// A bare body.
fn bare(query: &str, content: impl Into<Vec<u8>>) -> Call {
    let query = query.replace("SERVICE", SERVICE).replace("AREA", AREA);
    call("POST", format!("/v1/submissions{query}")).header("content-type", "application/xml").body(content)
}

fn against_the_schema(table: &mut Table) {
    let word = "schema-violation";
    let hole = "        <durchmesser>100</durchmesser>\n      </bohrung>";
    let plan = "</vorhaben>\n";
    table.change("postcode", word, Yes, "<plz>12345", "<plz>@");
    table.change("word that is not in the list", word, Yes, "gartenbewaesserung", "@");
    table.change("date that is none", word, Yes, "2026-03-02", "2026-@");
    table.change("depth that is no number", word, Yes, "<tiefe>8", "<tiefe>@");
    table.change("flag that is none", word, Yes, "<richtigkeit>true", "<richtigkeit>@");
    table.change("telephone number", word, Yes, "030 23125001", "@");
    table.change("house number", word, Yes, "12 a", "@");
    table.change("district key", word, Yes, "\"159999\"", "\"@\"");
    table.change("Greek letter", word, Yes, "Erika", "Ωmega @");
    table.change("line break in a name", word, No, "Erika", "");
    table.change("name too long", word, No, "Erika", &format!("@{}", "x".repeat(100)));
    table.change("unknown element", word, Yes, "<vorname>", "<@>x</@><vorname>");
    table.change("unknown attribute", word, Yes, "nummer=\"1\"", "nummer=\"1\" @=\"x\"");
    table.change("version that is not 1.0", word, Yes, "version=\"1.0\">\n", "version=\"@\">\n");
    table.change("version missing", word, No, " version=\"1.0\">\n", " @=\"x\">\n");
    table.change(
        "element missing",
        word,
        No,
        "      <nachname>Mustermann</nachname>\n",
        "      <!-- @ -->\n",
    );
    table.change("text between elements", word, No, "<antragsteller>", "<antragsteller>@");
    table.add("another root", (422, word), Yes, |marker| {
        xml(notice().replace(":anzeige", &format!(":{marker}")))
    });
    table.change("another namespace", word, No, "urn:rohrpost:beispiel:brunnenbohrung:1", "urn:@");
    table.change(
        "two of what is one",
        word,
        No,
        hole,
        &format!(
            "{hole}<bohrung id=\"@\" nummer=\"1\"><tiefe>8</tiefe><durchmesser>100</durchmesser></bohrung>"
        ),
    );
    table.change("an id twice", word, Yes, "id=\"b1\"", "id=\"b1\"");
    table.change("an id that is no name", word, Yes, "id=\"b1\"", "id=\"1@\"");
    table.change("reference to an id that is not there", word, Yes, plan, &format!("{plan}  <lageplan anlage=\"p.pdf\"><bohrung ref=\"@\"/></lageplan><anlagen><anlage name=\"p.pdf\" art=\"lageplan\"/></anlagen>"));
    table.change(
        "attachment that is not listed",
        word,
        Yes,
        plan,
        &format!("{plan}  <lageplan anlage=\"@.pdf\"><bohrung ref=\"b1\"/></lageplan>"),
    );
    table.change("attachment listed twice", word, Yes, plan, &format!("{plan}  <anlagen><anlage name=\"@.pdf\" art=\"lageplan\"/><anlage name=\"@.pdf\" art=\"sonstiges\"/></anlagen>"));
    table.change(
        "xsi:type of somewhere else",
        word,
        Yes,
        "<plz>",
        "<plz xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"@\">",
    );
    mend(table);
}

/// Two of them need more than one change.
fn mend(table: &mut Table) {
    for case in &mut table.cases {
        match case.name {
            "an id twice" => {
                let one = "<bohrung id=\"b1\" nummer=\"1\">\n        <tiefe>8</tiefe>\n        <durchmesser>100</durchmesser>\n      </bohrung>";
                let marked = one.replace("b1", &case.marker);
                let two = format!("{marked}\n{}", marked.replace("nummer=\"1\"", "nummer=\"2\""));
                case.call = xml(changed(one, &two));
                case.quotes = true;
            }
            "line break in a name" => {
                case.call =
                    xml(changed("<vorname>Erika</vorname>", &format!("<vorname/><!--{}-->", case.marker)));
            }
            _ => {}
        }
    }
}

fn not_well_formed(table: &mut Table) {
    table.broken("tags that do not match", Yes, "<a>\n<@></b></a>");
    table.broken("an end that is missing", No, "<a>\n<@>");
    table.broken("two roots", No, "<a/>\n<@/>");
    table.broken("text after the root", No, "<a/>\n@");
    table.broken("text before the root", No, "@<a/>");
    table.broken("a prefix without a namespace", Yes, "<a>\n<@:b/></a>");
    table.broken("an attribute twice", Yes, "<a>\n<b @='1' @='2'/></a>");
    table.broken(
        "the same attribute by two prefixes",
        Yes,
        "<a xmlns:p='urn:x' xmlns:q='urn:x'>\n<b p:@='1' q:@='2'/></a>",
    );
    table.broken("a tag in an attribute", No, "<a b='<@'/>");
    table.broken("an entity that nobody defines", Yes, "<a>\n&@;</a>");
    table.broken("a reference to NUL", No, "<a>@&#0;</a>");
    table.broken("a control character", No, "<a>@\u{1}</a>");
    table.broken("NUL", No, "<a>@\0</a>");
    table.broken("U+FFFF", No, "<a>@\u{FFFF}</a>");
    table.broken("two hyphens in a comment", No, "<a><!-- @ -- --></a>");
    table.broken("the end of a CDATA section without one", No, "<a>@]]></a>");
    table.broken("a name that begins with a digit", No, "<a><1@/></a>");
    table.broken("the XML declaration too late", No, "\n<?xml version='1.0'?><a>@</a>");
    table.broken("an attribute without quotes", No, "<a b=@/>");
    table.broken("a comment without an end", No, "<a><!-- @ </a>");
    table.broken("a CDATA section without an end", No, "<a><![CDATA[ @ </a>");
    table.broken("an ampersand alone", No, "<a>@ & </a>");
    table.broken("white space alone", No, " \n\t ");
    table.broken("nothing", No, "");
    table.broken("no XML at all", No, "%PDF-1.7 @");
    table.add("a notice that was cut off", (400, "not-well-formed"), No, |marker| {
        let notice = changed("Erika", marker);
        xml(&notice[..notice.len() * 2 / 3])
    });
}

fn attacks(table: &mut Table) {
    let laughs: String = (1..10)
        .map(|level| format!("<!ENTITY l{level} \"{}\">", format!("&l{};", level - 1).repeat(10)))
        .collect();
    table.broken("billion laughs", No, &format!("<!DOCTYPE a [<!ENTITY l0 \"@\">{laughs}]>\n<a>&l9;</a>"));
    table.broken(
        "external entity",
        No,
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd?@\">]>\n<a>&x;</a>",
    );
    table.broken(
        "external entity over HTTP",
        No,
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"http://127.0.0.1:1/@\">]><a>&x;</a>",
    );
    table.broken("parameter entity", No, "<!DOCTYPE a [<!ENTITY % p SYSTEM \"file:///@\"> %p;]><a/>");
    table.broken("external DTD", No, "<!DOCTYPE a SYSTEM \"@.dtd\"><a/>");
    table.broken("DTD with nothing in it", No, "<!DOCTYPE @><a/>");
    table.broken("DTD with defaults", No, "<!DOCTYPE a [<!ATTLIST a b CDATA \"@\">]><a/>");
    table.broken("DTD without an end", No, "<!DOCTYPE a [<!ENTITY x \"@\">");
    table.broken(
        "entity that holds itself",
        No,
        "<!DOCTYPE a [<!ENTITY x \"@ &y;\"><!ENTITY y \"&x;\">]><a>&x;</a>",
    );
    table.broken("1,000 levels", No, &format!("{}@{}", "<a>".repeat(1000), "</a>".repeat(1000)));
    table.broken("100,000 levels without an end", No, &"<a>".repeat(100_000));
    let many: String = (0..40_000).map(|number| format!(" a{number}='@'")).collect();
    table.broken("40,000 attributes", No, &format!("<a{many}/>"));
    let many: String = (0..20_000).map(|number| format!(" xmlns:n{number}='urn:{number}'")).collect();
    table.broken("20,000 namespaces", No, &format!("<a{many}>@</a>"));
}

fn too_much(table: &mut Table) {
    let large = (413, "too-large");
    let filler = |marker: &str| format!("<a>{marker}{}</a>", "x".repeat(1_000_001));
    table.add("data too large", large, No, |marker| xml(filler(marker)));
    table
        .add("a bare body too large", large, No, |marker| bare("?service=SERVICE&area=AREA", filler(marker)));
    table.add("an attachment too large", large, No, |marker| {
        let content = format!("{marker}{}", "x".repeat(100_000));
        form(vec![good_metadata(), good_data(), attachment("a.pdf", content)])
    });
    table.add("an attachment too large before the data", large, No, |marker| {
        let content = format!("{marker}{}", "x".repeat(100_000));
        form(vec![good_metadata(), attachment("a.pdf", content), good_data()])
    });
    table.add("too many attachments", (413, "too-many-attachments"), No, |marker| {
        let mut parts = vec![good_metadata(), good_data()];
        parts.extend((0..4).map(|number| attachment(&format!("{number}.pdf"), marker)));
        form(parts)
    });
    table.add("metadata too large", large, No, |marker| {
        form(vec![metadata(&format!("{{\"{marker}\":\"{}\"", "x".repeat(70_000))), good_data()])
    });
}

fn encodings(table: &mut Table) {
    let word = (400, "not-well-formed");
    let declared =
        |name: &str, text: &str| format!("<?xml version=\"1.0\" encoding=\"{name}\"?>\n<a>{text}</a>");
    let latin1 =
        |text: &str| text.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect::<Vec<u8>>();
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    table.add("UTF-16 without a mark", word, No, |marker| xml(wide(&declared("UTF-16", marker))));
    table.add("UTF-16 that says it is UTF-8", word, No, |marker| {
        xml([vec![0xFF, 0xFE], wide(&declared("UTF-8", marker))].concat())
    });
    table.add("half a character of UTF-16", word, No, |marker| {
        xml([vec![0xFF, 0xFE], wide(&declared("UTF-16", marker)), vec![b'<']].concat())
    });
    table.add("Latin-1 that says it is UTF-8", word, No, |marker| {
        xml(latin1(&declared("UTF-8", &format!("{marker} Straße"))))
    });
    table
        .add("Latin-1 that says nothing", word, No, |marker| xml(latin1(&format!("<a>{marker} Straße</a>"))));
    table.add("UTF-8 with a mark that says it is Latin-1", word, No, |marker| {
        xml(format!("\u{FEFF}{}", declared("ISO-8859-1", marker)))
    });
    table.add("US-ASCII with an umlaut", word, No, |marker| {
        xml(latin1(&declared("US-ASCII", &format!("{marker} ü"))))
    });
    table.add("an encoding that nobody knows", word, Yes, |marker| xml(declared(marker, "x")));
    table.add("UTF-7", word, No, |marker| xml(declared("UTF-7", &format!("+ADw-{marker}+AD4-"))));
    table.add("EBCDIC", word, No, |marker| xml(declared("IBM037", marker)));
    table.add("UTF-32", word, No, |marker| {
        let text = declared("UTF-32", marker);
        xml([vec![0xFF, 0xFE, 0, 0], text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect()]
            .concat())
    });
    table.add("an overlong form of UTF-8", word, No, |marker| {
        xml([format!("<a>{marker}").as_bytes(), b"\xC0\xBC/a>"].concat())
    });
    table.add("a charset beside what XML says", (415, "media-type"), Yes, |marker| {
        typed(&format!("application/xml; charset={marker}"), notice())
    });
    table.add("compressed data", word, No, |marker| xml([b"\x1f\x8b\x08\x00", marker.as_bytes()].concat()));
    table.add("data in base64", (400, "malformed-multipart"), No, |marker| {
        let mut part = data("application/xml", marker);
        part.0.push_str("\r\nContent-Transfer-Encoding: base64");
        form(vec![good_metadata(), part])
    });
    table.add("an attachment in base64", (400, "malformed-multipart"), Yes, |marker| {
        let mut part = attachment("a.pdf", "JVBERi0=");
        part.0.push_str(&format!("\r\nContent-Transfer-Encoding: {marker}"));
        form(vec![good_metadata(), good_data(), part])
    });
}

fn json(table: &mut Table) {
    let json = |content: String| typed("application/json", content);
    table.add("JSON where XML is wanted", (415, "wants-xml"), No, |marker| {
        json(format!("{{\"a\":\"{marker}\"}}"))
    });
    table.add("encrypted where XML is wanted", (415, "wants-xml"), No, |marker| {
        typed("application/jose", marker)
    });
    for (name, content) in [
        ("JSON with a wrong word", "{\"a\":\n @}"),
        ("JSON that was cut off", "{\"a\":\n \"@"),
        ("JSON and more", "{}\n @"),
        ("JSON with a control character", "{\"a\":\"@\u{1}\"}"),
        ("XML that says it is JSON", "<a>@</a>"),
        ("no JSON at all", ""),
    ] {
        table.add(name, (400, "not-json"), No, |marker| json(content.replace('@', marker)));
    }
    table.add("JSON of 1,000 levels", (400, "not-json"), No, |marker| {
        json(format!("{}\"{marker}\"{}", "[".repeat(1000), "]".repeat(1000)))
    });
    table.add("JSON that is not UTF-8", (400, "not-json"), No, |marker| {
        typed("application/json", [format!("{{\"{marker}").as_bytes(), b"\xFF\":1}"].concat())
    });
}

fn said_wrong(table: &mut Table) {
    let word = (400, "malformed-metadata");
    table.said("unknown member", word, Yes, r#"{"service":"SERVICE","area":"AREA","@":1}"#);
    table.said("service that is no key", word, No, r#"{"service":"@","area":"AREA"}"#);
    table.said("area that is no key", word, No, r#"{"service":"SERVICE","area":"@"}"#);
    table.said("kind that is no word", word, No, r#"{"service":"SERVICE","area":"AREA","kind":"Ä @"}"#);
    table.said("case that is no name", word, No, r#"{"service":"SERVICE","area":"AREA","case":"@ / .."}"#);
    table.said(
        "trust level that is none",
        word,
        No,
        r#"{"service":"SERVICE","area":"AREA","trustLevel":9,"case":"@"}"#,
    );
    table.said("reply that is none", word, Yes, r#"{"service":"SERVICE","area":"AREA","reply":{"@":{}}}"#);
    table.said("schema that is no URI", word, No, r#"{"service":"SERVICE","area":"AREA","schema":"@ @"}"#);
    table.said("no area", word, No, r#"{"service":"SERVICE","case":"@"}"#);
    table.said("a member twice", word, No, r#"{"service":"SERVICE","service":"@","area":"AREA"}"#);
    table.said("metadata cut off", word, No, r#"{"service":"SERVICE","area":"@"#);
    table.said("metadata and more", word, No, r#"{"service":"SERVICE","area":"AREA"} @"#);
    table.said("metadata that are a list", word, No, r#"["@"]"#);
    table.said("metadata that are empty", word, No, "");
    let foreign = "091620000471".to_owned();
    table.add_marked("area of nobody", (422, "unknown-area"), Yes, foreign, |area| {
        form(vec![metadata(&format!(r#"{{"service":"{SERVICE}","area":"{area}"}}"#)), good_data()])
    });
    let service = "99777001000471".to_owned();
    table.add_marked("service that is not granted", (422, "not-granted"), Yes, service, |service| {
        form(vec![metadata(&format!(r#"{{"service":"{service}","area":"{AREA}"}}"#)), good_data()])
    });
}

fn wrong_envelopes(table: &mut Table) {
    let word = (400, "malformed-multipart");
    let marked = |marker: &str| attachment(&format!("{marker}.pdf"), marker);
    table.add("no metadata", word, No, |marker| form(vec![good_data(), marked(marker)]));
    table.add("metadata not first", word, No, |marker| {
        form(vec![marked(marker), good_metadata(), good_data()])
    });
    table
        .add("metadata twice", word, No, |marker| form(vec![good_metadata(), good_data(), metadata(marker)]));
    table.add("no data", (400, "no-data"), No, |marker| form(vec![good_metadata(), marked(marker)]));
    table.add("data twice", (400, "second-data"), No, |marker| {
        form(vec![good_metadata(), good_data(), data("application/xml", format!("<{marker}/>"))])
    });
    table.add("a part that nobody knows", (400, "unknown-part"), Yes, |marker| {
        form(vec![good_metadata(), good_data(), part(marker, "text/plain", "x")])
    });
    table.add("a part without a name", (400, "unknown-part"), No, |marker| {
        form(vec![good_metadata(), good_data(), ("Content-Disposition: form-data".into(), marker.into())])
    });
    table.add("no part at all", word, No, |_| form(Vec::new()));
    table.add("data without a type", (415, "media-type"), No, |marker| {
        form(vec![
            good_metadata(),
            ("Content-Disposition: form-data; name=\"data\"".into(), format!("<{marker}/>").into()),
        ])
    });
    table.add("data of another type", (415, "media-type"), Yes, |marker| {
        typed(&format!("text/{marker}"), notice())
    });
    table.add("a file name too long", (400, "bad-file-name"), No, |marker| {
        form(vec![good_metadata(), good_data(), attachment(&format!("{}.pdf", marker.repeat(20)), "x")])
    });
    table.add("a file name that turns the direction", (400, "bad-file-name"), No, |marker| {
        form(vec![good_metadata(), good_data(), attachment(&format!("{marker}\u{202e}fdp.exe"), "x")])
    });
    table.add("no closing boundary", word, No, |marker| {
        let mut call = form(vec![good_metadata(), good_data(), marked(marker)]);
        call.body.truncate(call.body.len() - 12);
        call
    });
    table.add("a form that was cut off within the data", word, No, |marker| {
        let mut call = form(vec![good_metadata(), data("application/xml", changed("Erika", marker))]);
        call.body.truncate(call.body.len() - 300);
        call
    });
    table.add("another boundary than announced", word, No, |marker| {
        let mut call = form(vec![good_metadata(), good_data(), marked(marker)]);
        call.headers[0].1 = b"multipart/form-data; boundary=andere".to_vec();
        call
    });
    table.add("no boundary", word, No, |marker| {
        let mut call = form(vec![good_metadata(), good_data(), marked(marker)]);
        call.headers[0].1 = b"multipart/form-data".to_vec();
        call
    });
    table.add("a boundary too long", word, No, |marker| {
        let mut call = form(vec![good_metadata(), good_data(), marked(marker)]);
        call.headers[0].1 = format!("multipart/form-data; boundary={}", marker.repeat(10)).into_bytes();
        call
    });
    table.add("a form with nothing in it", word, No, |_| {
        call("POST", "/v1/submissions").header("content-type", "multipart/form-data; boundary=b")
    });
}

fn wrong_calls(table: &mut Table) {
    let word = (400, "malformed-request");
    let good = || form(vec![good_metadata(), good_data()]);
    let query = "?service=SERVICE&area=AREA";
    table.add("a key with a blank", word, No, |marker| {
        good().header("idempotency-key", format!("{marker} 1"))
    });
    table.add("a key with an umlaut", word, No, |marker| {
        good().header("idempotency-key", format!("{marker}ü"))
    });
    table.add("a key too long", word, No, |marker| good().header("idempotency-key", marker.repeat(20)));
    table.add("an empty key", word, No, |_| good().header("idempotency-key", ""));
    table.add("two keys", word, No, |marker| {
        good().header("idempotency-key", marker).header("idempotency-key", format!("{marker}2"))
    });
    table.add("a form with a query", word, Yes, |marker| {
        let mut call = good();
        call.path.push_str(&format!("?{marker}=1"));
        call
    });
    table.add("a bare body with an unknown parameter", word, Yes, |marker| {
        bare(&format!("{query}&{marker}=1"), notice())
    });
    table.add("a parameter twice", word, No, |marker| {
        bare(&format!("{query}&case={marker}&case={marker}"), notice())
    });
    table.add("a bare body without an area", word, No, |marker| {
        bare(&format!("?service=SERVICE&case={marker}"), notice())
    });
    table.add("a flag that is none", word, No, |marker| bare(&format!("{query}&test={marker}"), notice()));
    table.add("a case that is no name", word, No, |marker| {
        bare(&format!("{query}&case={marker}%0A"), notice())
    });
    table.add("a bare body that is empty", (400, "not-well-formed"), No, |_| bare(query, ""));
    table.add("a body without a type", (415, "media-type"), No, |marker| {
        call("POST", format!("/v1/submissions?case={marker}")).body(notice())
    });
    table.add("another method", (405, "method-not-allowed"), No, |marker| {
        call("DELETE", format!("/v1/submissions?{marker}"))
    });
    table.add("a path that is not there", (404, "not-found"), No, |marker| {
        call("GET", format!("/v1/{marker}"))
    });
    table.add("an id that is none", (404, "not-found"), No, |marker| {
        call("GET", format!("/v1/submissions/{marker}"))
    });
    table.add("a path that cannot be read", (404, "not-found"), No, |marker| {
        call("GET", format!("/v1/submissions/{marker}%FF"))
    });
    table.add("a state that is none", word, No, |marker| {
        call("GET", format!("/v1/deliveries?state={marker}"))
    });
    table.add("a token that nobody has", (401, "unauthorized"), No, |marker| Call {
        token: Some(format!("{marker}-0123456789-0123456789-0123456789")),
        ..good()
    });
    table.add("no token", (401, "unauthorized"), No, |marker| Call {
        token: Some(String::new()),
        ..bare(query, format!("<{marker}/>"))
    });
    table.add("a client that may not hand in", (403, "forbidden"), No, |marker| Call {
        client: "operator",
        ..bare(query, format!("<{marker}/>"))
    });
    table.add("a command without a reason", word, No, |marker| {
        let path = "/v1/deliveries/01990000-0000-7000-8000-000000000001/retry";
        let call = Call { client: "operator", ..call("POST", path) };
        call.header("content-type", "application/json").body(format!("{{\"{marker}\":1}}"))
    });
}
