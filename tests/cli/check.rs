//! `rohrpost check` on the shipped configuration, and the secrets that it makes for itself.

use super::{Workshop, rohrpost};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn the_shipped_configuration_has_no_fault_and_is_told_in_a_table() {
    let ran = Workshop::without_secrets().run(&["check"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
    let row = ran.text.lines().find(|line| line.contains("fachverfahren")).expect("a row of the table");
    let cells: Vec<_> = row.split_whitespace().collect();
    let expected = [
        "brunnenbohrung",
        "lk-beispiel",
        "live",
        "fachverfahren",
        "lk-beispiel-wasserbehoerde",
        "-",
        "folder",
        "brunnenbohrung-xfall",
        "siegel",
    ];
    assert_eq!(cells, expected);
}

#[test]
fn the_summary_for_machines() {
    let summary = Workshop::new().run(&["check", "--json"]).json();
    assert_eq!(summary["faults"], serde_json::json!([]));
    assert_eq!(summary["deliveries"][1]["destination"], "lk-beispiel-enaio");
    assert_eq!(summary["deliveries"][1]["seal"], serde_json::Value::Null);
    assert_eq!(summary["clients"], serde_json::json!(["operator", "portal", "strassenamt"]));
}

#[test]
fn the_demo_makes_its_secrets_once_and_for_its_owner_only() {
    let shop = Workshop::without_secrets();
    assert!(!shop.file("config/secrets").exists());
    assert_eq!(shop.run(&["check"]).code, 0);
    let names = [
        "hub.key",
        "portal.token",
        "operator.token",
        "enaio.password",
        "siegel.key",
        "quittung.key",
        "ca.key",
    ];
    let read = || names.map(|name| shop.read(&format!("config/secrets/{name}")));
    let first = read();
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), names.len(), "each is another one");
    for name in names {
        let mode =
            fs::metadata(shop.file(&format!("config/secrets/{name}"))).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(shop.run(&["check"]).code, 0);
    assert!(read() == first, "what is there stays as it is");
    let left = fs::read_dir(shop.file("config/secrets")).expect("secrets").flatten();
    assert!(left.into_iter().all(|entry| !entry.file_name().to_string_lossy().ends_with(".tmp")));
}

#[test]
fn only_what_is_missing_is_made_again() {
    let shop = Workshop::new();
    let (token, ca) =
        (shop.read("config/secrets/portal.token"), shop.read("config/secrets/trust/demo-ca.pem"));
    fs::remove_file(shop.file("config/secrets/portal.token")).expect("removed");
    fs::remove_file(shop.file("config/secrets/siegel.pem")).expect("removed");
    let before = shop.read("config/secrets/quittung.key");
    assert_eq!(shop.run(&["check"]).code, 0);
    assert_ne!(shop.read("config/secrets/portal.token"), token);
    assert_eq!(shop.read("config/secrets/quittung.key"), before);
    assert_eq!(shop.read("config/secrets/trust/demo-ca.pem"), ca);
}

#[test]
fn a_configuration_that_is_not_the_demo_makes_no_secrets() {
    let shop = Workshop::without_secrets();
    shop.edit("config/hub.toml", "demo = true ", "demo = false");
    let ran = shop.run(&["check"]);
    assert!(ran.errors.contains("hub.toml:8:11: secrets/hub.key: there is no such file"), "{}", ran.errors);
    assert_eq!(ran.code, 1);
    assert!(!shop.file("config/secrets").exists());
}

#[test]
fn wrong_use_ends_with_2() {
    let shop = Workshop::new();
    for arguments in [
        &["chekc"][..],
        &["check", "--colour"],
        &["map", "only-one-argument"],
        &["send", "x.xml", "--service", "123", "--area", "15"],
        &["queue", "retry", "no-id", "--reason", "x"],
        &["sign", "--seal", "no-such-seal", "config/hub.toml"],
    ] {
        assert_eq!(shop.run(arguments).code, 2, "{arguments:?}");
    }
    assert_eq!(shop.run(&["--help"]).code, 0);
    assert_eq!(shop.run(&["--version"]).code, 0);
}

#[test]
fn another_folder_is_named_with_config() {
    let shop = Workshop::new();
    let root = std::env::temp_dir();
    let folder = shop.file("config").display().to_string();
    assert_eq!(rohrpost(&root, &["check", "--config", &folder]).code, 0);
    assert_eq!(rohrpost(&root, &["check", "--config", "no-such-folder"]).code, 1);
}
