//! What a probe asks, and what the answers say.

use super::{Scripted, TOKEN, configure, target};
use rohrpost_model::ports::{Finding, Probe};

const PLAIN: &str = "[http]\nurl = \"http://127.0.0.1:{port}/in/{case}\"\n";
const AUTH: &str = "auth = { bearer = { token = { file = \"token\" } } }\n";
const PROBE: &str = "[http.probe]\nurl = \"http://127.0.0.1:{port}/me?x=1\"\n";

/// Probes a server that answers with this status; the server, and what was told: word and finding of each step.
async fn probed(settings: &str, status: u16) -> (Scripted, Vec<(&'static str, Finding)>) {
    let server = Scripted::answering(&format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n")).await;
    let mut probe = Probe::default();
    target(server.address, settings).probe(&mut probe).await;
    let told = probe.steps().iter().map(|step| (step.word, step.finding.clone())).collect();
    (server, told)
}

fn words(told: &[(&'static str, Finding)]) -> Vec<String> {
    told.iter().map(|(word, finding)| format!("{word} {}", finding.word())).collect()
}

#[tokio::test]
async fn without_a_question_of_its_own_a_probe_sends_no_request_at_all() {
    let (server, told) = probed(&format!("{PLAIN}{AUTH}"), 201).await;
    let expected = ["lookup ok", "connect ok", "tls not-tried", "answer not-tried", "credentials not-tried"];
    assert_eq!(words(&told), expected);
    for (_, finding) in &told[3..] {
        assert!(finding.words().german.contains("kein [http.probe]"), "{finding:?}");
    }
    let requests = server.requests.lock().unwrap();
    assert!(requests.iter().all(Vec::is_empty), "h5: the address of deliveries is not touched");
}

#[tokio::test]
async fn the_question_goes_where_the_configuration_says_with_the_credentials() {
    for (method, line) in
        [("", "GET"), ("method = \"HEAD\"\n", "HEAD"), ("method = \"OPTIONS\"\n", "OPTIONS")]
    {
        let (server, told) = probed(&format!("{PLAIN}{AUTH}{PROBE}{method}"), 200).await;
        let expected = ["lookup ok", "connect ok", "tls not-tried", "answer ok", "credentials ok"];
        assert_eq!(words(&told), expected, "{line}");
        let asked: Vec<_> = {
            let requests = server.requests.lock().unwrap();
            requests.iter().filter(|request| !request.is_empty()).cloned().collect()
        };
        assert_eq!(asked.len(), 1, "{line}");
        let asked = String::from_utf8(asked[0].clone()).unwrap();
        assert!(asked.starts_with(&format!("{line} /me?x=1 HTTP/1.1\r\n")), "{asked}");
        assert!(asked.contains(&format!("authorization: Bearer {TOKEN}\r\n")), "{asked}");
        assert!(!asked.contains("idempotency"), "{asked}");
    }
}

#[tokio::test]
async fn answers_are_judged_by_what_is_expected() {
    let expecting = |statuses: &str| format!("{PLAIN}{AUTH}{PROBE}expect = [{statuses}]\n");
    let open = format!("{PLAIN}{PROBE}");
    for (settings, status, answer, credentials, said) in [
        (expecting("204"), 204, "ok", "ok", "ja"),
        (expecting("200, 404"), 404, "ok", "ok", "ja"),
        (expecting("204"), 200, "failed", "not-tried", "Status 200, erwartet wird 204"),
        (expecting("200"), 302, "failed", "not-tried", "Status 302"),
        (expecting("200"), 503, "failed", "not-tried", "Status 503"),
        (expecting("200"), 401, "ok", "failed", "lehnt die Zugangsdaten ab (Status 401)"),
        (expecting("200"), 403, "ok", "failed", "lehnt die Zugangsdaten ab (Status 403)"),
        (expecting("401"), 401, "ok", "not-tried", "ein Status, der ablehnt"),
        (open.clone(), 200, "ok", "not-tried", "kein `auth`"),
        (open, 401, "ok", "failed", "verlangt Zugangsdaten"),
    ] {
        let (_, told) = probed(&settings, status).await;
        let expected = [format!("answer {answer}"), format!("credentials {credentials}")];
        assert_eq!(words(&told)[3..], expected, "{settings} {status}");
        let spoken = told.iter().find(|(_, finding)| finding.words().german.contains(said));
        assert!(spoken.is_some(), "{said} is not in {told:#?}");
    }
}

#[tokio::test]
async fn a_server_that_takes_the_request_and_says_nothing_is_told_as_such() {
    let server = Scripted::answering("").await;
    let mut probe = Probe::default();
    target(server.address, &format!("{PLAIN}{AUTH}{PROBE}")).probe(&mut probe).await;
    let step = &probe.steps()[3];
    assert_eq!((step.word, step.finding.word()), ("answer", "failed"));
    assert!(step.finding.words().german.contains("beantwortet die Anfrage aber nicht"), "{step:?}");
    assert!(step.tried.german.ends_with("/me"), "the query is not shown: {step:?}");
}

#[test]
fn a_probe_asks_the_server_that_deliveries_go_to_by_a_method_that_changes_nothing() {
    let fault = |probe: &str| {
        let text = format!("[http]\nurl = \"https://dms.example/in/{{case}}\"\n[http.probe]\n{probe}");
        let faults = configure(&text).err().unwrap_or_default();
        faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(fault("url = \"https://dms.example/me?x\"\n"), "");
    for (probe, expected) in [
        ("url = \"https://dms.example:8443/me\"\n", "4:7: a probe asks another server"),
        ("url = \"https://other.example/me\"\n", "4:7: a probe asks another server"),
        ("url = \"http://dms.example/me\"\n", "4:7: plain http is only for this machine"),
        ("url = \"https://a:b@dms.example/me\"\n", "4:7: credentials do not stand in the address"),
        ("url = \"me\"\n", "4:7: this is no address"),
        ("url = \"https://dms.example/me\"\nmethod = \"POST\"\n", "5:10: "),
        ("method = \"GET\"\n", "the key `url` is missing"),
    ] {
        let told = fault(probe);
        assert!(told.contains(expected), "{probe}: {told}");
    }
}
