use super::{Scripted, target};
use rohrpost_kit::conformance::Sample;
use rohrpost_model::ports::Inquiry;
use rohrpost_model::{Failure, Outcome};

const SETTINGS: &str = r#"
[http]
url = "http://127.0.0.1:{port}/in"
[http.inquire]
url = "http://127.0.0.1:{port}/search?key={delivery-id}"
absent = [404]
absent-when = { json-pointer = "/numItems", equals = 0 }
reference = { json-pointer = "/items/0/id", optional = true }
"#;

async fn asked(settings: &str, status: u16, body: &str, reference: Option<&str>) -> String {
    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let server = Scripted::answering(&answer).await;
    let sample = Sample::new();
    match target(server.address, settings).inquire(&sample.parcel(1), reference).await {
        Ok(Inquiry::Found(Outcome::Done(receipt))) => {
            format!("found {}", receipt.reference.unwrap_or_default())
        }
        Ok(word) => format!("{word:?}"),
        Err(Failure::Unavailable { reason, .. }) => format!("unavailable {:?}", reason.code),
        Err(failure) => format!("{failure:?}"),
    }
}

#[tokio::test]
async fn h5_the_target_is_asked_and_its_word_is_not_guessed() {
    for (status, body, expected) in [
        (200, r#"{"numItems":1,"items":[{"id":"A-1"}]}"#, "found A-1"),
        (200, r#"{"numItems":1}"#, "found "),
        (200, r#"{"numItems":0}"#, "Absent"),
        (200, r#"{"count":0}"#, "NoWord"),
        (200, "<html>please log in</html>", "NoWord"),
        (404, "", "Absent"),
        (204, "", "NoWord"),
        (302, "", "NoWord"),
        (400, "", "NoWord"),
        (401, "", "unavailable CredentialsRefused"),
        (429, "", "unavailable TargetBusy"),
        (500, "", "unavailable UnexpectedAnswer"),
        (503, "", "unavailable TargetBusy"),
    ] {
        assert_eq!(asked(SETTINGS, status, body, None).await, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn h5_nothing_is_absent_unless_the_configuration_says_how_that_looks() {
    let settings =
        "[http]\nurl = \"http://127.0.0.1:{port}/in\"\n[http.inquire]\nurl = \"http://127.0.0.1:{port}/\"\n";
    assert_eq!(asked(settings, 404, "", None).await, "NoWord");
    let without = "[http]\nurl = \"http://127.0.0.1:{port}/in\"\n";
    assert_eq!(asked(without, 200, "", None).await, "NoWord");
}

#[tokio::test]
async fn it_is_asked_by_reference_only_where_there_is_one() {
    let settings = "[http]\nurl = \"http://127.0.0.1:{port}/in\"\n[http.inquire]\nurl = \"http://127.0.0.1:{port}/a/{reference}\"\n";
    assert_eq!(asked(settings, 200, "", None).await, "NoWord");
    assert_eq!(asked(settings, 200, "", Some("A/1 ü")).await, "found ");
    let server = Scripted::answering("HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n").await;
    let sample = Sample::new();
    target(server.address, settings).inquire(&sample.parcel(1), Some("A/1 ü")).await.unwrap();
    assert!(server.request().starts_with("GET /a/A%2F1%20%C3%BC HTTP/1.1\r\n"), "{}", server.request());
}

#[tokio::test]
async fn a_question_that_does_not_arrive_is_asked_again() {
    let server = Scripted::answering("").await;
    let sample = Sample::new();
    let asked = target(server.address, SETTINGS).inquire(&sample.parcel(1), None).await;
    assert!(matches!(asked, Err(Failure::Unavailable { .. })), "{asked:?}");
}
