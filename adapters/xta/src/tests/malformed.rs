//! What is no envelope: each kind gets its own error, and nothing is taken for granted.

use super::*;
use crate::MultipartFault as Parts;

const START: &str = r#"<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://www.w3.org/2005/08/addressing" xmlns:x="http://xoev.de/transport/xta/211"><e:Header><w:Action>http://www.xta.de/XTA/SendMessage</w:Action></e:Header><e:Body>"#;
const END: &str = "</e:Body></e:Envelope>";

fn container(inside: &str) -> String {
    format!(
        "{START}<x:GenericContentContainer><x:ContentContainer>{inside}</x:ContentContainer></x:GenericContentContainer>{END}"
    )
}

fn content(inside: &str) -> String {
    container(&format!("<x:Message contentType=\"text/xml\">{inside}</x:Message>"))
}

/// The error, which must be the same however the bytes arrive.
fn fault(content_type: &str, bytes: &[u8]) -> Unread {
    let by = |length| block_on(read_all(content_type, bytes, Expect::Request, length)).unwrap_err();
    let whole = by(usize::MAX >> 1);
    if bytes.len() < 5000 {
        for length in [1, 3, 64] {
            let (one, other) = (by(length), &whole);
            assert_eq!(std::mem::discriminant(&one), std::mem::discriminant(other), "{one} / {other}");
        }
    }
    whole
}

fn xml_fault(envelope: &str) -> XmlFault {
    match fault(INLINE, envelope.as_bytes()) {
        Unread::Xml { fault, .. } => fault,
        other => panic!("{other}"),
    }
}

fn decoded(envelope: &str) -> Vec<u8> {
    read(INLINE, envelope.as_bytes(), Expect::Request).unwrap().2.sorted().remove(0).1
}

#[test]
fn base64_is_read_as_others_write_it() {
    for inside in [
        "aGFsbG8=",
        " aGFs\r\n\tbG8= ",
        "aGFs&#13;&#xD;\nbG8=",
        "<![CDATA[aGFsbG8=]]>",
        "aGF<!-- x -->sb<![CDATA[G8]]>&#61;",
    ] {
        assert_eq!(decoded(&content(inside)), b"hallo", "{inside}");
    }
    assert_eq!(decoded(&content("")), b"");
}

#[test]
fn bad_base64_is_said_with_its_place() {
    for inside in ["aGFsbG8", "aGFs!G8=", "aGFsbG8=aGFs", "aGFsbG8==", "ä"] {
        assert!(
            matches!(fault(INLINE, content(inside).as_bytes()), Unread::Base64 { place, .. } if place == "Message"),
            "{inside}"
        );
    }
}

#[test]
fn bombs_are_refused_outright() {
    let bomb = format!("<!DOCTYPE e [<!ENTITY a \"aaaa\">]>{}", content("&a;"));
    assert_eq!(xml_fault(&bomb), XmlFault::Doctype);
    assert_eq!(xml_fault(&format!("<?xml version=\"1.0\"?>\n{bomb}")), XmlFault::Doctype);
    assert_eq!(xml_fault(&content("&a;")), XmlFault::Entity("a".into()));
    assert_eq!(xml_fault(&content("<?php x?>")), XmlFault::ProcessingInstruction);
    let attribute = content("").replace("text/xml", "&lol;");
    assert_eq!(xml_fault(&attribute), XmlFault::Entity("lol".into()));
    let deep = format!("{START}{}", "<a>".repeat(100));
    assert_eq!(
        xml_fault(
            &deep
                .replace("<w:Action>", "<x:a><x:a>")
                .replace("</w:Action>", "</x:a></x:a>")
                .replace("<x:a><x:a>", &"<x:a>".repeat(70))
        ),
        XmlFault::Depth(64)
    );
    let deep = container(&"<x:Message contentType=\"a\">".repeat(70));
    assert!(matches!(fault(INLINE, deep.as_bytes()), Unread::Structure { .. } | Unread::Xml { .. }));
    let long = format!("<!--{}-->", "x".repeat(70_000));
    assert!(matches!(xml_fault(&format!("{long}{}", content(""))), XmlFault::LongMarkup(_)));
}

