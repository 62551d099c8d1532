//! `kill -9` at every request that files a delivery in a DMS, before and after the DMS did what was asked (promise H5).

use super::{PLAIN, hand_in_plain};
use crate::support::client::Client;
use crate::support::hub::{Hub, Setup};
use crate::support::sink::{Recorded, Sink};
use axum::body::Body;
use axum::response::Response;
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use std::fs;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use tokio::task::block_in_place;

const ROUTE: &str = r#"name = "ablage"
tenants = ["lk-beispiel"]
[match]
[[step]]
name = "ablage"
destination = "dms"
"#;

const DESTINATION: &str = r#"name = "dms"
tenants = ["lk-beispiel"]
adapter = "enaio"
unknown = "park"
[retry]
first = "50ms"
cap = "500ms"
[enaio]
url = "http://{address}"
interface = "osrest"
longest-call = "1s"
[enaio.folder]
type = "Akte"
key-field = "Kennung"
[enaio.document]
type = "Dokument"
key-field = "Kennung"
"#;

/// The requests of one delivery: the folder is searched and made, then the document.
const REQUESTS: usize = 4;

/// What lies in the DMS: type and mark.
type Made = Arc<Mutex<Vec<(String, String)>>>;

/// What is to be made: the part `data` of the form.
fn object(request: &Recorded) -> (String, String) {
    let body = String::from_utf8_lossy(&request.body);
    let data = body.split("\r\n\r\n").nth(1).and_then(|rest| rest.split("\r\n--").next());
    let data: Value = serde_json::from_str(data.expect("the part data")).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&data["objectTypeId"]), text(&data["fields"]["Kennung"]["value"]))
}

fn act(made: &Made, request: &Recorded) -> String {
    let mut made = made.lock().expect("no panic");
    if request.path.contains("/insert") {
        made.push(object(request));
        return (1000 + made.len()).to_string();
    }
    let query: Value = serde_json::from_slice(&request.body).expect("JSON");
    let (kind, mark) = (&query["query"]["objectTypeId"], &query["query"]["fields"]["Kennung"]["value"]);
    let hits = made.iter().enumerate().filter(|(_, it)| *kind == it.0 && *mark == it.1);
    Value::from_iter(hits.map(|(number, _)| json!({ "osid": (1001 + number).to_string() }))).to_string()
}

/// A DMS that does not answer its request with this number, and says that it came.
async fn dms(kill_at: usize, does_it: bool) -> (Sink, Made, Arc<Notify>) {
    let (made, reached) = (Made::default(), Arc::new(Notify::new()));
    let (keeps, tells) = (Arc::clone(&made), Arc::clone(&reached));
    let sink = Sink::answering(move |number, request| {
        let answer = (number != kill_at || does_it).then(|| act(&keeps, request));
        if number == kill_at {
            tells.notify_one();
            return Response::new(Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>()));
        }
        Response::new(Body::from(answer.unwrap_or_default()))
    });
    (sink.await, made, reached)
}

async fn killed_at(kill_at: usize, does_it: bool) {
    let context = format!("request {kill_at}, done: {does_it}");
    let (sink, made, reached) = dms(kill_at, does_it).await;
    let setup = Setup::new("127.0.0.1:9");
    fs::remove_file(setup.config().join("routes/brunnenbohrung.toml")).expect("the shipped route");
    setup.write("routes/ablage.toml", ROUTE);
    setup.write("destinations/dms.toml", &DESTINATION.replace("{address}", &sink.address.to_string()));
    let hub: Hub = block_in_place(|| setup.start());
    let id = hand_in_plain(&Client::of(&hub, "portal"), "notice", PLAIN).await;
    reached.notified().await;
    block_in_place(|| hub.kill());

    let hub = block_in_place(|| setup.start());
    let submission = Client::of(&hub, "portal").completed(&id).await;
    let made = made.lock().expect("no panic").clone();
    let (case, delivery) = (&submission["case"], submission["deliveries"][0]["id"].as_str());
    let folder = format!("lk-beispiel/{}", case.as_str().expect("a case"));
    let expected = [("Akte".into(), folder), ("Dokument".into(), delivery.expect("an id").to_owned())];
    assert_eq!(made, expected, "{context}: one folder, one document");
    let log = setup.log();
    assert!(!log.contains("Mustermann"), "h10: {context}: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_killed_at_any_request_there_is_one_folder_and_one_document() {
    let moments = (1..=REQUESTS).flat_map(|request| [(request, false), (request, true)]);
    stream::iter(moments).for_each_concurrent(4, |(request, does_it)| killed_at(request, does_it)).await;
}
