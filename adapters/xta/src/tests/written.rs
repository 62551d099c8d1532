//! What we write: valid by the original schemas, and read back as it was.

use super::peers::standard;
use super::*;
use rohrpost_mappings::{Schema, Xml, XmlLimits};
use std::collections::BTreeMap;
use std::sync::OnceLock;

const ALL: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:test">
<xs:import namespace="http://www.w3.org/2003/05/soap-envelope" schemaLocation="soap-envelope-1.2.xsd"/>
<xs:import namespace="http://www.osci.eu/ws/2008/05/transport" schemaLocation="OSCI2_02.xsd"/>
<xs:import namespace="http://xoev.de/transport/xta/211" schemaLocation="xta-all.xsd"/>
</xs:schema>"#;
const XTA_ALL: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://xoev.de/transport/xta/211">
<xs:include schemaLocation="XTA-Webservice-Globale-Elemente.xsd"/>
<xs:include schemaLocation="XTA-Webservice-Exceptions.xsd"/>
</xs:schema>"#;

/// The original schemas, together.
pub(super) fn original() -> Option<&'static Schema> {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    let folder = standard()?;
    Some(SCHEMA.get_or_init(|| {
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".xsd") {
                files.insert(name, std::fs::read(entry.path()).unwrap());
            }
        }
        files.insert("all.xsd".into(), ALL.into());
        files.insert("xta-all.xsd".into(), XTA_ALL.into());
        Schema::compile(&files, "all.xsd").unwrap_or_else(|faults| panic!("{faults:#?}"))
    }))
}

/// What the original schemas have against an envelope.
pub(super) fn complaints(envelope: &[u8]) -> Option<Vec<String>> {
    let xml = Xml::parse(envelope, &XmlLimits::default()).unwrap();
    let violations = original()?.validate(&xml);
    Some(violations.into_iter().map(|it| format!("{}: {}", it.path, it.message)).collect())
}

fn iteration() -> Iteration {
    Iteration { request_id: "urn:uuid:1".into(), received: vec![full_metadata().message_id] }
}

fn selector() -> MsgSelector {
    let at = Some(DateTime::from("2026-01-15T12:00:00Z".parse::<jiff::Timestamp>().unwrap()));
    let related = Related {
        id: "urn:a:b".into(),
        relationship: Some("http://www.w3.org/2005/08/addressing/reply".into()),
    };
    MsgSelector {
        new_entry: Some(true),
        message_ids: vec![full_metadata().message_id],
        relates_to: vec![related],
        from: at,
        to: at,
        extension: None,
    }
}

fn report() -> TransportReport {
    let at = Some(DateTime::from("2026-01-15T12:00:00Z".parse::<jiff::Timestamp>().unwrap()));
    let code = Code {
        list: "urn:de:xta:codeliste:record.type".into(),
        version: "1".into(),
        code: "1".into(),
        name: None,
    };
    let record = |reason: &str| Record { at, code: code.clone(), reason: reason.into() };
    TransportReport {
        metadata: full_metadata(),
        time: at,
        server: "https://xta.example/".into(),
        status: MessageStatus {
            status: Some(TransportStatus::Yellow),
            errors: vec![record("Fehler")],
            warnings: vec![record("Warnung"), record("Noch eine <Warnung>")],
            infos: vec![record("Hinweis")],
        },
        additional: vec![AdditionalReport { key: code.clone(), data: b"\0bericht".to_vec() }],
        signed: false,
    }
}

fn lookup() -> (LookupRequest, LookupResponse) {
    let wish = LookupWish { reader: Party::xoev("bab:15003000"), service: "urn:dienst:1".into() };
    let kind = Code {
        list: "urn:de:xta:codeliste:service.parameter.type".into(),
        version: "1".into(),
        code: "1".into(),
        name: None,
    };
    let parameters = vec![ServiceParameter { kind, resource: b"certificate".to_vec() }];
    let result =
        |availability| LookupResult { wish: wish.clone(), availability, parameters: parameters.clone() };
    let results = [Availability::Available, Availability::NotAvailable, Availability::Unknown].map(result);
    (LookupRequest { wishes: vec![wish.clone(), wish.clone()] }, LookupResponse { results: results.to_vec() })
}