#[test]
fn a_header_of_ten_megabytes_is_not_read_to_its_end() {
    let header = format!("<x:a>{}</x:a>", "x".repeat(10 << 20));
    let envelope = content("").replace("<w:Action>", &format!("{header}<w:Action>"));
    let unread = fault(INLINE, envelope.as_bytes());
    assert!(matches!(unread, Unread::HeaderTooLarge(_)));
    assert_eq!(unread.status(), 413);
    let many = "<x:a/>".repeat(180_000);
    let envelope = content("").replace("<w:Action>", &format!("{many}<w:Action>"));
    assert!(matches!(fault(INLINE, envelope.as_bytes()), Unread::HeaderTooLarge(_)));
}

#[test]
fn a_body_without_contents_has_a_limit_of_its_own() {
    let body = format!("<w:MessageID>{}</w:MessageID>", "x".repeat(9 << 20));
    let envelope = format!("{START}{body}{END}").replace("SendMessage", "CancelMessage");
    assert!(matches!(fault(INLINE, envelope.as_bytes()), Unread::BodyTooLarge(_)));
}

#[test]
fn contents_that_are_too_large_end_before_the_body_does_and_become_9023() {
    let limits = Limits { content: 1000, ..Limits::default() };
    let envelope = content(&"QUFB".repeat(1 << 20));
    let mut taken = 0;
    let stream = pieces(envelope.as_bytes(), 1000).inspect(|_| taken += 1);
    let unread = block_on(async {
        let wire = Wire { content_type: INLINE, soap_action: None };
        let (_, contents) = read_head(wire, Expect::Request, stream, limits).await.unwrap();
        contents.read(&mut Collected::default()).await.unwrap_err()
    });
    assert!(taken < 5, "{taken} pieces were read");
    assert_eq!(unread.fault(Some(Operation::SendMessage)).unwrap().code(), Some(FaultCode::TooLarge));
}

#[test]
fn what_is_no_envelope_of_ours_says_so() {
    let soap_11 = content("")
        .replace("http://www.w3.org/2003/05/soap-envelope", "http://schemas.xmlsoap.org/soap/envelope/");
    assert!(matches!(fault(INLINE, soap_11.as_bytes()), Unread::Soap11));
    let other = content("").replace("http://www.w3.org/2003/05/soap-envelope", "urn:other");
    assert!(matches!(fault(INLINE, other.as_bytes()), Unread::NotAnEnvelope));
    for content_type in [
        "text/xml; charset=utf-8",
        "application/json",
        "",
        "application/soap+xml; charset=utf-16",
        "multipart/form-data; boundary=a",
    ] {
        let unread = fault(content_type, content("").as_bytes());
        assert!(matches!(unread, Unread::MediaType(_)), "{content_type}");
        assert_eq!((unread.status(), unread.fault(None)), (415, None));
    }
    let unknown = content("").replace("XTA/SendMessage", "XTA/SendMassage");
    let unread = fault(INLINE, unknown.as_bytes());
    assert!(matches!(&unread, Unread::UnknownAction(action) if action.ends_with("SendMassage")));
    assert_eq!(unread.fault(None).unwrap().detail, None);
    let silent = content("").replace("w:Action", "x:Action");
    assert!(matches!(fault(INLINE, silent.as_bytes()), Unread::NoAction));
    assert!(matches!(
        fault("application/soap+xml; action=\"urn:x\"", content("").as_bytes()),
        Unread::UnknownAction(_)
    ));
    let namespace = content("").replace("transport/xta/211", "transport/xta/210");
    assert!(matches!(
        fault(INLINE, namespace.as_bytes()),
        Unread::UnexpectedBody { operation: "sendMessage", .. }
    ));
    assert!(matches!(fault(INLINE, format!("{START}{END}").as_bytes()), Unread::UnexpectedBody { .. }));
}

