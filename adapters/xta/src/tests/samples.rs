//! The sample envelopes that lie beside the standard.

use super::peers::standard;
use super::*;

#[test]
fn every_sample_is_read_without_violation_as_its_operation() {
    let Some(folder) = standard() else { return };
    for operation in Operation::ALL {
        let name = operation.name();
        let bytes = std::fs::read(folder.join(format!("samples/{name}.request.xml"))).unwrap();
        let headers =
            std::fs::read_to_string(folder.join(format!("samples/{name}.http-headers.txt"))).unwrap();
        let content_type = headers.lines().find_map(|line| line.strip_prefix("Content-Type: ")).unwrap();
        for length in [1, 7, usize::MAX >> 1] {
            let (head, received, contents) =
                block_on(read_all(content_type, &bytes, Expect::Request, length)).unwrap();
            assert_eq!(
                (head.operation, &*head.violations, &*received.violations),
                (operation, &[][..], &[][..])
            );
            assert_eq!(head.who_asks().unwrap().identifier.value, "bap:150200100000");
            if name.starts_with("send") {
                assert_eq!(
                    head.metadata.unwrap().qualifier.message_type.code.code,
                    "baugenehmigung.antrag.0200"
                );
                assert_eq!(
                    contents.sorted(),
                    [
                        (ContentKind::Message, b"<xbau/>".to_vec()),
                        (ContentKind::Attachment(0), b"%PDF-1.7 test".to_vec()),
                    ]
                );
            } else {
                assert_eq!(received.source, bytes);
            }
        }
    }
}

#[test]
fn the_samples_say_what_stands_in_them() {
    let Some(folder) = standard() else { return };
    let id = "urn:de:xta:messageid:TestSender_01:000ca2fe-f4e1-45c2-8233-3a0eb760bd16";
    let iteration = |request: &str| Iteration { request_id: request.into(), received: vec![id.into()] };
    let next = "urn:uuid:11111111-1111-4111-8111-111111111111";
    let list =
        StatusListRequest { max_items: Some(50), form: Some(ListForm::MessageMetaData), selector: None };
    for (operation, body) in [
        (Operation::CheckAccountActive, Body::Empty),
        (Operation::CancelMessage, Body::MessageId(id.into())),
        (Operation::Close, Body::Close(iteration("1"))),
        (Operation::GetNextMessage, Body::GetNext(iteration(next))),
        (Operation::GetStatusList, Body::StatusListRequest(list)),
        (
            Operation::GetMessage,
            Body::Fetch { part: MsgPart::Envelope, selector: Some(MsgSelector::of_message(id)) },
        ),
        (Operation::SendMessage, Body::Container),
    ] {
        let bytes = std::fs::read(folder.join(format!("samples/{}.request.xml", operation.name()))).unwrap();
        assert_eq!(read(INLINE, &bytes, Expect::Request).unwrap().1.body, body, "{operation:?}");
    }
}
