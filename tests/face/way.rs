//! The way of a submission, from README's call to the folder and the DMS.

use super::{Answered, attachments, sample, sha256, text};
use crate::support::client::Client;
use crate::support::hub::{Hub, PROGRAM, Setup, root};
use crate::support::peers;
use crate::support::sink::{Recorded, Sink};
use futures::stream;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// README's call, for a hub at another address and a configuration in another folder.
fn call_of_readme(setup: &Setup, hub: &Hub) -> String {
    let readme = fs::read_to_string(root().join("README.md")).expect("README");
    let begin = readme.find("curl -sS").expect("README shows a call with curl");
    let call = &readme[begin..];
    let call = &call[..call.find("```").expect("the block ends")];
    for known in ["http://127.0.0.1:8480", "config/secrets/", "config/samples/"] {
        assert!(call.contains(known), "README's call has no {known}");
    }
    let secrets = format!("{}/secrets/", setup.config().display());
    let samples = format!("{}/config/samples/", root().display());
    call.replace("http://127.0.0.1:8480", &hub.api)
        .replace("config/secrets/", &secrets)
        .replace("config/samples/", &samples)
}

/// Status and body that curl got.
fn curl(call: &str) -> Option<(String, Value)> {
    let call = format!("{} -w '\\n%{{http_code}}'", call.trim_end());
    peers::succeed(Command::new("curl").arg("--version"))?;
    let out = peers::succeed(Command::new("sh").args(["-c", &call]))?;
    let out = String::from_utf8(out).expect("text");
    let (body, status) = out.rsplit_once('\n').expect("a status");
    Some((status.to_owned(), serde_json::from_str(body).expect("JSON")))
}

/// The text of README between two texts.
fn of_readme(begin: &str, end: &str) -> String {
    let readme = fs::read_to_string(root().join("README.md")).expect("README");
    let from = readme.split_once(begin).unwrap_or_else(|| panic!("README has no {begin:?}")).1;
    from.split_once(end).unwrap_or_else(|| panic!("README has no {end:?} after {begin:?}")).0.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn readmes_own_route_works_as_it_stands_there() {
    let setup = Setup::new(Sink::start().await.address);
    let hub = setup.start();
    let route = of_readme("# config/routes/brunnen-archiv.toml\n", "```");
    setup.write("routes/brunnen-archiv.toml", &route);
    let commands = of_readme("```\n\n```sh\ntarget/release/rohrpost check", "```").replace("\\\n", "");
    let commands = format!("target/release/rohrpost check{commands}");
    let samples = format!("{}/config/samples/", root().display());
    let mut printed = Vec::new();
    for line in commands.lines().filter(|line| !line.is_empty()) {
        let command = line.split(" # ").next().unwrap_or_default().trim();
        let command =
            command.replace("target/release/rohrpost", PROGRAM).replace("config/samples/", &samples);
        let talks = !command.ends_with("check");
        let command = if talks { format!("{command} --url {}", hub.api) } else { command };
        let ran =
            Command::new("sh").args(["-c", &command]).current_dir(setup.path("")).output().expect("a shell");
        assert!(ran.status.success(), "{command}: {}", String::from_utf8_lossy(&ran.stderr));
        printed.push(String::from_utf8(ran.stdout).expect("text"));
    }
    assert_eq!(printed.len(), 3, "{printed:#?}");
    let sent = printed[2].split_whitespace().find(|word| word.len() == 36).expect("an id").to_owned();
    let submission = Client::of(&hub, "portal").completed(&sent).await;
    assert_eq!(
        (text(&submission, "kind"), text(&submission["deliveries"][0], "step")),
        ("withdrawal", "archiv")
    );
    let reference = text(&submission["deliveries"][0]["receipt"], "reference");
    let got = Folder(setup.path("fachverfahren")).read(reference);
    assert!(got == sample("brunnenbohrung-3.xml"), "as it came");
}

/// A file that the Fachverfahren got.
struct Folder(PathBuf);

impl Folder {
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("the folder").flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().into_string().expect("a name")).collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        names
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).expect("a file of the Fachverfahren")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readmes_call_goes_the_whole_way() {
    let dms = Sink::start().await;
    let setup = Setup::new(dms.address);
    let hub = setup.start();
    let Some((status, answer)) = curl(&call_of_readme(&setup, &hub)) else { return };
    assert_eq!(status, "202", "{answer:#}");
    assert_eq!(text(&answer, "sha256"), sha256(&sample("brunnenbohrung-1.xml")));
    receipt_states_what_came_in(&setup, &answer);

    let portal = Client::of(&hub, "portal");
    let submission = portal.completed(text(&answer, "id")).await;
    assert_eq!(submission["case"], answer["case"]);
    assert_eq!(submission["receivedAt"], answer["receivedAt"]);
    let reference = text(&submission["deliveries"][0]["receipt"], "reference").to_owned();
    the_folder_has_it_signed(&setup, &answer, &reference);
    let requests = dms.requests();
    assert_eq!(requests.len(), 1);
    the_dms_has_it(&requests[0], &reference).await;
    everything_can_be_read(&hub, &answer).await;
}