#[test]
fn what_is_not_well_formed_says_so() {
    let good = content("QUJD");
    for end in [1, 50, 200, good.len() - 30, good.len() - 1] {
        assert_eq!(xml_fault(&good[..end]), XmlFault::Truncated, "{end}");
    }
    assert_eq!(xml_fault(""), XmlFault::Truncated);
    for (from, to) in [
        ("</e:Body>", "</e:Bodi>"),
        ("</e:Envelope>", "</e:Envelope><e:Envelope/>"),
        ("</e:Envelope>", "</e:Envelope>x"),
        ("contentType=\"text/xml\"", "contentType=\"a\" contentType=\"b\""),
        ("contentType=\"text/xml\"", "contentType=a"),
        ("contentType=\"text/xml\"", "contentType=\"<\""),
        ("contentType=\"text/xml\"", "y:contentType=\"a\""),
        ("QUJD", "]]>"),
        ("QUJD", "&#0;"),
        ("QUJD", "&#x110000;"),
        ("QUJD", "& "),
        ("QUJD", "<!x>"),
        ("QUJD", "<1/>"),
        ("QUJD", "\u{1}"),
        ("QUJD", "<!-- -- -->"),
    ] {
        let bad = good.replace(from, to);
        assert!(matches!(xml_fault(&bad), XmlFault::NotWellFormed(_)), "{to}: {:?}", xml_fault(&bad));
    }
    let mut latin = good.clone().into_bytes();
    let at = good.find("text/xml").unwrap();
    latin[at] = 0xE4;
    assert!(matches!(fault(INLINE, &latin), Unread::Xml { fault: XmlFault::Encoding, .. }));
    let declared = format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{good}");
    assert_eq!(xml_fault(&declared), XmlFault::Encoding);
    let wide: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(matches!(fault(INLINE, &wide), Unread::Xml { fault: XmlFault::Encoding, .. }));
}

#[test]
fn two_of_what_there_may_be_one_of_are_refused() {
    let one = "<x:Message contentType=\"a\"/>";
    for envelope in [
        container(&format!("{one}{one}")),
        content("").replace(END, &format!("<x:GenericContentContainer/>{END}")),
        content("").replace("</e:Body>", "</e:Body><e:Body/>"),
        content("").replace("<e:Header>", "<e:Header/><e:Header>"),
        format!(
            "{START}<x:GenericContentContainer><x:ContentContainer>{one}</x:ContentContainer><x:ContentContainer/></x:GenericContentContainer>{END}"
        ),
    ] {
        let unread = fault(INLINE, envelope.as_bytes());
        assert!(matches!(unread, Unread::Structure { .. } | Unread::UnexpectedBody { .. }), "{unread}");
    }
}

const MTOM: &str = r#"multipart/related; type="application/xop+xml"; start="<root>"; start-info="application/soap+xml"; boundary="B-1""#;

fn included(cids: &[&str]) -> String {
    let include = |cid: &&str| {
        format!("<xop:Include xmlns:xop=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:{cid}\"/>")
    };
    let attachment = |cid: &&str| format!("<x:Attachment contentType=\"a\">{}</x:Attachment>", include(cid));
    let rest: String = cids[1..].iter().map(attachment).collect();
    container(&format!("<x:Message contentType=\"a\">{}</x:Message>{rest}", include(&cids[0])))
}

fn parts(envelope: &str, parts: &[(&str, &str)]) -> String {
    let mut text = format!(
        "--B-1\r\nContent-Type: application/xop+xml; type=\"application/soap+xml\"\r\nContent-ID: <root>\r\n\r\n{envelope}"
    );
    for (id, bytes) in parts {
        text +=
            &format!("\r\n--B-1\r\nContent-ID: <{id}>\r\ncontent-transfer-encoding: Binary\r\n\r\n{bytes}");
    }
    text + "\r\n--B-1--\r\n"
}

#[test]
fn parts_come_in_any_order_and_escaped() {
    let text = format!(
        "preamble\r\n{}epilogue",
        parts(&included(&["a%40x", "b"]), &[("b", "\r\n--B-1x"), ("a@x", "")])
    );
    for length in [1, 2, 5, usize::MAX >> 1] {
        let (head, _, contents) = block_on(read_all(MTOM, text.as_bytes(), Expect::Request, length)).unwrap();
        assert_eq!(head.form, Form::Mtom);
        assert_eq!(contents.0[0].0.kind, ContentKind::Attachment(0));
        assert_eq!(
            contents.sorted(),
            [(ContentKind::Message, vec![]), (ContentKind::Attachment(0), b"\r\n--B-1x".to_vec())]
        );
    }
}

