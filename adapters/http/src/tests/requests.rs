//! What leaves the house.

use super::{Scripted, TOKEN, target};
use rohrpost_kit::conformance::Sample;
use rohrpost_kit::http::Auth;
use rohrpost_model::{Failure, ReasonCode, Receipt};

const OK: &str = "HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn a_bare_message_is_the_body() {
    let server = Scripted::answering(OK).await;
    let settings = "[http]\nmethod = \"PUT\"\nurl = \"http://127.0.0.1:{port}/{tenant}/{case}?area={area}\"\n\
                    headers = { X-Attempt = \"{attempt}\", X-Case = \"{case}\" }\n\
                    auth = { basic = { user = \"hub\", password = { file = \"token\" } } }\n";
    let sample = Sample::new();
    target(server.address, settings).deliver(&sample.parcel(3)).await.unwrap();
    let request = server.request();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("PUT /lk-beispiel/2026%3ABR-4711?area=15091 HTTP/1.1\r\n"), "{head}");
    for header in [
        "content-type: application/xml".to_owned(),
        format!("idempotency-key: {}", sample.key),
        "x-attempt: 3".into(),
        "x-case: 2026:BR-4711".into(),
        "authorization: Basic aHViOmdlaGVpbS00NzEx".into(),
        format!("content-length: {}", sample.message.len()),
        concat!("user-agent: rohrpost/", env!("CARGO_PKG_VERSION")).into(),
    ] {
        assert!(head.lines().any(|line| line == header), "{header} is not in\n{head}");
    }
    assert_eq!(body.as_bytes(), sample.message);
}

#[tokio::test]
async fn a_form_has_its_parts_in_order_and_the_length_of_the_whole() {
    let server = Scripted::answering(OK).await;
    let settings = r#"
[http]
url = "http://127.0.0.1:{port}/insert/{receipt:fachverfahren}"
idempotency-header = ""
[[http.part]]
name = "data"
content = "text"
content-type = "application/json"
text = '{{"name":"{receipt:fachverfahren}"}}'
[[http.part]]
name = "message"
content = "message"
file-name = "{case}.xml"
[[http.part]]
name = "file"
content = "attachments"
[[http.part]]
name = "signature"
content = "signature"
"#;
    let mut sample =
        Sample::new().with_attachment(Some("Lage\"plan\"\r\nSüd.pdf"), 3).with_attachment(None, 2);
    let receipt = Receipt { reference: Some("a/\"b\\ü".into()), ..Receipt::default() };
    sample.receipts.insert("fachverfahren".parse().unwrap(), receipt);
    target(server.address, settings).deliver(&sample.parcel(1)).await.unwrap();
    let request = server.request();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /insert/a%2F%22b%5C%C3%BC HTTP/1.1"), "{head}");
    assert!(!head.contains("idempotency-key") && !head.contains("transfer-encoding"), "{head}");
    let boundary = format!("rohrpost-{}", sample.key);
    let message = String::from_utf8_lossy(&sample.message);
    let disposition = "Content-Disposition: form-data; name";
    let expected = format!(
        "--{boundary}\r\n{disposition}=\"data\"\r\nContent-Type: application/json\r\n\r\n{{\"name\":\"a/\\\"b\\\\ü\"}}\r\n\
         --{boundary}\r\n{disposition}=\"message\"; filename=\"2026:BR-4711.xml\"\r\nContent-Type: application/xml\r\n\r\n{message}\r\n\
         --{boundary}\r\n{disposition}=\"file\"; filename=\"Lage%22plan%22__Süd.pdf\"\r\nContent-Type: application/pdf\r\n\r\n0xx\r\n\
         --{boundary}\r\n{disposition}=\"file\"; filename=\"anlage2.pdf\"\r\nContent-Type: application/pdf\r\n\r\n0x\r\n\
         --{boundary}--\r\n"
    );
    assert_eq!(body, expected);
    assert!(head.contains(&format!("content-length: {}", expected.len())), "{head}");
}

#[tokio::test]
async fn documents_and_attachments_are_called_as_the_mapping_calls_them() {
    let server = Scripted::answering(OK).await;
    let settings = r#"
[http]
url = "http://127.0.0.1:{port}/in"
[[http.part]]
name = "message"
content = "message"
[[http.part]]
name = "{document}"
content = "documents"
file-name = "{document}_{case}.json"
[[http.part]]
name = "{attachment-id}"
content = "attachments"
"#;
    let sample = Sample::new().with_document("index").with_document("akte").with_attachment(Some("x.pdf"), 1);
    let sample = sample.called("anlage-1", "001_x.pdf");
    let target = target(server.address, settings);
    assert!(target.takes_enclosed());
    target.deliver(&sample.parcel(1)).await.unwrap();
    let request = server.request();
    let parts: Vec<_> = request.lines().filter(|line| line.starts_with("Content-Disposition")).collect();
    let disposition = |rest: &str| format!("Content-Disposition: form-data; name={rest}");
    let wanted = [
        disposition("\"message\""),
        disposition("\"index\"; filename=\"index_2026_BR-4711.json\""),
        disposition("\"akte\"; filename=\"akte_2026_BR-4711.json\""),
        disposition("\"anlage-1\"; filename=\"001_x.pdf\""),
    ];
    assert_eq!(parts, wanted);
    assert!(request.contains("Content-Type: application/json\r\n\r\n{\"index\":"), "{request}");
}

#[tokio::test]
async fn what_has_no_place_in_the_request_is_a_defect_and_nothing_is_sent() {
    let server = Scripted::answering(OK).await;
    let raw = "[http]\nurl = \"http://127.0.0.1:{port}/in\"\n";
    let form = format!("{raw}[[http.part]]\nname = \"a\"\ncontent = \"message\"\n");
    let of_ids = format!("{form}[[http.part]]\nname = \"{{attachment-id}}\"\ncontent = \"attachments\"\n");
    let elsewhere = "[http]\nurl = \"http://127.0.0.1:{port}/{receipt:other}\"\n";
    for (settings, sample) in [
        (raw, Sample::new().with_signature()),
        (raw, Sample::new().with_attachment(None, 1)),
        (form.as_str(), Sample::new().with_attachment(None, 1)),
        (raw, Sample::new().with_document("index")),
        (form.as_str(), Sample::new().with_document("index")),
        (of_ids.as_str(), Sample::new().with_attachment(None, 1)),
        (elsewhere, Sample::new()),
    ] {
        let outcome = target(server.address, settings).deliver(&sample.parcel(1)).await;
        let Err(Failure::Defect(reason)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(reason.code, ReasonCode::AdapterConfiguration);
    }
    assert!(server.requests.lock().unwrap().is_empty());
}

#[test]
fn h10_credentials_print_as_nothing() {
    for auth in
        [Auth::Basic { user: "hub".into(), password: TOKEN.into() }, Auth::Bearer { token: TOKEN.into() }]
    {
        assert_eq!(format!("{:?}", auth.header().unwrap()), "Sensitive");
    }
}
