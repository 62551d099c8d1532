//! `rohrpost init` and `rohrpost new`: what they write is in order, and what is there stays.

use super::{Ran, rohrpost};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

fn begun(title: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let ran = run(folder.path(), &["init", "--tenant", "musterstadt", "--title", title, "--area", "15091*"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Ran {
    rohrpost(folder, arguments)
}

fn assert_in_order(folder: &Path) {
    let ran = run(folder, &["check"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
}

#[test]
fn a_fresh_configuration_is_in_order_and_its_secrets_are_its_owners() {
    let long = "Stadt \"Über\" \\ mit einem Namen, der viel länger ist als ein Zertifikat ihn haben darf, und Umlauten";
    let folder = begun(long);
    assert_in_order(folder.path());
    for secret in ["hub.key", "portal.token", "operator.token", "siegel.key", "quittung.key", "ca.key"] {
        let file = fs::metadata(folder.path().join("config/secrets").join(secret)).expect(secret);
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "{secret}");
    }
    let ignored = fs::read_to_string(folder.path().join("config/.gitignore")).expect("a file");
    assert!(ignored.contains("/secrets/"));
}

#[test]
fn nothing_that_is_there_is_changed() {
    let folder = begun("Musterstadt");
    let seal = folder.path().join("config/seals/siegel.toml");
    fs::write(&seal, "# von Hand\n").expect("a file");
    fs::remove_file(folder.path().join("config/hub.toml")).expect("a file");
    let ran = run(folder.path(), &["init", "--tenant", "andere"]);
    assert!(ran.code == 1 && ran.errors.contains("config/seals/siegel.toml"), "{ran:?}");
    assert!(!folder.path().join("config/tenants/andere.toml").exists(), "nor is anything written");
    assert_eq!(fs::read_to_string(seal).expect("a file"), "# von Hand\n");
}

#[test]
fn new_items_are_in_order_for_every_adapter() {
    let folder = begun("Musterstadt");
    let unknown = run(folder.path(), &["new", "destination", "x", "--adapter", "brieftaube"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    let known = unknown.errors.trim_end().rsplit_once("known: ").expect("a list").1.to_owned();
    for adapter in known.split(", ") {
        let ran = run(folder.path(), &["new", "destination", adapter, "--adapter", adapter]);
        let written = format!("config/destinations/{adapter}.toml");
        assert_eq!((ran.code, ran.text.lines().next()), (0, Some(written.as_str())), "{ran:?}");
        for secret in ran.text.lines().skip(1) {
            let mode = fs::metadata(folder.path().join(secret)).expect("a secret").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{secret} is its owner's");
        }
        assert_in_order(folder.path());
    }
    let ran = run(folder.path(), &["new", "mapping", "anliegen"]);
    assert!(ran.code == 0 && ran.text.starts_with("mappings/anliegen/mapping.toml\n"), "{ran:?}");
    let route = |name: &str, more: &[&str]| {
        let begin = ["new", "route", name, "--service", "99128001000000"];
        run(folder.path(), &[&begin, more].concat())
    };
    let area = ["--destination", "folder", "--mapping", "anliegen", "--area", "15091*"];
    assert_eq!(route("eins", &area).code, 0);
    assert_eq!(route("zwei", &["--destination", "http", "--kind", "withdrawal"]).code, 0);
    assert_in_order(folder.path());
    let ran = run(folder.path(), &["test", "--accept", "eins"]);
    assert!(ran.code == 0 && ran.text.contains("eins/cases/01/expected/outcome.txt"), "{ran:?}");
    let outcome = fs::read_to_string(folder.path().join("config/routes/eins/cases/01/expected/outcome.txt"));
    assert!(outcome.expect("a file").contains("musterstadt"));
    assert_eq!(run(folder.path(), &["test"]).code, 0);
    let again = route("eins", &area);
    assert!(again.code == 1 && again.errors.contains("config/routes/eins.toml"), "{again:?}");
    let unknown = route("drei", &["--destination", "foldr"]);
    assert!(unknown.code == 2 && unknown.errors.contains("did you mean `folder`?"), "{unknown:?}");
}

#[test]
fn with_several_tenants_they_have_to_be_named() {
    let folder = begun("Musterstadt");
    let other = "name = \"dorf\"\ntitle = \"Dorf\"\nareas = [\"15092*\"]\n";
    fs::write(folder.path().join("config/tenants/dorf.toml"), other).expect("a tenant");
    let new = ["new", "destination", "amt", "--adapter", "folder"];
    let ran = run(folder.path(), &new);
    assert!(ran.code == 2 && ran.errors.contains("known: dorf, musterstadt"), "{ran:?}");
    let both = [&new[..], &["--tenant", "dorf", "--tenant", "musterstadt"]].concat();
    assert_eq!(run(folder.path(), &both).code, 0);
    assert_in_order(folder.path());
    let none = run(TempDir::new().expect("a folder").path(), &new);
    assert!(none.code == 1 && none.errors.contains("rohrpost init"), "{none:?}");
}