#[test]
fn parts_that_do_not_fit_the_envelope_are_said_by_name() {
    let wrong = |cids: &[&str], came: &[(&str, &str)]| fault(MTOM, parts(&included(cids), came).as_bytes());
    assert!(matches!(wrong(&["a", "b"], &[("a", "1")]), Unread::MissingPart(id) if id == "b"));
    assert!(matches!(wrong(&["a", "a"], &[("a", "1")]), Unread::PartUsedTwice(id) if id == "a"));
    assert!(matches!(wrong(&["a"], &[("a", "1"), ("b", "2")]), Unread::UnusedPart(id) if id == "b"));
    assert!(matches!(wrong(&["a"], &[("a", "1"), ("a", "2")]), Unread::Multipart(Parts::SameContentId(_))));
    assert!(matches!(wrong(&["root"], &[("a", "1")]), Unread::UnusedPart(_)));
    assert!(matches!(fault(INLINE, included(&["a"]).as_bytes()), Unread::MissingPart(_)));
    let http = included(&["a"]).replace("cid:a", "http://foreign.example/");
    assert!(matches!(fault(MTOM, parts(&http, &[]).as_bytes()), Unread::MissingPart(_)));
    let both = included(&["a"]).replace("<xop:Include", "QUJD<xop:Include");
    assert!(matches!(fault(MTOM, parts(&both, &[]).as_bytes()), Unread::Structure { .. }));
}

#[test]
fn broken_parts_are_refused() {
    let good = parts(&included(&["a"]), &[("a", "12345")]);
    let parts_fault = |content_type: &str, text: &str| match fault(content_type, text.as_bytes()) {
        Unread::Multipart(fault) => fault,
        other => panic!("{other}"),
    };
    assert_eq!(parts_fault(&MTOM.replace("B-1", "B-2"), &good), Parts::BoundaryNotFound);
    assert_eq!(parts_fault(MTOM, &good[..good.len() - 8]), Parts::Truncated);
    assert_eq!(parts_fault(MTOM, &good[..300]), Parts::Truncated);
    assert_eq!(parts_fault(&MTOM.replace("boundary", "border"), &good), Parts::NoBoundary);
    assert_eq!(parts_fault(&MTOM.replace("<root>", "<other>"), &good), Parts::RootNotFirst);
    assert_eq!(
        parts_fault(MTOM, &good.replace("Binary", "base64")),
        Parts::TransferEncoding("base64".into())
    );
    assert_eq!(parts_fault(MTOM, &good.replace("Content-ID: <a>", "nonsense")), Parts::BadHeaders);
    let long = good.replace("Content-ID: <a>", &format!("X: {}", "x".repeat(20_000)));
    assert_eq!(parts_fault(MTOM, &long), Parts::LongHeaders);
}

#[test]
fn the_action_is_found_wherever_a_stack_puts_it() {
    let silent = included(&["a"]).replace("w:Action", "x:Action");
    let text = parts(&silent, &[("a", "1")]);
    let action = "http://www.xta.de/XTA/SendMessageSync";
    let nested = format!("start-info=\"application/soap+xml; action=\\\"{action}\\\"\"");
    for (content_type, text) in [
        (format!("{MTOM}; action=\"{action}\""), text.clone()),
        (MTOM.replace("start-info=\"application/soap+xml\"", &nested), text.clone()),
        (
            MTOM.to_owned(),
            text.replacen("type=\"application/soap+xml\"", &nested.replace("start-info", "type"), 1),
        ),
        (MTOM.to_owned(), text.replacen("type=\"application/soap+xml\"", &format!("action=\"{action}\""), 1)),
    ] {
        let (head, ..) = read(&content_type, text.as_bytes(), Expect::Request).unwrap();
        assert_eq!(head.operation, Operation::SendMessageSync, "{content_type}");
    }
    let two = format!("{INLINE}; action=\"{action}\"");
    let (head, ..) = read(&two, content("").as_bytes(), Expect::Request).unwrap();
    assert_eq!(head.operation, Operation::SendMessageSync);
    assert!(head.violations.iter().any(|it| it.broken == Broken::Action));
}

#[test]
fn what_breaks_the_schema_is_noted_and_read_all_the_same() {
    let envelope = container("<x:Attachment/><x:Message>QUJD</x:Message><x:Neu><x:a/></x:Neu>");
    let (head, received, contents) = read(INLINE, envelope.as_bytes(), Expect::Request).unwrap();
    assert_eq!(head.violations.iter().map(|it| it.broken).collect::<Vec<_>>(), [Broken::MissingHeader]);
    let broken: Vec<_> = received
        .violations
        .iter()
        .map(|it| (it.broken.code(), it.place.rsplit('/').next().unwrap()))
        .collect();
    assert_eq!(
        broken,
        [
            ("missing-attribute", "@contentType"),
            ("order", "ContentContainer"),
            ("missing-attribute", "@contentType"),
            ("unknown-element", "Neu"),
        ]
    );
    assert_eq!(
        contents.sorted(),
        [(ContentKind::Message, b"ABC".to_vec()), (ContentKind::Attachment(0), vec![])]
    );
}