fn receipt_states_what_came_in(setup: &Setup, answer: &Value) {
    let certificate = fs::read(setup.config().join("secrets/quittung.pem")).expect("the demo's certificate");
    let receipt = text(answer, "receipt");
    let claims = rohrpost_seal::verify_jws(receipt, &certificate).expect("a true receipt");
    let (signed, signature) = receipt.rsplit_once('.').expect("three parts");
    let changed = format!("{}.{signature}", &signed[..signed.len() - 4]);
    assert!(rohrpost_seal::verify_jws(&changed, &certificate).is_err(), "a changed receipt");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    for key in ["id", "case", "receivedAt"] {
        assert_eq!(claims[key], answer[key], "{key}");
    }
    let contents: Vec<_> = [sample("brunnenbohrung-1.xml")]
        .into_iter()
        .chain(attachments().map(|(_, content)| content))
        .collect();
    let parts = claims["parts"].as_array().expect("parts");
    assert_eq!(parts.len(), contents.len());
    for (number, (part, content)) in parts.iter().zip(&contents).enumerate() {
        assert_eq!(part["number"], number);
        assert_eq!(part["size"], content.len());
        assert_eq!(text(part, "sha256"), sha256(content));
    }
}

fn the_folder_has_it_signed(setup: &Setup, answer: &Value, reference: &str) {
    let folder = Folder(setup.path("fachverfahren"));
    let names = folder.names();
    assert_eq!(names.len(), 4, "message, two attachments, sidecar: {names:?}");
    assert!(names.iter().any(|name| name == reference), "{reference} in {names:?}");
    let sidecar = names.iter().find(|name| name.ends_with(".meta.json")).expect("a sidecar");
    let sidecar: Value = serde_json::from_slice(&folder.read(sidecar)).expect("JSON");
    assert_eq!(sidecar["submissionId"], answer["id"]);
    let parts = sidecar["parts"].as_array().expect("parts");
    let listed: Vec<_> = parts.iter().map(|part| text(part, "file")).collect();
    assert_eq!(listed.len(), 3);
    for part in parts {
        let content = folder.read(text(part, "file"));
        assert_eq!(text(part, "sha256"), sha256(&content), "{part:#}");
        assert_eq!(part["size"], content.len());
    }
    for (number, (name, content)) in attachments().iter().enumerate() {
        assert_eq!(parts[number + 1]["name"], *name);
        assert_eq!(text(&parts[number + 1], "sha256"), sha256(content), "{name}");
    }
    let message = folder.0.join(reference);
    let xml = fs::read_to_string(&message).expect("the message");
    assert!(xml.contains("Mustermann") && xml.contains(text(answer, "case")), "{xml}");
    it_is_signed(setup, &message);
}

fn it_is_signed(setup: &Setup, message: &PathBuf) {
    let trust = setup.config().join("secrets/trust");
    let changed = setup.path("changed.xml");
    let xml = fs::read_to_string(message).expect("the message");
    fs::write(&changed, xml.replacen("Mustermann", "Mustermaus", 1)).expect("a changed message");
    for (file, believed) in [(message, true), (&changed, false)] {
        let verified = Command::new(PROGRAM).arg("verify").arg(file).arg("--trust").arg(&trust).output();
        assert_eq!(verified.expect("rohrpost runs").status.success(), believed, "{}", file.display());
    }
    let anchor = trust.join("demo-ca.pem");
    let xmlsec1 = |file: &PathBuf| {
        peers::run(Command::new("xmlsec1").args(["--verify", "--trusted-pem"]).arg(&anchor).arg(file))
    };
    let Some(output) = xmlsec1(message) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!xmlsec1(&changed).expect("xmlsec1").status.success(), "xmlsec1 believes anything");
}

/// Name and content of each part of a request.
async fn parts(request: &Recorded) -> Vec<(String, Option<String>, Vec<u8>)> {
    let content_type = request.headers["content-type"].to_str().expect("a Content-Type");
    let boundary = multer::parse_boundary(content_type).expect("a boundary");
    let body = request.body.clone();
    let mut form = multer::Multipart::new(stream::iter([Ok::<_, std::io::Error>(body)]), boundary);
    let mut parts = Vec::new();
    while let Some(part) = form.next_field().await.expect("a part") {
        let (name, file) = (part.name().unwrap_or_default().to_owned(), part.file_name().map(str::to_owned));
        parts.push((name, file, part.bytes().await.expect("its content").to_vec()));
    }
    parts
}

async fn the_dms_has_it(request: &Recorded, reference: &str) {
    let parts = parts(request).await;
    assert_eq!(parts.len(), 3);
    let index: Value = serde_json::from_slice(&parts[0].2).expect("index data in JSON");
    assert_eq!(parts[0].0, "data");
    assert_eq!(index["fields"]["Fachverfahren"]["value"], reference, "{index:#}");
    for ((name, content), (part, file, got)) in attachments().iter().zip(&parts[1..]) {
        assert_eq!((part.as_str(), file.as_deref()), ("file", Some(*name)));
        assert_eq!(sha256(got), sha256(content), "{name}");
    }
}

async fn everything_can_be_read(hub: &Hub, answer: &Value) {
    let (portal, id, case) = (Client::of(hub, "portal"), text(answer, "id"), text(answer, "case"));
    let bytes = async |path: String| {
        let response = portal.request("GET", &path).send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
        Answered::of(response).await.body
    };
    assert_eq!(bytes(format!("/v1/submissions/{id}/data")).await, sample("brunnenbohrung-1.xml"));
    for (number, (name, content)) in attachments().iter().enumerate() {
        let got = bytes(format!("/v1/submissions/{id}/attachments/{}", number + 1)).await;
        assert!(got == *content, "{name}");
    }
    let of_case = portal.get(&format!("/v1/cases/{case}")).await;
    assert_eq!(of_case["submissions"][0]["id"], *id);
    let listed = Client::of(hub, "operator").get(&format!("/v1/deliveries?case={case}")).await;
    let listed = listed["deliveries"].as_array().expect("deliveries");
    let steps: Vec<_> =
        listed.iter().map(|delivery| (text(delivery, "step"), text(delivery, "state"))).collect();
    assert_eq!(steps, [("fachverfahren", "delivered"), ("dms", "delivered")]);
}
