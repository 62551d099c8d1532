//! What is in the file, and what is not.

use super::{FILE, Receiver, Workshop, handed_over, members};
use crate::support::peers;
use std::process::Command;

#[test]
fn the_file_holds_the_route_its_mappings_and_cases_and_says_what_it_needs() {
    let shop = handed_over();
    let members = members(&shop.file(FILE));
    for file in [
        "routes/brunnenbohrung.toml",
        "mappings/brunnenbohrung-xfall/transform.xsl",
        "mappings/brunnenbohrung-xfall/target.xsd",
        "mappings/brunnenbohrung-xfall/cases/01.out.xml",
        "mappings/brunnenbohrung-enaio/mapping.toml",
    ] {
        let from = if file.starts_with("routes") { format!("config/{file}") } else { file.to_owned() };
        assert_eq!(String::from_utf8_lossy(&members[file]), shop.read(&from), "{file}");
    }
    let manifest: serde_json::Value = serde_json::from_slice(&members["manifest.json"]).expect("JSON");
    let needs = &manifest["needs"];
    assert_eq!(needs["destinations"][0]["name"], "{tenant}-wasserbehoerde");
    assert_eq!(needs["destinations"][0]["adapters"][0], "folder");
    assert_eq!(needs["destinations"][0]["placeholders"][0], "tenant");
    assert_eq!(needs["seals"]["siegel"], "xml-dsig");
    assert_eq!(needs["areas"][0], "15091*");
    assert_eq!(manifest["files"].as_object().expect("files").len(), members.len() - 2);
}

#[test]
fn openssl_believes_the_signature_and_none_over_another_manifest() {
    let shop = handed_over();
    let members = members(&shop.file(FILE));
    shop.write("manifest.json", &members["manifest.json"]);
    shop.write("manifest.p7s", &members["manifest.p7s"]);
    let verify = || {
        let mut command = Command::new("openssl");
        command.args(["cms", "-verify", "-binary", "-inform", "DER", "-in", "manifest.p7s"]);
        command.args(["-content", "manifest.json", "-purpose", "any", "-out", "/dev/null"]);
        command.args(["-CAfile", "config/secrets/trust/demo-ca.pem"]);
        peers::run(command.current_dir(shop.path())).map(|ran| ran.status.success())
    };
    let Some(believed) = verify() else { return };
    assert!(believed);
    shop.write("manifest.json", [&members["manifest.json"][..], b" "].concat());
    assert_eq!(verify(), Some(false));
}

#[test]
fn the_same_content_gives_the_same_bytes() {
    let shop = handed_over();
    assert_eq!(shop.run(&["bundle", "export", "brunnenbohrung", "-o", "noch.zip"]).code, 0);
    let (mut first, mut second) = (members(&shop.file(FILE)), members(&shop.file("noch.zip")));
    for members in [&mut first, &mut second] {
        members.remove("manifest.p7s");
        let manifest = String::from_utf8(members["manifest.json"].clone()).expect("text");
        let timeless: Vec<_> = manifest.lines().filter(|line| !line.contains("\"created\"")).collect();
        members.insert("manifest.json".into(), timeless.join("\n").into_bytes());
    }
    assert_eq!(first, second);
    let mut archive =
        zip::ZipArchive::new(std::fs::File::open(shop.file(FILE)).expect("a file")).expect("ZIP");
    for index in 0..archive.len() {
        let entry = archive.by_index(index).expect("an entry");
        assert_eq!(entry.last_modified().map(|time| time.year()), Some(1980));
    }
}

