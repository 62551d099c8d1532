//! The commands against real peers and a real hub: signatures, the queue, the demo.

use super::text;
use crate::cli::{Ran, Workshop, rohrpost};
use crate::support::client::{Client, until};
use crate::support::hub::{AREA, Hub, PROGRAM, SERVICE, Setup, root};
use crate::support::peers;
use crate::support::sink::Sink;
use axum::http::StatusCode as Status;
use axum::response::IntoResponse as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

const CASE: &str = "mappings/brunnenbohrung-xfall/cases/01.in.xml";
const TRUST: &str = "config/secrets/trust";
const ANCHOR: &str = "config/secrets/trust/demo-ca.pem";

/// A command of a peer in the workshop's folder.
fn peer(shop: &Workshop, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.current_dir(shop.path()).args(arguments);
    command
}

fn verify(shop: &Workshop, file: &str) -> Ran {
    shop.run(&["verify", file, "--trust", TRUST, "--json"])
}

#[test]
fn xmlsec1_believes_what_sign_made_and_nothing_else() {
    let shop = Workshop::new();
    assert_eq!(shop.run(&["sign", "--seal", "siegel", CASE, "-o", "signed.xml"]).code, 0);
    let xmlsec1 =
        |file| peers::run(&mut peer(&shop, "xmlsec1", &["--verify", "--trusted-pem", ANCHOR, file]));
    let Some(verified) = xmlsec1("signed.xml") else { return };
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    shop.write("changed.xml", shop.read("signed.xml").replace("Musterstadt", "Musterstatt"));
    assert!(!xmlsec1("changed.xml").expect("xmlsec1").status.success(), "xmlsec1 believes anything");
}

/// What `xmlsec1 --sign` fills in.
const TEMPLATE: &str = r#"<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>
<CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"/>
<Reference URI=""><Transforms><Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>
<Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></Transforms>
<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue/></Reference>
</SignedInfo><SignatureValue/><KeyInfo><X509Data/></KeyInfo></Signature>"#;

#[test]
fn verify_believes_what_xmlsec1_made_until_it_is_changed_or_nobody_trusts_it() {
    let shop = Workshop::new();
    let end = "</brunnenbohrung:anzeige>";
    shop.write("template.xml", shop.read(CASE).replace(end, &format!("{TEMPLATE}{end}")));
    let key = "config/secrets/siegel.key,config/secrets/siegel.pem";
    let sign = ["--sign", "--privkey-pem", key, "--output", "signed.xml", "template.xml"];
    let Some(signed) = peers::run(&mut peer(&shop, "xmlsec1", &sign)) else { return };
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    let word = |ran: &Ran| (ran.code, text(&ran.json(), "verdict").to_owned());
    assert_eq!(word(&verify(&shop, "signed.xml")), (0, "trusted".into()));
    shop.write("changed.xml", shop.read("signed.xml").replacen("Musterstadt", "Musterstatt", 1));
    assert_eq!(word(&verify(&shop, "changed.xml")), (1, "broken".into()));
    let other = Workshop::without_secrets();
    assert_eq!(other.run(&["check"]).code, 0);
    other.write("signed.xml", shop.read("signed.xml"));
    assert_eq!(word(&verify(&other, "signed.xml")), (1, "untrusted".into()));
}

/// What stands between two tags.
fn between<'t>(text: &'t str, begin: &str, end: &str) -> &'t str {
    let rest = text.split_once(begin).unwrap_or_else(|| panic!("no {begin}")).1;
    rest.split_once(end).unwrap_or_else(|| panic!("no {end}")).0
}