#[test]
fn a_block_that_must_be_understood_is_noted() {
    let envelope = content("").replace("<w:Action>", "<x:Neu e:mustUnderstand=\"true\"/><x:Alt/><w:Action>");
    let (head, ..) = read(INLINE, envelope.as_bytes(), Expect::Request).unwrap();
    assert_eq!(head.violations[0].broken, Broken::MustUnderstand);
    assert_eq!(head.violations.len(), 2, "{:?}", head.violations);
}

#[test]
fn what_was_encoded_twice_is_noted_and_never_decoded() {
    use base64::Engine as _;
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    for (inner, twice) in [
        (&b"<?xml version=\"1.0\"?><a/>"[..], true),
        (b"<xbau/>", true),
        (b"%PDF-1.7 \xFF", true),
        (b"PK\x03\x04\0\0\0", true),
        (b"\xEF\xBB\xBF<a/>", true),
        (b"Guten Tag, Erika Mustermann", false),
        (b"", false),
        (b"< 5", false),
    ] {
        let once = base64(inner);
        let (_, received, contents) =
            read(INLINE, content(&base64(once.as_bytes())).as_bytes(), Expect::Request).unwrap();
        assert_eq!(received.contents[0].1.encoded_twice, twice, "{inner:?}");
        assert_eq!(contents.sorted()[0].1, once.as_bytes());
    }
    let (_, received, _) =
        read(INLINE, content(&base64(b"<?xml version=\"1.0\"?><a/>")).as_bytes(), Expect::Request).unwrap();
    assert!(!received.contents[0].1.encoded_twice);
}

#[test]
fn a_stated_size_that_is_wrong_is_noted() {
    for (size, differs) in [("3", false), ("4", true)] {
        let envelope = content("QUJD").replace("contentType", &format!("size=\"{size}\" contentType"));
        assert_eq!(
            read(INLINE, envelope.as_bytes(), Expect::Request).unwrap().1.contents[0].1.size_differs,
            differs
        );
    }
}

#[test]
fn message_ids_follow_the_pattern() {
    let uuid = "000ca2fe-f4e1-45c2-8233-3a0eb760bd16";
    let id = |sender: &str| format!("urn:de:xta:messageid:{sender}:{uuid}");
    assert_eq!(ids::check(&id("TestSender_01")), Ok(()));
    assert_eq!(ids::check(&id(&"a".repeat(41))), Ok(()));
    assert_eq!(ids::check(&id("TestSender_01").to_uppercase()), Ok(()));
    assert_eq!(ids::check(&id(&"a".repeat(42))), Err(ids::BadMessageId::Sender));
    assert_eq!(ids::check(&id("")), Err(ids::BadMessageId::Sender));
    assert_eq!(ids::check(&id(&"a".repeat(50))), Err(ids::BadMessageId::TooLong));
    assert_eq!(ids::check(&format!("urn:uuid:{uuid}")), Err(ids::BadMessageId::Prefix));
    assert_eq!(ids::check("urn:de:xta:messageid:a:0815"), Err(ids::BadMessageId::Uuid));
    assert_eq!(ids::make("a", uuid.parse().unwrap()).unwrap(), id("a"));
    assert!(ids::same(&id("Abc"), &id("aBC").to_uppercase()));
}

const CIPHER: &str = r#"<c:EncryptedData xmlns:c="http://www.w3.org/2001/04/xmlenc#" Type="a&amp;b"><c:CipherData><c:CipherValue><!-- x -->QUJD</c:CipherValue></c:CipherData><x:a/></c:EncryptedData>"#;

fn encrypted(inside: &str) -> String {
    format!("{START}<x:GenericContentContainer>{inside}</x:GenericContentContainer>{END}")
}