#[test]
fn neither_a_secret_nor_an_address_leaves_the_hub() {
    let shop = Workshop::new();
    let enaio = "config/destinations/lk-beispiel-enaio.toml";
    shop.edit(enaio, "http://127.0.0.1:8482/", "https://dms.geheim-intern.example:8443/verborgen/");
    shop.edit(enaio, "user = \"rohrpost\"", "user = \"geheimer-benutzer\"");
    shop.write("config/secrets/enaio.password", "Geheim-Kennwort-4711\n");
    shop.edit(
        "config/destinations/lk-beispiel-wasserbehoerde.toml",
        "../demo-data/partner/fachverfahren",
        "/srv/geheimer-ordner/eingang",
    );
    let ran = shop.run(&["bundle", "export", "brunnenbohrung", "-o", FILE]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    let members = members(&shop.file(FILE));
    assert!(members.len() > 30);
    let mut kept = vec![
        "geheim-intern".to_owned(),
        "/verborgen/".into(),
        "geheimer-benutzer".into(),
        "Geheim-Kennwort-4711".into(),
        "geheimer-ordner".into(),
        "PRIVATE KEY".into(),
    ];
    for file in ["hub.key", "portal.token", "operator.token", "siegel.key", "quittung.key"] {
        let secret = shop.read(&format!("config/secrets/{file}"));
        kept.extend(secret.lines().filter(|line| line.len() > 8).map(str::to_owned));
    }
    for (name, content) in &members {
        let text = String::from_utf8_lossy(content);
        for secret in &kept {
            assert!(!text.contains(secret) && !name.contains(secret), "{name} holds {secret}");
        }
    }
    assert!(!members.keys().any(|name| name.contains("destinations") || name.contains("seals")));
}

#[test]
fn what_slipped_into_a_route_or_a_mapping_keeps_it_from_leaving() {
    let shop = Workshop::new();
    let password = shop.read("config/secrets/enaio.password");
    let key = shop.read("config/secrets/siegel.key");
    let route = "config/routes/brunnenbohrung.toml";
    let before = shop.read(route);
    let slips = [
        (format!("# früher: http://127.0.0.1:8482/osrest/api/documents/insert\n{before}"), "an address of"),
        (format!("# Rechner 127.0.0.1:8482\n{before}"), "an address of destinations/lk-beispiel-enaio.toml"),
        (format!("# {}\n{before}", password.trim()), "a secret of destinations/lk-beispiel-enaio.toml"),
    ];
    for (text, what) in slips {
        shop.write(route, text);
        let ran = shop.run(&["bundle", "export", "brunnenbohrung", "-o", FILE]);
        let told = format!("routes/brunnenbohrung.toml:0:0: holds {what}");
        assert!(ran.code == 1 && ran.errors.contains(&told), "{told}: {ran:?}");
        assert!(!ran.errors.contains(password.trim()), "nor is it shown");
        assert!(!shop.file(FILE).exists());
    }
    shop.write(route, before);
    shop.write("mappings/brunnenbohrung-xfall/cases/notiz.txt", key);
    let ran = shop.run(&["bundle", "export", "brunnenbohrung", "-o", FILE]);
    assert!(ran.errors.contains("cases/notiz.txt:0:0: holds a private key"), "{ran:?}");
}

#[test]
fn cases_of_a_route_go_with_it_and_what_was_sent_in_them_stays() {
    let shop = Workshop::new();
    let below = "routes/brunnenbohrung/cases/01-garten";
    let names = ["case.toml", "data.xml", "expected/outcome.txt", "expected/dms.document.json"];
    let aside = ["expected/dms.request.txt", ".case.toml.swp", "data.xml~"];
    for name in names.iter().chain(&aside) {
        shop.write(&format!("config/{below}/{name}"), format!("# {name}\n"));
    }
    assert_eq!(shop.run(&["bundle", "export", "brunnenbohrung", "-o", FILE]).code, 0);
    let exported = members(&shop.file(FILE));
    let cases: Vec<_> =
        exported.keys().filter_map(|path| path.strip_prefix(below)?.strip_prefix('/')).collect();
    let mut expected = names.to_vec();
    expected.sort_unstable();
    assert_eq!(cases, expected);
    let hub = Receiver::ready(&shop);
    assert_eq!(hub.import(&["--apply", "--rename", "brunnenbohrung=brunnen"]).code, 0);
    let there = hub.read("config/routes/brunnen/cases/01-garten/expected/outcome.txt");
    assert_eq!(there, "# expected/outcome.txt\n");
}

#[test]
fn what_is_not_there_cannot_be_handed_over() {
    let shop = Workshop::new();
    for (arguments, told) in [
        (vec!["brunnenbohrng"], "did you mean `brunnenbohrung`?"),
        (vec!["brunnenbohrung", "--seal", "siegl"], "did you mean `siegel`?"),
    ] {
        let ran = shop.run(&[&["bundle", "export", "-o", FILE], &arguments[..]].concat());
        assert!(ran.code == 2 && ran.errors.contains(told), "{ran:?}");
    }
    let ran = shop.run(&["bundle", "export", "brunnenbohrung", "--seal", "quittung", "-o", FILE]);
    assert_eq!(ran.code, 0, "the key of any seal may sign: {ran:?}");
    shop.edit("config/routes/brunnenbohrung.toml", "siegel\"", "fehlt\"");
    assert_eq!(
        shop.run(&["bundle", "export", "brunnenbohrung", "-o", FILE]).code,
        1,
        "only what passes check"
    );
}
