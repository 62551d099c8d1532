//! Answers that a Fachverfahren drops somewhere and that name their case as it calls it: they find the case of ours, or are
//! left aside with the reason.

use super::replies::House;
use super::{Answered, files, text};
use crate::support::client::until;
use crate::support::hub::Setup;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Answers as JSON, in a folder.
const ANSWERS: &str = r#"
adapter = "folder"
client = "amt"
interval = "1s"
[folder]
path = "../antworten"
extension = "json"
stable = "0s"
[answers]
case-by = "foreign-id"
system = "amt"
kind = "status"
"#;

/// Documents that carry the number in their names.
const NOTICES: &str = r#"
adapter = "folder"
client = "amt"
interval = "1s"
[folder]
path = "../bescheide"
extension = "pdf"
stable = "0s"
name = "{foreign-id}_{*}"
[answers]
case-by = "foreign-id"
kind = "notice"
text = "Ihr Bescheid liegt bei."
"#;

/// Messages of the Fachverfahren's own form.
const MESSAGES: &str = r#"
adapter = "folder"
client = "amt"
interval = "1s"
[folder]
path = "../meldungen"
stable = "0s"
[answers]
case-by = "foreign-id"
mapping = "bescheid"
"#;

/// Answers that name our own case.
const OWN: &str = r#"
adapter = "folder"
client = "amt"
interval = "1s"
[folder]
path = "../eigene"
extension = "json"
stable = "0s"
[answers]
"#;

const TRANSFORM: &str = r#"<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
    xmlns="http://www.w3.org/2005/xpath-functions">
  <xsl:template match="/bescheid">
    <map>
      <string key="kind">notice</string>
      <string key="text"><xsl:value-of select="satz"/></string>
      <string key="reference"><xsl:value-of select="@az"/></string>
    </map>
  </xsl:template>
</xsl:stylesheet>"#;

fn with_sources(setup: &Setup) {
    for (name, source) in
        [("antworten", ANSWERS), ("bescheide", NOTICES), ("meldungen", MESSAGES), ("eigene", OWN)]
    {
        setup.write(&format!("sources/{name}.toml"), source);
        fs::create_dir_all(setup.path(name)).expect("a folder");
    }
    setup.copy_library();
    let mapping = setup.path("mappings/bescheid");
    fs::create_dir_all(&mapping).expect("a folder");
    let manifest = "transform = \"t.xsl\"\n[target]\nformat = \"json\"\n";
    fs::write(mapping.join("mapping.toml"), manifest).expect("a manifest");
    fs::write(mapping.join("t.xsl"), TRANSFORM).expect("a stylesheet");
}

/// Drops a file as whoever drops files: under its name only when it is whole.
fn drop_file(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    let begun = folder.join(format!(".{name}"));
    fs::write(&begun, content).expect("a file");
    fs::rename(begun, folder.join(name)).expect("its name");
}

impl House {
    /// A hub with the sources, and two cases that the authority has called by numbers of its own.
    async fn called() -> Self {
        let house = Self::with(with_sources).await;
        for (case, number) in [("2027:BR-1", "WB-4711-26"), ("2027:BR-2", "WB-4712-26")] {
            house.submit_in("application", case).await;
            house.answered_in(case, number).await;
        }
        house
    }

    async fn answered_in(&self, case: &str, number: &str) {
        let said = json!({ "kind": "receipt", "text": "Eingegangen.", "reference": number });
        let request = self.client("amt").request("POST", &format!("/v1/cases/{case}/replies")).json(&said);
        Answered::of(request.send().await.expect("an answer")).await.accepted();
    }

    /// The answers of a case but the first, when there are so many.
    async fn later_answers(&self, case: &str, count: usize) -> Vec<Value> {
        until(async || self.pulled_in(case, 2).await.len() >= count).await;
        self.pulled_in(case, 2).await
    }

