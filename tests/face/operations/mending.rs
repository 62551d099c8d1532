//! Mended deliveries: made anew under the configuration that is active, and only by that order.

use super::{House, Word, text};
use crate::face::sample;
use crate::support::client::{Client, until};
use crate::support::hub::{Setup, root};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const STYLESHEET: &str = "mappings/brunnenbohrung-xfall/transform.xsl";

/// The line at which every message begins.
const BEGIN: &str = "<wasserbehoerde:nachricht version=\"1.0\">";

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        if entry.path().is_dir() {
            copy_all(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
        }
    }
}

/// Lets messages begin with `with`, in the library of this hub alone.
pub(super) fn begin_with(setup: &Setup, with: &str) {
    let shipped = fs::read_to_string(root().join(STYLESHEET)).expect("the stylesheet");
    assert_eq!(shipped.matches(BEGIN).count(), 1);
    fs::write(setup.path(STYLESHEET), shipped.replace(BEGIN, &format!("{BEGIN}{with}")))
        .expect("the stylesheet");
}

impl House {
    /// A house with a library of its own, whose messages begin with `with`.
    pub(super) async fn mapping(word: Word, with: &str) -> Self {
        Self::with(word, "mapping = \"brunnenbohrung-xfall\"\n", |setup| {
            copy_all(
                &root().join("mappings/brunnenbohrung-xfall"),
                &setup.path("mappings/brunnenbohrung-xfall"),
            );
            copy_all(
                &root().join("mappings/brunnenbohrung-enaio"),
                &setup.path("mappings/brunnenbohrung-enaio"),
            );
            setup.take_own_library();
            begin_with(setup, with);
        })
        .await
    }

    async fn hand_in_notice(&self, state: &str) -> String {
        let portal = Client::of(&self.hub, "portal");
        let xml = sample("brunnenbohrung-1.xml");
        let answer = portal.submit(&xml, &crate::face::attachments(), None).await.expect("an answer");
        let answer: Value = answer.json().await.expect("JSON");
        let delivery = self.until(text(&answer, "id"), |delivery| delivery["state"] == state).await;
        text(&delivery, "id").to_owned()
    }

    pub(super) fn mend_mapping(&self, with: &str) {
        begin_with(&self.setup, with);
        let activate = ["config", "activate", "--reason", "Mapping berichtigt", "--url", &self.hub.api];
        let ran = crate::cli::rohrpost(&self.setup.path(""), &activate);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
}

/// A stylesheet that stops here.
const BROKEN: &str = "<xsl:message terminate=\"yes\">kaputt</xsl:message>";

#[tokio::test(flavor = "multi_thread")]
async fn h6_what_a_mapping_could_not_make_is_delivered_once_it_is_mended() {
    let house = House::mapping(Word::Take, BROKEN).await;
    let id = house.hand_in_notice("parked").await;
    assert_eq!(house.delivery(&id).await["reason"]["code"], "mapping-failed");
    house.mend_mapping("<xsl:comment>zweite</xsl:comment>");
    // The version is pinned: another attempt fails as the first one did.
    house.order(&["retry", &id, "--reason", "vielleicht jetzt"]);
    until(async || {
        let shown = house.delivery(&id).await;
        shown["state"] == "parked" && shown["history"].as_array().is_some_and(|entries| entries.len() >= 4)
    })
    .await;
    assert_eq!(house.delivery(&id).await["reason"]["code"], "mapping-failed");
    assert!(house.desk.seen().is_empty());

    house.order(&["retry", &id, "--current", "--reason", "Mapping berichtigt"]);
    until(async || house.delivery(&id).await["state"] == "delivered").await;
    let got = house.desk.handed_over();
    assert_eq!(got.len(), 1);
    assert!(String::from_utf8_lossy(&got[0].body).contains("<!--zweite-->"), "made by the mended mapping");
    assert_eq!(got[0].key, id, "under the same key (H4)");
    let shown = house.delivery(&id).await;
    let mended = shown["history"]
        .as_array()
        .expect("a history")
        .iter()
        .find(|entry| entry["reason"]["code"] == "mended-by-person");
    let mended = mended.expect("the history says so");
    assert_eq!((&mended["who"], &mended["why"]), (&json!("operator"), &json!("Mapping berichtigt")));
    assert_eq!(
        (&mended["cause"], &mended["reason"]["params"]["who"]),
        (&json!("command"), &json!("operator"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_what_was_sent_is_made_anew_only_by_the_order_to_mend_it() {
    let house = House::mapping(Word::Refuse, "<xsl:comment>erste</xsl:comment>").await;
    let (one, other) = (house.hand_in_notice("parked").await, house.hand_in_notice("parked").await);
    house.mend_mapping("<xsl:comment>zweite</xsl:comment>");
    let parked_after = async |id: &str, attempts: u64| {
        until(async || {
            let shown = house.delivery(id).await;
            shown["state"] == "parked" && shown["attempts"] == attempts
        })
        .await;
    };
    house.order(&["retry", &one, "--reason", "noch einmal dasselbe"]);
    parked_after(&one, 2).await;
    house.order(&["retry", "--all", "--current", "--reason", "neue Fassung", "--yes", "--wait"]);
    parked_after(&one, 3).await;
    parked_after(&other, 2).await;
    // Once mended, it is the new document that is sent under its key.
    house.order(&["retry", &one, "--reason", "noch einmal das Neue"]);
    parked_after(&one, 4).await;

    let bodies = |id: &str| {
        let sent = house.desk.handed_over().into_iter().filter(|seen| seen.key == id);
        sent.map(|seen| String::from_utf8_lossy(&seen.body).into_owned()).collect::<Vec<_>>()
    };
    let sent = bodies(&one);
    assert!(sent[0].contains("<!--erste-->") && sent[2].contains("<!--zweite-->"), "{sent:?}");
    assert!(sent[0] == sent[1] && sent[2] == sent[3], "the same bytes but for the order to mend");
    assert!(bodies(&other)[1].contains("<!--zweite-->"));
    let shown = house.delivery(&one).await;
    let digests: Vec<_> = shown["attemptLog"]
        .as_array()
        .expect("attempts")
        .iter()
        .map(|attempt| text(attempt, "sentSha256"))
        .collect();
    assert!(digests[0] == digests[1] && digests[1] != digests[2] && digests[2] == digests[3], "{digests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_active_configuration_no_longer_has_cannot_be_mended() {
    let house = House::mapping(Word::Refuse, "").await;
    let id = house.hand_in_notice("parked").await;
    house.setup.edit("routes/brunnenbohrung.toml", "name = \"dms\"", "name = \"ablage\"");
    house.mend_mapping("");
    let refused = house.queue(&["retry", &id, "--current", "--reason", "x"]);
    assert_eq!(refused.code, 1);
    assert!(refused.errors.contains("409") && refused.errors.contains("nicht mehr"), "{}", refused.errors);
    assert_eq!(house.delivery(&id).await["attempts"], 1, "it was left as it is");
}
