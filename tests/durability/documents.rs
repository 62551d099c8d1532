//! Documents that go along with a message, and attachments by rule: on every attempt the same, across a crash, too.

use super::notice::{Notice, hand_in};
use super::{DMS, hasten, repeat_what_is_unknown};
use crate::support::client::Client;
use crate::support::hub::{Hub, Setup};
use crate::support::several;
use crate::support::sink::{Recorded, Sink};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde_json::Value;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;
use tokio::task::block_in_place;

/// Both steps take their documents from one mapping.
fn setup(dms: &Sink) -> Setup {
    let setup = Setup::new(dms.address);
    setup.take_own_library();
    several::put_into(&setup.path("mappings"));
    let route = "routes/brunnenbohrung.toml";
    setup.edit(
        route,
        "mapping = \"brunnenbohrung-xfall\"",
        "mapping = \"vorgang\"\nwith = [\"index\", \"zettel\"]",
    );
    setup.edit(
        route,
        "mapping = \"brunnenbohrung-enaio\"",
        "mapping = \"vorgang#index\"\nwith = [\"message\"]",
    );
    setup.edit(
        DMS,
        "name = \"file\"\n",
        "name = \"{document}\"\ncontent = \"documents\"\n[[http.part]]\nname = \"{attachment-id}\"\n",
    );
    hasten(&setup);
    repeat_what_is_unknown(&setup);
    setup
}

async fn hand_in_to(hub: &Hub, notice: &Notice) -> String {
    let (_moved, mut address) = watch::channel(hub.api.clone());
    let (answer, _) = hand_in(&Client::of(hub, "portal"), notice, &mut address).await;
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    answer["id"].as_str().expect("an id").to_owned()
}

fn body(request: &Recorded) -> String {
    String::from_utf8_lossy(&request.body).into_owned()
}

/// What stands in quotation marks after `before`.
fn quoted(text: &str, before: &str) -> Vec<String> {
    text.split(before).skip(1).map(|rest| rest.split('"').next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_what_goes_along_and_what_attachments_are_called_stay_the_same_across_a_crash() {
    let up = Arc::new(AtomicBool::new(false));
    let is_up = Arc::clone(&up);
    let dms = Sink::answering(move |_, _| match is_up.load(Ordering::Acquire) {
        true => "4711".into_response(),
        false => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    });
    let dms = dms.await;
    let setup = setup(&dms);
    let hub = block_in_place(|| setup.start());
    let id = hand_in_to(&hub, &Notice::of(1, &[1000, 2000])).await;
    let tried = |submission: &Value| submission["deliveries"][1]["attempts"].as_u64() >= Some(1);
    Client::of(&hub, "portal").follow(&id, tried).await;
    block_in_place(|| hub.kill());
    up.store(true, Ordering::Release);
    let hub = block_in_place(|| setup.start());
    Client::of(&hub, "portal").completed(&id).await;

    let requests = dms.requests();
    assert!(requests.len() >= 2, "one before the crash and one after it");
    let first = body(&requests[0]);
    for request in &requests {
        assert_eq!((request.key(), body(request)), (requests[0].key(), first.clone()));
    }
    assert!(first.contains("name=\"data\"\r\nContent-Type: application/json\r\n\r\n{\"vorgang\""), "{first}");
    assert!(first.contains("name=\"message\"\r\nContent-Type: application/xml\r\n\r\n<?xml"), "{first}");
    let told = quoted(&first, "kennung=\"");
    assert!(told.len() == 2 && told[0] != told[1] && told[0].starts_with("urn_uuid_"), "{told:?}");
    for (id, file) in told.iter().zip(quoted(&first, "datei=\"")) {
        assert!(
            first.contains(&format!("name=\"{id}\"; filename=\"{file}\"")),
            "the message calls them as they are sent"
        );
    }
    assert_eq!(told, of_the_folder(&setup), "one mapping, one submission: the same ids on both ways");
}

/// The ids of attachments that the Fachverfahren was told, once in the sidecar and once in the message.
fn of_the_folder(setup: &Setup) -> Vec<String> {
    let names = fs::read_dir(setup.path("fachverfahren")).expect("the folder").flatten();
    let files: Vec<_> = names.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    let ends = |end: &str| {
        let found: Vec<_> = files.iter().filter(|path| path.to_string_lossy().ends_with(end)).collect();
        assert_eq!(found.len(), 1, "one file {end}: {files:?}");
        fs::read_to_string(found[0]).expect("text")
    };
    assert!(ends("_index.json").contains("\"anlagen\":2"));
    assert!(ends("_zettel.txt").starts_with("Straße & Flur"));
    let sidecar: Value = serde_json::from_str(&ends(".meta.json")).expect("JSON");
    let parts = sidecar["parts"].as_array().expect("parts");
    let of = |role: &str, key: &str| {
        let parts = parts.iter().filter(|part| part["role"] == role);
        parts.map(|part| part[key].as_str().expect("a text").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("document", "name"), ["index", "zettel"]);
    assert!(of("attachment", "fileName")[0].starts_with("001_"), "{sidecar:#}");
    of("attachment", "id")
}