fn status_list() -> MsgStatusList {
    let at = Some(DateTime::from("2026-01-15T12:00:00Z".parse::<jiff::Timestamp>().unwrap()));
    let brief = MsgAttributes {
        message_id: full_metadata().message_id,
        relates_to: vec![Related { id: "urn:a:b".into(), relationship: None }],
        scenario: "urn:x:XBAU_DATA".into(),
        size: 4711,
        obsolete_after: Some(jiff::civil::date(2026, 12, 31).into()),
        delivered: at,
        first_fetched: at,
        from: None,
    };
    MsgStatusList { attributes: vec![brief], metadata: vec![full_metadata(), full_metadata()] }
}

/// Every envelope without contents that there is.
pub(super) fn small_bodies() -> Vec<(Operation, Direction, Body)> {
    use Direction::{Answer, Request};
    let id = || Body::MessageId(full_metadata().message_id);
    let (wishes, results) = lookup();
    vec![
        (Operation::CheckAccountActive, Request, Body::Empty),
        (Operation::CheckAccountActive, Answer, Body::Empty),
        (Operation::LookupService, Request, Body::LookupRequest(wishes)),
        (Operation::LookupService, Answer, Body::LookupResponse(results)),
        (Operation::CreateMessageId, Request, Body::Empty),
        (Operation::CreateMessageId, Answer, id()),
        (Operation::GetTransportReport, Request, id()),
        (Operation::GetTransportReport, Answer, Body::Report(Box::new(report()))),
        (Operation::CancelMessage, Request, id()),
        (Operation::CancelMessage, Answer, Body::Empty),
        (Operation::SendMessage, Answer, Body::Empty),
        (
            Operation::GetStatusList,
            Request,
            Body::StatusListRequest(StatusListRequest {
                max_items: Some(5),
                form: Some(ListForm::MsgAttributes),
                selector: Some(selector()),
            }),
        ),
        (Operation::GetStatusList, Answer, Body::StatusList(status_list())),
        (Operation::GetNextStatusList, Request, Body::GetNext(iteration())),
        (Operation::GetNextStatusList, Answer, Body::StatusList(MsgStatusList::default())),
        (Operation::GetMessage, Request, Body::Fetch { part: MsgPart::Header, selector: Some(selector()) }),
        (Operation::GetNextMessage, Request, Body::GetNext(iteration())),
        (Operation::Close, Request, Body::Close(iteration())),
        (Operation::Close, Answer, Body::Empty),
    ]
}

const WITH_CONTENTS: [(Operation, Direction); 5] = [
    (Operation::SendMessage, Direction::Request),
    (Operation::SendMessageSync, Direction::Request),
    (Operation::SendMessageSync, Direction::Answer),
    (Operation::GetMessage, Direction::Answer),
    (Operation::GetNextMessage, Direction::Answer),
];