    /// What was put aside in a folder: the reasons.
    async fn put_aside(&self, folder: &str) -> String {
        let aside = self.setup.path(folder).join("error");
        let reasons = || {
            let found =
                files(&aside).into_iter().filter(|path| path.to_string_lossy().ends_with(".reason.txt"));
            found.map(|path| fs::read_to_string(path).expect("a reason")).collect::<String>()
        };
        until(async || !reasons().is_empty()).await;
        reasons()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_finds_its_case_by_the_number_of_the_fachverfahren() {
    let house = House::called().await.killed_and_started();
    let folder = house.setup.path("antworten");
    let said = json!({ "text": "Wir prüfen noch.", "reference": "wb-4712-26" }).to_string();
    drop_file(&folder, "a.json", said);
    let answers = house.later_answers("2027:BR-2", 1).await;
    assert_eq!((&answers[0]["kind"], &answers[0]["text"]), (&"status".into(), &"Wir prüfen noch.".into()));

    drop_file(&house.setup.path("bescheide"), "WB-4711-26_Bescheid.pdf", "%PDF-1.7 Bescheid");
    let message = "<bescheid az='WB-4711-26'><satz>Die Bohrung ist erlaubt.</satz></bescheid>";
    let answers = house.later_answers("2027:BR-1", 1).await;
    assert_eq!(
        (&answers[0]["kind"], &answers[0]["text"]),
        (&"notice".into(), &"Ihr Bescheid liegt bei.".into())
    );
    assert_eq!(answers[0]["reference"], "WB-4711-26");
    let attached = &answers[0]["attachments"][0];
    assert_eq!(
        (&attached["name"], &attached["mediaType"]),
        (&"WB-4711-26_Bescheid.pdf".into(), &"application/pdf".into())
    );
    drop_file(&house.setup.path("meldungen"), "m.xml", message);
    let answers = house.later_answers("2027:BR-1", 2).await;
    assert_eq!(
        (&answers[1]["kind"], &answers[1]["text"]),
        (&"notice".into(), &"Die Bohrung ist erlaubt.".into())
    );
    assert_eq!(
        (answers.len(), house.later_answers("2027:BR-2", 1).await.len()),
        (2, 1),
        "each in its own case"
    );
    assert_eq!(files(&folder.join("error")), Vec::<std::path::PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_whose_case_is_not_clear_is_put_aside_and_nothing_is_lost() {
    let house = House::called().await;
    // Another's number, and one that two cases have.
    house.submit_called("2027:BR-3", "WB-1-26").await;
    drop_file(&house.setup.path("antworten"), "a.json", r#"{"text":"x","reference":"WB-1-26"}"#);
    let told = house.put_aside("antworten").await;
    assert!(told.contains("heißt so") && told.contains("Es wurde nichts gespeichert"), "{told}");
    house.answered_in("2027:BR-2", "WB-4711-26").await;
    drop_file(&house.setup.path("bescheide"), "WB-4711-26_Bescheid.pdf", "%PDF-1.7 Bescheid");
    let told = house.put_aside("bescheide").await;
    assert!(told.contains("2 Vorgänge heißen so") && told.contains("`system`"), "{told}");
    for (content, expected) in [
        ("<bescheid az='WB-4712-26'><satz> </satz></bescheid>", "`text` der Antwort ist falsch"),
        ("<bescheid az='WB-4712-26'><satz>x</bescheid>", "nicht lesbar"),
    ] {
        let folder = house.setup.path("meldungen");
        let _ = fs::remove_dir_all(folder.join("error"));
        drop_file(&folder, "m.xml", content);
        let told = house.put_aside("meldungen").await;
        assert!(told.contains(expected), "{told}");
        let kept = files(&folder.join("error")).into_iter().find(|path| path.ends_with("m.xml"));
        assert_eq!(fs::read_to_string(kept.expect("the message")).expect("text"), content, "nothing is lost");
    }
    drop_file(&house.setup.path("eigene"), "b.json", r#"{"kind":"status","text":"x"}"#);
    let told = house.put_aside("eigene").await;
    assert!(told.contains("„case“ fehlt"), "{told}");
    let eigene = house.setup.path("eigene");
    fs::remove_dir_all(eigene.join("error")).expect("what was put aside");
    fs::write(eigene.join("c.meta.json"), r#"{"case":"2027:BR-1","test":true}"#).expect("a file");
    drop_file(&eigene, "c.json", r#"{"kind":"status","text":"x"}"#);
    let told = house.put_aside("eigene").await;
    assert!(told.contains("ist ein Test"), "a test reaches no citizen: {told}");
    assert_eq!(house.pulled_in("2027:BR-1", 2).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_names_our_case_is_taken_once_whenever_the_hub_is_killed() {
    let mut house = House::called().await;
    let folder = house.setup.path("eigene");
    for number in 0..4 {
        fs::write(folder.join(format!("b{number}.meta.json")), r#"{"case":"2027:BR-1","kind":"query"}"#)
            .expect("a file");
        drop_file(&folder, &format!("b{number}.json"), format!(r#"{{"text":"Frage {number}?"}}"#));
        house = house.killed_and_started();
    }
    let answers = house.later_answers("2027:BR-1", 4).await;
    let mut texts: Vec<_> = answers.iter().map(|answer| text(answer, "text").to_owned()).collect();
    texts.sort();
    assert_eq!(texts, ["Frage 0?", "Frage 1?", "Frage 2?", "Frage 3?"]);
    assert!(answers.iter().all(|answer| answer["kind"] == "query"));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_api_an_answer_finds_its_case_by_its_reference() {
    let house = House::called().await;
    let answer = async |client: &str, query: &str, said: Value| {
        let request = house.client(client).request("POST", &format!("/v1/replies{query}")).json(&said);
        Answered::of(request.send().await.expect("an answer")).await
    };
    let said = |reference: &str| json!({ "kind": "status", "text": "In Arbeit.", "reference": reference });
    let taken = answer("amt", "", said("WB-4712-26")).await.accepted();
    assert_eq!(text(&taken, "case"), "2027:BR-2");
    for (said, status, word) in [
        (said("WB-1"), 422, "no-case"),
        (json!({ "kind": "status", "text": "x" }), 422, "no-case"),
        (json!({ "kind": "amendment", "text": "x" }), 400, "malformed-metadata"),
    ] {
        let refused = answer("amt", "", said).await;
        assert_eq!((refused.status.as_u16(), refused.word().as_str()), (status, word), "{refused:?}");
    }
    assert_eq!(answer("operator", "", said("WB-4712-26")).await.word(), "forbidden");
    house.answered_in("2027:BR-1", "WB-4712-26").await;
    let refused = answer("amt", "", said("WB-4712-26")).await;
    assert_eq!((refused.status.as_u16(), refused.word().as_str()), (409, "several-cases"));
    house.submit_called("2027:BR-3", "WB-4712-26").await;
    let taken = answer("amt", "?system=portal", said("WB-4712-26")).await.accepted();
    assert_eq!(text(&taken, "case"), "2027:BR-3", "only what the portal called it");
}

#[tokio::test(flavor = "multi_thread")]
async fn h7_an_answer_finds_no_case_of_a_tenant_for_which_its_client_may_not_answer() {
    let house = House::with(|setup| {
        with_sources(setup);
        setup.write("tenants/stadt.toml", "name = \"stadt\"\ntitle = \"Stadt\"\nareas = [\"15003*\"]\n");
        setup.write(
            "clients/stadtamt.toml",
            "name = \"stadtamt\"\ntokens = [{ file = \"secrets/stadtamt.token\" }]\n\
             [[grant]]\ntenants = [\"stadt\"]\nroles = [\"submit\"]\n",
        );
        setup.write("secrets/stadtamt.token", "stadtamt-mit-einem-langen-wort-0123456789");
        setup.edit("sources/bescheide.toml", "client = \"amt\"", "client = \"stadtamt\"");
    })
    .await;
    house.submit_called("2027:BR-1", "WB-4711-26").await;
    drop_file(&house.setup.path("bescheide"), "WB-4711-26_Bescheid.pdf", "%PDF-1.7 Bescheid");
    let told = house.put_aside("bescheide").await;
    assert!(told.contains("Kein Vorgang"), "{told}");
    assert_eq!(house.pulled_in("2027:BR-1", 0).await.len(), 0);
}

#[test]
fn a_table_of_answers_that_cannot_work_is_a_fault() {
    let setup = Setup::new("127.0.0.1:1");
    setup.write("clients/amt.toml", super::replies::AUTHORITY);
    setup.write("secrets/amt.token", "amt-mit-einem-langen-wort-0123456789");
    with_sources(&setup);
    let check = || {
        let ran = setup.command().arg("check").output().expect("it runs");
        String::from_utf8_lossy(&ran.stderr).into_owned()
    };
    assert!(!check().contains("sources/"), "{}", check());
    let table = |text: &str| {
        setup.write("sources/eigene.toml", &OWN.replace("[answers]", &format!("[answers]\n{text}")))
    };
    for (text, expected) in [
        ("system = \"amt\"", "sources/eigene.toml:10:10: the case is not looked for"),
        (
            "case-by = \"foreign-id\"\nsystem = \"amd\"",
            "sources/eigene.toml:11:10: `amd` is neither a destination nor a client",
        ),
        ("mapping = \"beschied\"", "unknown mapping `beschied`; did you mean `bescheid`?"),
        ("text = \"x\"", "nothing says what kind of answer it is; add `kind`"),
        ("text = \"x\"\nkind = \"amendment\"", "this is no answer"),
        ("text = \"x\"\nkind = \"document-request\"", "names 1 to 50 documents"),
        ("text = \"x\"\nkind = \"notice\"\nmapping = \"bescheid\"", "a mapping makes the text itself"),
        ("caseby = \"case\"", "caseby"),
    ] {
        table(text);
        let told = check();
        assert!(told.contains(expected), "{text}: {told}");
    }
}
