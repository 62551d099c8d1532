//! `probe`: on the configuration alone, and by a running hub.

use super::{Workshop, run};
use crate::support::hub::Setup;
use crate::support::sink::Sink;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde_json::Value;
use std::fs;
use std::path::Path;
use tokio::task::block_in_place;

const FOLDER: &str = "lk-beispiel-wasserbehoerde";
const DMS: &str = "lk-beispiel-enaio";

/// The steps of a report: `word result`.
fn steps(report: &Value) -> Vec<String> {
    let steps = report["steps"].as_array().expect("steps");
    steps.iter().map(|step| format!("{} {}", step["step"], step["result"]).replace('"', "")).collect()
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).expect("a folder").next().is_none()
}

#[test]
fn a_folder_is_tried_without_a_running_hub_and_nothing_stays_in_it() {
    let shop = Workshop::new();
    let missing = shop.run(&["probe", FOLDER]);
    assert_eq!(missing.code, 1, "{missing:?}");
    assert!(missing.text.starts_with("✗ there "), "{}", missing.text);
    assert!(missing.text.contains("Den Ordner gibt es nicht. Anlegen oder die Freigabe einbinden"));
    assert!(missing.text.ends_with(&format!("Ziel {FOLDER}: geht nicht, es scheitert an `there`.\n")));

    let folder = shop.file("demo-data/partner/fachverfahren");
    fs::create_dir_all(&folder).expect("a folder");
    let ran = shop.run(&["probe", FOLDER]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    assert!(ran.text.contains("✓ write "), "{}", ran.text);
    let report = shop.run(&["--json", "probe", FOLDER]).json();
    assert_eq!((&report["destination"], &report["well"]), (&FOLDER.into(), &true.into()));
    assert_eq!(steps(&report)[..3], ["there ok", "is-folder ok", "write ok"]);
    assert!(is_empty(&folder));
    assert!(!shop.file("demo-data/hub").exists() && !shop.file("demo-data/rohrpost.sqlite").exists());
}

#[test]
fn a_destination_that_is_not_there_is_wrong_use_and_a_configuration_with_faults_is_told() {
    let shop = Workshop::new();
    let ran = shop.run(&["probe", "lk-beispiel-anio"]);
    assert_eq!(ran.code, 2);
    let known = ran.errors.split("known: ").nth(1).unwrap_or_default();
    let known: Vec<_> = known.trim_end().split(", ").collect();
    let files = fs::read_dir(shop.file("config/destinations")).expect("the destinations");
    assert_eq!(known.len(), files.count(), "{}", ran.errors);
    assert!(known.contains(&DMS) && known.contains(&FOLDER) && known.is_sorted(), "{}", ran.errors);
    shop.edit(&format!("config/destinations/{FOLDER}.toml"), "path =", "pth =");
    let ran = shop.run(&["probe", FOLDER]);
    assert_eq!(ran.code, 1);
    assert!(ran.errors.contains("unknown key `pth`"), "{}", ran.errors);
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_an_http_destination_is_tried_up_to_where_its_configuration_says() {
    let dms = Sink::answering(|_, request| match request.path.as_str() {
        "/session" => StatusCode::OK.into_response(),
        "/refusing" => StatusCode::UNAUTHORIZED.into_response(),
        path => panic!("{path} was touched"),
    });
    let dms = dms.await;
    let setup = Setup::new(dms.address);
    let file = format!("destinations/{DMS}.toml");
    let probe = || block_in_place(|| run(setup.command(), &["--json", "probe", DMS]));
    let ran = probe();
    let left_out = ["lookup ok", "connect ok", "tls not-tried", "answer not-tried", "credentials not-tried"];
    assert_eq!((ran.code, steps(&ran.json())), (0, left_out.map(str::to_owned).to_vec()), "{ran:?}");
    assert!(dms.requests().is_empty(), "the address of deliveries is not touched");

    let question =
        |path: &str| format!("[http.probe]\nurl = \"http://{}/{path}\"\n[http.answer]", dms.address);
    setup.edit(&file, "[http.answer]", &question("session"));
    let ran = probe();
    assert_eq!((ran.code, &steps(&ran.json())[3..]), (0, &["answer ok".into(), "credentials ok".into()][..]));
    setup.edit(&file, "/session", "/refusing");
    let ran = probe();
    assert_eq!(
        (ran.code, &steps(&ran.json())[3..]),
        (1, &["answer ok".into(), "credentials failed".into()][..])
    );
    let asked: Vec<_> = dms.requests().iter().map(|request| request.method.clone()).collect();
    assert_eq!(asked, ["GET", "GET"]);
    let secret = fs::read_to_string(setup.config().join("secrets/enaio.password")).expect("a secret");
    assert!(!ran.text.contains(secret.trim()), "h10: {}", ran.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_running_hub_tells_the_same_of_what_it_has_activated() {
    let dms = Sink::start().await;
    let setup = Setup::new(dms.address);
    let hub = block_in_place(|| setup.start());
    let probe = |of: &str, more: &[&str]| {
        let arguments: Vec<_> = ["--json", "probe", of].iter().chain(more).copied().collect();
        block_in_place(|| run(setup.command(), &arguments))
    };
    for of in [DMS, FOLDER] {
        let (alone, running) = (probe(of, &[]), probe(of, &["--running", "--url", &hub.api]));
        assert_eq!((alone.code, running.code), (0, 0), "{alone:?} {running:?}");
        assert_eq!(steps(&alone.json()), steps(&running.json()));
        assert_eq!(alone.json()["steps"][0], running.json()["steps"][0]);
    }
    assert!(is_empty(&setup.path("fachverfahren")) && dms.requests().is_empty());
    // A new destination can be tried before it is activated; the running hub does not know it yet.
    let file = fs::read_to_string(setup.config().join(format!("destinations/{FOLDER}.toml")));
    setup.write("destinations/neu.toml", &file.expect("a destination").replace(FOLDER, "neu"));
    assert_eq!(probe("neu", &[]).code, 0);
    let unknown = probe("neu", &["--url", &hub.api]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.errors.contains("404"), "{unknown:?}");
    assert!(hub_log_is_clean(&setup), "{}", setup.log());
}

/// Names and words only: no path of a destination, no address.
fn hub_log_is_clean(setup: &Setup) -> bool {
    let log = setup.log();
    log.contains("destination probed") && !log.contains("ERROR")
}