pub(super) fn container(length: usize) -> Container<'static> {
    let id = |id: &str| ContentOutline {
        id: Some(id.into()),
        file_name: Some("plan \"1\".pdf".into()),
        size: Some(13),
        language: Some("de".into()),
        description: Some("Ein Plan".into()),
        encoding: Some("UTF-8".into()),
        ..ContentOutline::of_type("application/pdf")
    };
    Container::Plain {
        message: content(ContentOutline::of_type("text/xml"), b"<xbau/>", length),
        attachments: vec![
            content(id("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), b"%PDF-1.7 test", length),
            content(id("urn_uuid_f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), b"%PDF-1.7 text", length),
            content(ContentOutline::of_type("text/plain"), b"", length),
        ],
    }
}

fn expect(operation: Operation, direction: Direction) -> Expect {
    if direction == Direction::Request { Expect::Request } else { Expect::Answer(operation) }
}

#[test]
fn what_carries_no_contents_takes_either_form() {
    for (operation, direction, body) in small_bodies() {
        let written = outgoing(operation, direction).small_in(&body, Form::Mtom).unwrap();
        let content_type = written.content_type.clone();
        let bytes = bytes_of(written);
        let (head, received, _) = read(&content_type, &bytes, expect(operation, direction)).unwrap();
        assert_eq!((head.form, &received.body), (Form::Mtom, &body), "{operation:?} {direction:?}");
        let inline = bytes_of(outgoing(operation, direction).small_in(&body, Form::Inline).unwrap());
        assert!(bytes.windows(inline.len()).any(|piece| piece == inline), "the same envelope");
    }
}

#[test]
fn what_carries_no_contents_is_valid_and_comes_back_as_it_was() {
    for (operation, direction, body) in small_bodies() {
        let written = outgoing(operation, direction).small(&body).unwrap();
        let content_type = written.content_type.clone();
        let bytes = bytes_of(written);
        let (head, received, _) = read(&content_type, &bytes, expect(operation, direction)).unwrap();
        assert_eq!((head.operation, &received.body), (operation, &body));
        assert_eq!(
            (&*head.violations, &*received.violations),
            (&[][..], &[][..]),
            "{operation:?} {direction:?}"
        );
        assert_eq!(head.addressing.action.as_deref(), Some(operation.action()));
        let Some(complaints) = complaints(&bytes) else { continue };
        assert_eq!(complaints, [""; 0], "{operation:?} {direction:?} {}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn contents_are_valid_and_come_back_as_they_were_in_both_forms() {
    for (operation, direction) in WITH_CONTENTS {
        for form in [Form::Inline, Form::Mtom] {
            let written = outgoing(operation, direction).container(container(5), form).unwrap();
            let content_type = written.content_type.clone();
            assert!(content_type.contains(&format!("action=\"{}\"", operation.action())));
            let bytes = bytes_of(written);
            let (head, received, contents) =
                read(&content_type, &bytes, expect(operation, direction)).unwrap();
            assert_eq!((&*head.violations, &*received.violations), (&[][..], &[][..]));
            assert_eq!((head.form, head.metadata), (form, Some(full_metadata())));
            let ids: Vec<_> =
                contents.0.iter().map(|(facts, ..)| facts.outline.id.clone().unwrap()).collect();
            let first = "urn_uuid_f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
            assert_eq!(ids, ["MESSAGE", first, &format!("{first}_2"), "ATTACHMENT_3"]);
            assert!(contents.0.iter().all(|(facts, ..)| facts.form == form));
            let all: Vec<&[u8]> = vec![b"<xbau/>", b"%PDF-1.7 test", b"%PDF-1.7 text", b""];
            assert!(contents.sorted().iter().map(|(_, bytes)| &bytes[..]).eq(all));
            if form == Form::Inline
                && let Some(complaints) = complaints(&bytes)
            {
                assert_eq!(complaints, [""; 0], "{operation:?} {direction:?}");
            }
        }
    }
}

#[test]
fn every_fault_is_valid_and_comes_back_as_it_was() {
    for operation in Operation::ALL {
        for code in FaultCode::ALL {
            let fault = Fault::of_operation(*code, operation);
            let declared = operation.exceptions().contains(&code.exception());
            assert_eq!(fault.code(), Some(if declared { *code } else { FaultCode::Unspecified }));
            let bytes =
                bytes_of(outgoing(operation, Direction::Answer).small(&Body::Fault(fault.clone())).unwrap());
            let (_, received, _) = read(INLINE, &bytes, Expect::Answer(operation)).unwrap();
            assert_eq!(received.body, Body::Fault(fault));
            let Some(complaints) = complaints(&bytes) else { continue };
            assert_eq!(complaints, [""; 0], "{operation:?} {code:?}");
        }
    }
}

#[test]
fn the_codes_have_the_texts_of_the_code_list() {
    let Some(folder) = standard() else { return };
    let list = std::fs::read_to_string(folder.join("XTA-Webservice-Datentypen.xsd")).unwrap();
    let mut known = Vec::new();
    for entry in list.split("<xs:enumeration value=\"").skip(1) {
        let number = entry.split('"').next().unwrap();
        let name = entry.split("<codeName>").nth(1).unwrap().split("</codeName>").next().unwrap();
        known.push((number.to_owned(), name.replace('\n', " ")));
    }
    let ours: Vec<_> =
        FaultCode::ALL.iter().map(|it| (it.number().to_owned(), it.text().to_owned())).collect();
    assert_eq!(ours, known);
}

#[test]
fn nothing_leaves_that_breaks_the_schema() {
    let broken = |change: fn(&mut Outgoing)| {
        let mut envelope = outgoing(Operation::SendMessage, Direction::Request);
        change(&mut envelope);
        match envelope.container(container(5), Form::Inline).map(|_| ()) {
            Err(NotWritable::Violations(violations)) => {
                violations.into_iter().map(|it| it.place).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    let metadata = |it: &mut Outgoing| it.headers.metadata = None;
    assert_eq!(broken(metadata), ["MessageMetaData"]);
    let kind = |it: &mut Outgoing| it.headers.metadata.as_mut().unwrap().reader.identifier.kind = None;
    assert_eq!(broken(kind), ["MessageMetaData/Destinations/Reader/Identifier/@type"]);
    let service = |it: &mut Outgoing| it.headers.metadata.as_mut().unwrap().qualifier.service = String::new();
    assert_eq!(broken(service), ["MessageMetaData/Qualifier/Service"]);
    let scenario = |it: &mut Outgoing| it.headers.metadata.as_mut().unwrap().qualifier.scenario = None;
    assert_eq!(broken(scenario), ["MessageMetaData/Qualifier/BusinessScenario"]);
    let control =
        |it: &mut Outgoing| it.headers.metadata.as_mut().unwrap().qualifier.subject = Some("\u{1}".into());
    let mut envelope = outgoing(Operation::SendMessage, Direction::Request);
    control(&mut envelope);
    assert!(matches!(envelope.container(container(5), Form::Mtom), Err(NotWritable::Xml(_))));
    let wrong = outgoing(Operation::SendMessage, Direction::Answer).small(&Body::MessageId("urn:a".into()));
    assert!(matches!(wrong, Err(NotWritable::Violations(_))));
    let mut typeless = container(5);
    let Container::Plain { message, .. } = &mut typeless else { panic!() };
    message.outline.content_type.clear();
    let typeless = outgoing(Operation::SendMessage, Direction::Request).container(typeless, Form::Mtom);
    assert!(matches!(typeless, Err(NotWritable::Violations(_))));
}

/// Our WSDL, and all our answers, for an independent client.
#[test]
fn zeep_loads_our_wsdl_like_the_original_and_reads_our_answers() {
    let (Some(folder), Some(mut python)) = (standard(), super::peers::python()) else { return };
    let place = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(place.path().join(name), bytes).unwrap();
    for (name, port) in [("management", Port::Management), ("send", Port::Send), ("msgbox", Port::MsgBox)] {
        put(&format!("{name}.wsdl"), wsdl::wsdl(port, "https://xta.example/a").as_bytes());
    }
    wsdl::SCHEMAS.iter().for_each(|(name, text)| put(&format!("{name}.xsd"), text.as_bytes()));
    let answer = |name: String, written: Written<'_>| {
        put(&format!("{name}.type"), written.content_type.as_bytes());
        put(&format!("{name}.answer"), &bytes_of(written));
    };
    for (operation, _, body) in small_bodies().into_iter().filter(|it| it.1 == Direction::Answer) {
        answer(operation.name().to_owned(), outgoing(operation, Direction::Answer).small(&body).unwrap());
    }
    for (operation, _) in WITH_CONTENTS.into_iter().filter(|it| it.1 == Direction::Answer) {
        for (form, name) in [(Form::Inline, "inline"), (Form::Mtom, "mtom")] {
            let written = outgoing(operation, Direction::Answer).container(container(5), form).unwrap();
            answer(format!("{}.container-{name}", operation.name()), written);
        }
    }
    for operation in Operation::ALL {
        let fault = Body::Fault(Fault::of(FaultCode::AccountLocked));
        answer(
            format!("{}.fault", operation.name()),
            outgoing(operation, Direction::Answer).small(&fault).unwrap(),
        );
    }
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/peer.py");
    let output = python.arg(script).arg(place.path()).arg(folder.join("XTA.wsdl")).output().unwrap();
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.trim_end().ends_with("ok"), "{out}{errors}");
    assert_eq!(out.matches("Account ist gesperrt.").count(), 12, "{out}");
    assert_eq!(out.lines().count(), 1 + 9 + 6 + 12, "{out}");
}
