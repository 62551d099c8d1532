//! Pages of the database that are something else than what was written.

use super::{
    ENAIO, FOLDER, Handed, House, Notice, assert_calm, at_rest, delivered, nothing_yet, order, overwrite,
};
use crate::durability::lifecycle::refused;
use crate::support::client::{Client, http, until};
use crate::support::hub::Hub;
use bytes::Bytes;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tokio::task::block_in_place;

/// The database's page size.
const PAGE: u64 = 4096;

/// A data directory as a hub left it.
struct Kept {
    house: House,
    all: Vec<Handed>,
}

impl Kept {
    async fn new() -> Self {
        let house = House::new().await;
        let hub = house.start();
        let mut all = Vec::new();
        for number in 0..3 {
            all.push(house.hand_in(&hub, Notice::of(number, &[2000]), delivered).await);
        }
        order(&hub, ENAIO, "pause").await;
        let one = |it: &Value| it["deliveries"][0]["state"] == "delivered";
        for number in 3..6 {
            all.push(house.hand_in(&hub, Notice::of(number, &[2000]), one).await);
        }
        order(&hub, FOLDER, "pause").await;
        for number in 6..9 {
            all.push(house.hand_in(&hub, Notice::of(number, &[2000]), nothing_yet).await);
        }
        assert!(block_in_place(|| hub.stop()));
        copy(&house.setup.path("data"), &house.setup.path("kept"));
        Self { house, all }
    }

    /// The pages that are nodes of a tree; what overflows from them begins with a zero.
    fn pages(&self) -> Vec<u64> {
        let database = fs::read(self.house.setup.path("kept/rohrpost.sqlite")).expect("the database");
        let pages = (0..).zip(database.chunks(PAGE as usize));
        pages.filter(|(_, page)| page[0] != 0).map(|(number, _)| number).collect()
    }

    fn restore(&self) {
        let data = self.house.setup.path("data");
        fs::remove_dir_all(&data).expect("the data");
        copy(&self.house.setup.path("kept"), &data);
        let _ = fs::remove_file(self.house.setup.path("log"));
        // What an earlier round delivered.
        fs::remove_dir_all(self.house.setup.path("fachverfahren")).expect("the Fachverfahren's folder");
        fs::create_dir(self.house.setup.path("fachverfahren")).expect("the Fachverfahren's folder");
    }

    fn damage(&self, page: u64) {
        overwrite(&self.house.setup.path("data/rohrpost.sqlite"), page * PAGE..(page + 1) * PAGE);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a file");
        }
    }
}

async fn ask(hub: &Hub, path: &str) -> (StatusCode, Bytes) {
    let answer = Client::of(hub, "operator").request("GET", path).send().await.expect("an answer");
    (answer.status(), answer.bytes().await.expect("its body"))
}

/// The answer where what was asked for cannot be read: a word for the program, and a sentence for the operator.
fn assert_told((status, body): &(StatusCode, Bytes)) {
    let problem: Value = serde_json::from_slice(body).expect("JSON");
    let kind = problem["type"].as_str().and_then(|kind| kind.rsplit(':').next()).unwrap_or_default();
    match *status {
        StatusCode::INTERNAL_SERVER_ERROR => assert_eq!(kind, "content-damaged", "{problem}"),
        StatusCode::SERVICE_UNAVAILABLE => assert_eq!(kind, "store-stopped", "{problem}"),
        _ => panic!("{status}: {problem}"),
    }
}

/// What came of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// The start was refused.
    Refused,
    /// The hub stopped writing.
    Stopped,
    /// It goes on, and something cannot be read.
    InPart,
    /// It goes on as if nothing had happened.
    Whole,
}