#[test]
fn what_its_author_encrypted_is_one_content_that_stands_for_itself() {
    let (_, received, contents) = read(INLINE, encrypted(CIPHER).as_bytes(), Expect::Request).unwrap();
    let inline = String::from_utf8(contents.sorted().remove(0).1).unwrap();
    assert_eq!(received.contents[0].0.outline.content_type, "application/xenc+xml");
    let tree = crate::soap::parse(&inline).unwrap();
    let value = [(names::XENC, "CipherData"), (names::XENC, "CipherValue")];
    assert_eq!((tree.path(&value).unwrap().trimmed(), tree.attribute("Type")), ("QUJD", Some("a&b")));
    // A prefix of the envelope means the same in the document of its own.
    assert!(tree.child((names::XTA, "a")).is_some());
    // The same from a part.
    let include = "<i:Include xmlns:i=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:k\"/>";
    let text = parts(&encrypted(&CIPHER.replace("QUJD", include)), &[("k", "ABC")]);
    for length in [1, 9, usize::MAX >> 1] {
        let (_, _, contents) = block_on(read_all(MTOM, text.as_bytes(), Expect::Request, length)).unwrap();
        assert_eq!(String::from_utf8(contents.sorted().remove(0).1).unwrap(), inline);
    }
    for form in [Form::Mtom, Form::Inline] {
        let written = outgoing(Operation::GetMessage, Direction::Answer);
        let bytes = inline.clone().into_bytes();
        let written = written.container(Container::Encrypted(pieces(&bytes, 7)), form).unwrap();
        let content_type = written.content_type.clone();
        let (head, _, contents) =
            read(&content_type, &bytes_of(written), Expect::Answer(Operation::GetMessage)).unwrap();
        let again = crate::soap::parse(std::str::from_utf8(&contents.sorted()[0].1).unwrap()).unwrap();
        assert_eq!((head.form, again.path(&value).unwrap().trimmed()), (form, "QUJD"));
    }
}

#[test]
fn parts_of_a_small_answer_are_taken_in() {
    let answer = |data: &str| {
        let key = "<x:ParameterType listURI=\"urn:a\" listVersionID=\"1\"><code>1</code></x:ParameterType>";
        let parameter =
            format!("<x:ServiceParameter>{key}<x:Resource>{data}</x:Resource></x:ServiceParameter>");
        let value = "<x:IsServiceAvailableValue><x:ServiceIsAvailable>1</x:ServiceIsAvailable></x:IsServiceAvailableValue>";
        let reader = "<m:Reader xmlns:m=\"http://www.osci.eu/ws/2014/10/transport\"><m:Identifier type=\"xoev\">a</m:Identifier></m:Reader>";
        let result = format!(
            "<x:LookupServiceResult>{reader}<x:ServiceType>urn:d</x:ServiceType>{value}{parameter}</x:LookupServiceResult>"
        );
        format!("{START}<x:LookupServiceResponse><x:LookupServiceResultList>{result}</x:LookupServiceResultList></x:LookupServiceResponse>{END}")
            .replace("XTA/SendMessage", "XTA/IsServiceAvailable")
    };
    let include = "<i:Include xmlns:i=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:k\"/>";
    let came = read(
        MTOM,
        parts(&answer(include), &[("k", "ABC")]).as_bytes(),
        Expect::Answer(Operation::LookupService),
    )
    .unwrap()
    .1;
    let inline = read(INLINE, answer("QUJD").as_bytes(), Expect::Answer(Operation::LookupService)).unwrap().1;
    assert_eq!((&came.body, &*came.violations), (&inline.body, &[][..]));
    let Body::LookupResponse(response) = came.body else { panic!() };
    assert_eq!(response.results[0].parameters[0].resource, b"ABC");
}

/// Says no to everything.
struct Refusing;

#[async_trait::async_trait]
impl ContentSink for Refusing {
    async fn begin(&mut self, _: &ContentFacts) -> Result<(), BoxError> {
        Err("voll".into())
    }
    async fn piece(&mut self, _: Bytes) -> Result<(), BoxError> {
        panic!("nothing was wanted")
    }
    async fn end(&mut self, _: &ContentEnd) -> Result<(), BoxError> {
        panic!("nothing was wanted")
    }
}

#[test]
fn the_head_is_known_before_any_content_and_a_sink_may_refuse() {
    let envelope = content(&"QUFB".repeat(100_000));
    let body = envelope.find("<e:Body>").unwrap();
    let mut taken = 0;
    let stream = pieces(envelope.as_bytes(), 100).inspect(|_| taken += 100);
    let wire = Wire { content_type: INLINE, soap_action: None };
    let (head, contents) = block_on(read_head(wire, Expect::Request, stream, Limits::default())).unwrap();
    assert_eq!(head.operation, Operation::SendMessage);
    let refused = block_on(contents.read(&mut Refusing)).unwrap_err();
    assert!(matches!(refused, Unread::Sink(_)) && refused.fault(None).is_none());
    assert!(taken < body + 500, "{taken}");
}