/// Whoever changes a document can make its digest fit, but not the signature over the digest.
#[test]
fn verify_refuses_a_changed_document_whose_digest_was_made_to_fit() {
    let (shop, forger) = (Workshop::new(), Workshop::without_secrets());
    forger.edit(CASE, "<vorname>Erika</vorname>", "<vorname>Erica</vorname>");
    for shop in [&shop, &forger] {
        assert_eq!(shop.run(&["sign", "--seal", "siegel", CASE, "-o", "signed.xml"]).code, 0);
    }
    let (signed, forged) = (shop.read("signed.xml"), forger.read("signed.xml"));
    let digest = |document: &str| between(document, "<ds:DigestValue>", "</ds:DigestValue>").to_owned();
    let changed = signed.replace("<vorname>Erika</vorname>", "<vorname>Erica</vorname>");
    shop.write("forged.xml", changed.replace(&digest(&signed), &digest(&forged)));
    let verdict = verify(&shop, "forged.xml");
    assert_eq!((verdict.code, &verdict.json()["verdict"]), (1, &serde_json::json!("broken")), "{verdict:?}");
    let reason = verdict.json()["reason"].to_string();
    assert!(reason.contains("made with another key, or was changed"), "the digest fits: {reason}");
    // Nor does another's signature help that is whole in itself.
    shop.write("foreign.xml", forged);
    let verdict = verify(&shop, "foreign.xml");
    assert_eq!(
        (verdict.code, &verdict.json()["verdict"]),
        (1, &serde_json::json!("untrusted")),
        "{verdict:?}"
    );
}

#[test]
fn openssl_believes_a_detached_signature() {
    let shop = Workshop::new();
    let seal = shop.read("config/seals/siegel.toml");
    let cms = seal.replace("name = \"siegel\"", "name = \"anhang\"").replace("xml-dsig", "cms");
    shop.write("config/seals/anhang.toml", cms);
    let pdf = "config/samples/lageplan.pdf";
    assert_eq!(shop.run(&["sign", "--seal", "anhang", pdf, "-o", "lageplan.p7s"]).code, 0);
    let verify = |content: &str| {
        let arguments =
            ["cms", "-verify", "-binary", "-inform", "DER", "-in", "lageplan.p7s", "-content", content];
        let more = ["-CAfile", ANCHOR, "-purpose", "any", "-out", "content.out"];
        peers::run(peer(&shop, "openssl", &arguments).args(more))
    };
    let Some(verified) = verify(pdf) else { return };
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    assert!(!verify("config/samples/vollmacht.pdf").expect("openssl").status.success());
}

/// A hub whose DMS refuses everything, and a submission of which a delivery waits for a person.
struct Stuck {
    setup: Setup,
    hub: Hub,
    submission: String,
    delivery: String,
}

impl Stuck {
    async fn new() -> Self {
        let dms = Sink::answering(|_, _| (Status::BAD_REQUEST, "no").into_response()).await;
        let setup = Setup::new(dms.address);
        let hub = setup.start();
        let file = root().join("config/samples/brunnenbohrung-1.xml");
        let file = file.to_str().expect("a path");
        let send = ["send", file, "--service", SERVICE, "--area", AREA, "--url", &hub.api, "--json"];
        let sent = rohrpost(&setup.path(""), &send);
        assert_eq!(sent.code, 0, "{sent:?}");
        let submission = text(&sent.json(), "id").to_owned();
        let parked = |it: &serde_json::Value| it["deliveries"][1]["state"] == "parked";
        let shown = Client::of(&hub, "portal").follow(&submission, parked).await;
        let delivery = text(&shown["deliveries"][1], "id").to_owned();
        Self { setup, hub, submission, delivery }
    }

