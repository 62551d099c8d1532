//! Pause, drain, resume.

use super::{DESTINATION, House, Word, last_entry};
use crate::support::client::until;
use serde_json::{Value, json};

impl House {
    /// A round of the delivery loop, with everything in it: something is accepted and delivered elsewhere.
    async fn round(&self) {
        let path = "/v1/submissions?service=99128001000000&area=150910000000&kind=notice";
        let request = crate::support::client::Client::of(&self.hub, "portal").request("POST", path);
        let request = request.header("content-type", "application/xml").body("<notiz/>");
        let answered = super::Answered::of(request.send().await.expect("an answer")).await.accepted();
        self.until(super::text(&answered, "id"), |delivery| delivery["state"] == "delivered").await;
    }

    async fn with_notices(word: Word) -> Self {
        Self::with(word, "", |setup| {
            setup.edit("routes/brunnenbohrung.toml", "[match]\n", "[match]\nkind = \"application\"\n");
            setup.write(
                "routes/notizen.toml",
                "name = \"notizen\"\ntenants = [\"lk-beispiel\"]\n[match]\nkind = \"notice\"\n\
                 [[step]]\nname = \"ablage\"\ndestination = \"lk-beispiel-wasserbehoerde\"\n",
            );
        })
        .await
    }
}