impl Kept {
    /// Starts a hub on the directory with one page damaged, lets everything go that waits, and looks at everything.
    async fn try_with(&self, page: u64) -> End {
        self.restore();
        self.damage(page);
        let sent = self.house.dms.requests().len();
        let setup = &self.house.setup;
        let Ok(hub) = block_in_place(|| setup.try_start_as(setup.command())) else {
            let said = block_in_place(|| refused(setup));
            assert!(
                said.contains("aus der Sicherung wiederherstellen") || said.contains("Aus der Sicherung"),
                "{said}"
            );
            return End::Refused;
        };
        for destination in [ENAIO, FOLDER] {
            let path = format!("/v1/destinations/{destination}/resume");
            let request = Client::of(&hub, "operator").request("POST", &path);
            let answer = request.json(&json!({ "reason": "weiter" })).send().await.expect("an answer");
            let answer = (answer.status(), answer.bytes().await.expect("its body"));
            if answer.0 != StatusCode::OK {
                assert_told(&answer);
            }
        }
        until(async || self.stands_still(&hub).await).await;
        let unreadable = self.look(&hub).await;
        self.assert_takes_in_or_tells(&hub).await;
        let stopped = !is_ready(&hub).await;
        block_in_place(|| hub.kill());
        for handed in &self.all {
            let requests = &self.house.dms.requests()[sent..];
            let arrived = requests.iter().filter(|it| super::holds(&it.body, handed.notice.mark.as_bytes()));
            assert!(arrived.count() <= 1, "it arrived twice");
        }
        assert_calm(setup);
        match (stopped, unreadable) {
            (true, _) => {
                assert!(setup.log().contains("Der Datenträger hat versagt"), "{}", setup.log());
                End::Stopped
            }
            (false, true) => End::InPart,
            (false, false) => End::Whole,
        }
    }

    /// Whether everything that can be read has come to its end or waits for a person; or the log says why it does not.
    async fn stands_still(&self, hub: &Hub) -> bool {
        if !is_ready(hub).await || self.house.setup.log().contains("cannot look for work") {
            return true;
        }
        for handed in &self.all {
            let (status, body) = ask(hub, &format!("/v1/submissions/{}", handed.id)).await;
            let shown: Value = serde_json::from_slice(&body).expect("JSON");
            if status == StatusCode::OK && !at_rest(&shown) {
                return false;
            }
        }
        true
    }

    /// Everything that was acknowledged is there, or says that it is damaged; nothing is shown that is not what was handed
    /// in. Whether something is damaged.
    async fn look(&self, hub: &Hub) -> bool {
        let mut damaged = false;
        for handed in &self.all {
            let shown = ask(hub, &format!("/v1/submissions/{}", handed.id)).await;
            let data = ask(hub, &format!("/v1/submissions/{}/data", handed.id)).await;
            match shown.0 {
                StatusCode::OK => damaged |= has_damaged(&shown.1),
                _ => assert_told(&shown),
            }
            match data.0 {
                StatusCode::OK => assert_eq!(data.1, handed.notice.xml),
                _ => assert_told(&data),
            }
            damaged |= shown.0 != StatusCode::OK || data.0 != StatusCode::OK;
        }
        damaged
    }

    async fn assert_takes_in_or_tells(&self, hub: &Hub) {
        let notice = Notice::of(50, &[2000]);
        let answer = Client::of(hub, "portal").submit(&notice.xml, &notice.attachments, None).await;
        let answer = answer.expect("an answer");
        let (status, body) = (answer.status(), answer.bytes().await.expect("its body"));
        if status != StatusCode::ACCEPTED {
            return assert_told(&(status, body));
        }
        let answer: Value = serde_json::from_slice(&body).expect("JSON");
        let path = format!("/v1/submissions/{}/data", answer["id"].as_str().expect("an id"));
        assert_eq!(ask(hub, &path).await, (StatusCode::OK, Bytes::from(notice.xml)));
    }
}

fn has_damaged(shown: &Bytes) -> bool {
    let shown: Value = serde_json::from_slice(shown).expect("JSON");
    let mut deliveries = shown["deliveries"].as_array().expect("deliveries").iter();
    deliveries.any(|it| it["reason"]["code"] == "content-damaged")
}

async fn is_ready(hub: &Hub) -> bool {
    let answer = http().get(format!("{}/readyz", hub.operations)).send().await;
    answer.expect("an answer").status() == StatusCode::OK
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_a_database_with_a_damaged_page_is_refused_or_tells_what_it_lost_and_never_grows_worse() {
    let kept = Kept::new().await;
    let mut ends: BTreeMap<End, Vec<u64>> = BTreeMap::new();
    for page in kept.pages() {
        let end = kept.try_with(page).await;
        ends.entry(end).or_default().push(page);
    }
    eprintln!("{ends:?}");
    for end in [End::Refused, End::Stopped, End::InPart] {
        assert!(ends.contains_key(&end), "no page ends so: {end:?}");
    }
    assert!(ends[&End::Refused].contains(&0), "the first page is the head of the database");
}