    fn queue(&self, arguments: &[&str]) -> Ran {
        let all: Vec<_> =
            ["queue"].iter().chain(arguments).copied().chain(["--url", &self.hub.api]).collect();
        rohrpost(&self.setup.path(""), &all)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_shows_what_is_stuck_and_why_and_moves_it() {
    let stuck = Stuck::new().await;
    let id = stuck.delivery.as_str();
    let listed = stuck.queue(&["list", "--state", "parked"]);
    assert_eq!(listed.code, 0);
    assert!(listed.text.contains(id) && listed.text.contains("lk-beispiel-enaio"), "{}", listed.text);
    let machine = stuck.queue(&["list", "--json"]).json();
    assert_eq!(machine["deliveries"].as_array().map(Vec::len), Some(2));
    assert_eq!(machine["more"], false);
    assert_eq!(machine["deliveries"][1]["reason"]["params"]["status"], "400");

    let shown = stuck.queue(&["show", id, "--json"]).json();
    assert_eq!(shown["submission"], stuck.submission.as_str());
    let attempts = shown["attemptLog"].as_array().expect("attempts");
    assert_eq!(attempts.len(), 1);
    assert_eq!(text(&attempts[0], "sentSha256").len(), 64);
    let attempted = text(&attempts[0], "contentSha256").to_owned();

    let retried = stuck.queue(&["retry", id, "--reason", "Objekttyp angelegt", "--json"]);
    assert_eq!(retried.code, 0, "{retried:?}");
    let again = |it: &serde_json::Value| {
        it["deliveries"][1]["state"] == "parked" && it["deliveries"][1]["attempts"] == 2
    };
    Client::of(&stuck.hub, "portal").follow(&stuck.submission, again).await;
    let shown = stuck.queue(&["show", id, "--json"]).json();
    assert_eq!(
        shown["attemptLog"][1]["contentSha256"],
        attempted.as_str(),
        "the same bytes under the same key"
    );
    assert!(stuck.queue(&["show", id]).text.contains("Objekttyp angelegt"));

    let discarded = stuck.queue(&["discard", id, "--reason", "von Hand abgelegt"]);
    assert_eq!((discarded.code, discarded.text.as_str()), (0, format!("{id}  discarded\n").as_str()));
    let submission =
        Client::of(&stuck.hub, "portal").get(&format!("/v1/submissions/{}", stuck.submission)).await;
    assert_eq!(submission["state"], "ended");
    assert_eq!(
        stuck.queue(&["list", "--state", "parked", "--json"]).json()["deliveries"],
        serde_json::json!([])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_ends_with_1_where_the_answer_is_no_and_with_2_where_it_is_used_wrong() {
    let stuck = Stuck::new().await;
    let id = stuck.delivery.as_str();
    let nobody = "01990000-0000-7000-8000-000000000001";
    assert_eq!(stuck.queue(&["discard", id, "--reason", "weg"]).code, 0);
    let token = stuck.setup.config().join("secrets/portal.token");
    let token = token.to_str().expect("a path");
    let no: [&[&str]; 4] = [
        &["retry", id, "--reason", "doch nicht"],
        &["show", nobody],
        &["discard", nobody, "--reason", "x"],
        &["retry", id, "--reason", "x", "--token-file", token],
    ];
    for arguments in no {
        let ran = stuck.queue(arguments);
        assert_eq!((ran.code, ran.text.as_str()), (1, ""), "{arguments:?}: {ran:?}");
        assert!(ran.errors.starts_with("rohrpost: "), "{arguments:?}: {}", ran.errors);
    }
    let wrong: [&[&str]; 5] = [
        &["retry", id],
        &["retry", "--reason", "x"],
        &["show", "4711"],
        &["list", "--state"],
        &["vanish", id],
    ];
    for arguments in wrong {
        assert_eq!(stuck.queue(arguments).code, 2, "{arguments:?}");
    }
    let url = stuck.hub.api.clone();
    stuck.hub.kill();
    let ran = rohrpost(&stuck.setup.path(""), &["queue", "list", "--url", &url]);
    assert_eq!(ran.code, 1);
    assert!(ran.errors.contains("no hub answers"), "{}", ran.errors);
}

/// The demo on a copy of the shipped configuration, on free ports as far as it has a choice.
fn demo_shop() -> Workshop {
    let shop = Workshop::without_secrets();
    for port in ["8480", "8481"] {
        shop.edit("config/hub.toml", &format!("127.0.0.1:{port}"), "127.0.0.1:0");
    }
    shop
}

fn folders(shop: &Workshop, name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(shop.file(name)).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<_> = entries
        .filter(|path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')))
        .collect();
    paths.sort();
    paths
}

/// One test, because the simulated partners have ports of their own that only one demo can have.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_runs_goes_on_and_ends_cleanly() {
    // Somebody's own demo may have the port.
    until(async || ["127.0.0.1:8482", "127.0.0.1:8483"].iter().all(|it| TcpListener::bind(it).is_ok())).await;
    let shop = demo_shop();
    let first = shop.run(&["demo", "--once"]);
    assert_eq!((first.code, first.errors.as_str()), (0, ""), "{first:?}");
    assert!(first.text.starts_with("Rohrpost beginnt neu"), "{}", first.text);
    for told in
        ["abgelehnt, nichts gespeichert", "angenommen: ", "zugestellt", "Wo man nachsieht", "portal.token"]
    {
        assert!(first.text.contains(told), "{told}: {}", first.text);
    }
    assert_eq!(
        folders(&shop, "demo-data/partner/dms").len(),
        7,
        "four of five were valid, and the case's three"
    );
    for told in ["Nachforderung ab (Lageplan 1:500)", "Bürgerin bezahlt", "Bescheid ab: bescheid.pdf"] {
        assert!(first.text.contains(told), "{told}: {}", first.text);
    }
    let history: Vec<_> =
        first.text.lines().skip_while(|line| !line.contains("Der Vorgang ")).skip(1).take(8).collect();
    for (line, told) in
        history.iter().zip(["→ Antrag ", "← Eingangsbestätigung ", "← Nachforderung ", "→ Nachreichung "])
    {
        assert!(line.contains(told), "{history:#?}");
    }
    let printed = folders(&shop, "demo-data/partner/druck");
    assert!(printed.iter().any(|path| path.to_string_lossy().ends_with("bescheid.pdf")), "{printed:?}");
    for (folder, number) in [("fachverfahren", 2), ("strassenamt", 2), ("standesamt", 1)] {
        let messages = folders(&shop, &format!("demo-data/partner/{folder}"));
        let messages: Vec<_> =
            messages.iter().filter(|path| path.extension().is_some_and(|kind| kind == "xml")).collect();
        assert_eq!(messages.len(), number, "{folder}");
        for message in messages {
            assert_eq!(shop.run(&["verify", message.to_str().expect("a path"), "--trust", TRUST]).code, 0);
        }
    }
    let second = shop.run(&["demo", "--once"]);
    assert_eq!((second.code, second.errors.as_str()), (0, ""), "{second:?}");
    assert!(second.text.contains("weiter (für einen neuen Anfang: löschen)"), "{}", second.text);
    assert_eq!(folders(&shop, "demo-data/partner/dms").len(), 14, "what was there is still there");
    ends_by_ctrl_c(&shop, "Strg-C beendet");
    ends_by_ctrl_c(&shop, "1. Eine gültige Anzeige");
}

/// Starts the demo, presses Ctrl-C once it has said `word`, and expects a clean end and no lock left behind.
fn ends_by_ctrl_c(shop: &Workshop, word: &str) {
    let mut demo = Command::new(PROGRAM);
    demo.arg("demo").current_dir(shop.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut demo: Child = demo.spawn().expect("the demo starts");
    let mut lines = BufReader::new(demo.stdout.take().expect("its output")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains(word)), "it says {word:?}");
    let sent = Command::new("kill").args(["-INT", &demo.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
    let last = lines.last().unwrap_or_default();
    let ended = demo.wait_with_output().expect("it ends");
    assert_eq!((ended.status.code(), ended.stderr.len()), (Some(0), 0), "after {word:?}: {ended:?}");
    assert!(last.starts_with("Rohrpost ist beendet"), "after {word:?}: {last}");
}