fn codes(deliveries: &[Value]) -> Vec<&Value> {
    deliveries.iter().map(|delivery| &delivery["waits"]["code"]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_paused_destination_gets_nothing_until_it_is_resumed_and_what_is_under_way_ends() {
    let mut house = House::with_notices(Word::Wait).await;
    let mut submissions = Vec::new();
    for number in 0..6 {
        submissions.push(house.hand_in(&format!("fall-{number}")).await);
    }
    until(async || house.desk.seen().len() == 4).await;
    let before = house.destination().await;
    assert_eq!((&before["underWay"], &before["concurrency"]), (&json!(4), &json!(4)));
    assert_eq!(before["hold"]["code"], "waits-its-turn", "all its places are taken");
    assert_eq!(
        house.order(&["pause", DESTINATION, "--reason", "Umzug"]).text,
        format!("{DESTINATION}: angehalten\n")
    );

    // What is under way ends; nothing else begins, whatever happens around.
    house.desk.say(Word::Take);
    until(async || house.listed("delivered").await.len() == 4).await;
    submissions.push(house.hand_in("fall-6").await);
    house.round().await;
    assert_eq!(house.desk.seen().len(), 4, "nothing is sent while it is paused");
    let due = house.listed("due").await;
    let one = due[0]["id"].as_str().expect("an id");
    house.order(&["retry", one, "--reason", "Ungeduld"]);
    house.round().await;
    assert_eq!(codes(&due), ["paused-by-person"; 3]);
    assert_eq!(due[0]["waits"]["params"]["who"], "operator");
    assert_eq!(house.desk.seen().len(), 4, "nor when a person asks for an attempt");

    // A pause outlives the hub.
    assert!(house.hub.stop());
    house.hub = house.setup.start();
    house.round().await;
    let paused = house.destination().await;
    assert_eq!((&paused["pause"]["mode"], &paused["pause"]["who"]), (&json!("paused"), &json!("operator")));
    assert_eq!(paused["open"]["due"], 3);
    let listed = house.order(&["destinations"]).text;
    let row = listed.lines().find(|line| line.starts_with(DESTINATION)).expect("a row");
    assert!(row.contains("angehalten") && row.contains("operator"), "{row}");
    assert_eq!(house.desk.seen().len(), 4, "nor after a restart");
    assert_eq!(
        house.order(&["pause", DESTINATION, "--reason", "noch einmal"]).text,
        format!("{DESTINATION}: angehalten, unverändert\n")
    );

    assert_eq!(
        house.order(&["resume", DESTINATION, "--reason", "fertig"]).text,
        format!("{DESTINATION}: läuft\n")
    );
    for submission in &submissions {
        house.until(submission, |delivery| delivery["state"] == "delivered").await;
    }
    assert_eq!(house.desk.seen().len(), 7, "each once");
    assert_eq!(house.destination().await["pause"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_why_a_destination_was_held_back_can_be_read_again() {
    let mut house = House::with_notices(Word::Take).await;
    house.order(&["pause", DESTINATION, "--reason", "Umzug des DMS"]);
    house.order(&["resume", DESTINATION, "--reason", "Umzug fertig"]);
    house.order(&["drain", DESTINATION, "--reason", "Wartung beim Hersteller"]);
    assert!(house.hub.stop());
    house.hub = house.setup.start();
    assert_eq!(house.destination().await["pause"]["why"], "Wartung beim Hersteller");
    let told = house.operator().get(&format!("/v1/destinations/{DESTINATION}/orders")).await;
    let told =
        told["orders"].as_array().expect("orders").iter().map(|it| (&it["order"], &it["why"], &it["who"]));
    let right =
        [("drain", "Wartung beim Hersteller"), ("resume", "Umzug fertig"), ("pause", "Umzug des DMS")];
    let right = right.map(|(order, why)| (json!(order), json!(why), json!("operator")));
    assert!(told.eq(right.iter().map(|(order, why, who)| (order, why, who))), "{right:?}");
    let shown = house.order(&["destinations", DESTINATION]).text;
    for words in ["auslaufen lassen", "Wartung beim Hersteller", "Umzug fertig", "Umzug des DMS"] {
        assert!(shown.contains(words), "{shown}");
    }
    assert!(!house.setup.log().contains("Umzug"), "h10: {}", house.setup.log());

    // Who may not read histories sees who and when, and no words.
    house.setup.edit("clients/operator.toml", ", \"audit\"", "");
    assert_eq!(house.activate(), 0);
    let seen = house.operator().get(&format!("/v1/destinations/{DESTINATION}/orders")).await;
    assert_eq!((&seen["orders"][0]["who"], seen["orders"][0].get("why")), (&json!("operator"), None));
    assert!(house.destination().await["pause"].get("why").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_a_draining_destination_begins_nothing_and_is_asked_about_what_was_sent() {
    let house = House::with_notices(Word::Lose).await;
    let lost = house.hand_in_until("fall-1", "unknown").await;
    house.desk.say(Word::Take);
    house.order(&["drain", DESTINATION, "--reason", "Wartung"]);
    let waiting = house.hand_in("fall-2").await;
    house.round().await;
    let due = house.listed("due").await;
    assert_eq!(codes(&due), ["draining"]);
    assert_eq!(house.destination().await["drained"], false, "the outcome of one is unknown");
    assert_eq!(lost["waits"], Value::Null);
    assert!(lost["reason"]["text"]["de"].is_string(), "{lost:#}");

    let drained = tokio::task::block_in_place(|| {
        house.desk.tells.send_replace(true);
        house.order(&["drain", DESTINATION, "--reason", "Wartung", "--wait", "--timeout", "2m"])
    });
    assert!(
        drained.text.starts_with(&format!("{DESTINATION}: läuft aus, unverändert\n")),
        "{}",
        drained.text
    );
    assert!(drained.text.ends_with(&format!("{DESTINATION}: ausgelaufen\n")), "{}", drained.text);
    let id = lost["id"].as_str().expect("an id");
    assert_eq!(house.delivery(id).await["state"], "delivered", "found when it was asked about");
    assert!(
        house.desk.seen().iter().all(|seen| seen.key == id),
        "nothing new was begun: {:?}",
        house.desk.seen()
    );
    assert_eq!(house.desk.handed_over().len(), 1, "and it was not sent again");

    house.order(&["resume", DESTINATION, "--reason", "fertig"]);
    house.until(&waiting, |delivery| delivery["state"] == "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_delivery_that_is_held_back_is_not_sent_and_says_who_and_why() {
    let mut house = House::with_notices(Word::Refuse).await;
    let held = house.hand_in_until("fall-1", "parked").await;
    let id = held["id"].as_str().expect("an id");
    house.desk.say(Word::Take);
    house.order(&["hold", id, "--reason", "Rückfrage an das Amt"]);
    house.order(&["retry", id, "--reason", "noch nicht"]);
    house.round().await;
    let shown = house.delivery(id).await;
    assert_eq!((&shown["state"], &shown["pausedBy"]), (&json!("due"), &json!("operator")));
    assert_eq!(shown["waits"]["code"], "paused-delivery");
    assert_eq!(house.desk.handed_over().len(), 1, "nothing is sent");
    assert!(house.hub.stop());
    house.hub = house.setup.start();
    house.round().await;
    assert_eq!(house.desk.handed_over().len(), 1, "nor after a restart");
    let held = shown["history"]
        .as_array()
        .expect("a history")
        .iter()
        .find(|entry| entry["event"] == "pause-commanded");
    let held = held.expect("it stands in the history");
    assert_eq!(
        (&held["who"], &held["why"], &held["cause"]),
        (&json!("operator"), &json!("Rückfrage an das Amt"), &json!("command"))
    );
    let again = house.queue(&["hold", id, "--reason", "x"]);
    assert_eq!(again.code, 1);
    assert!(again.errors.contains("schon angehalten, von operator"), "{}", again.errors);

    house.order(&["release", id, "--reason", "geklärt"]);
    until(async || house.delivery(id).await["state"] == "delivered").await;
    let shown = house.delivery(id).await;
    assert_eq!(shown["pausedBy"], Value::Null);
    let whys =
        shown["history"].as_array().expect("a history").iter().filter_map(|entry| entry["why"].as_str());
    assert_eq!(whys.collect::<Vec<_>>(), ["Rückfrage an das Amt", "noch nicht", "geklärt"]);
    assert_eq!(last_entry(&shown)["state"], "delivered");
}
