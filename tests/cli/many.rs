//! `check` on a configuration of 200 files with a fault in each.

use super::Workshop;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Kinds of faults: the folder, the text of an item called NAME, and where its fault stands.
const FAULTS: [(&str, &str, (u32, u32)); 20] = [
    ("tenants", "name = \"NAME\"\ntitle = \"T\"\nareas = [\"xx\"]\n", (3, 10)),
    ("tenants", "name = \"NAME\"\ntitle = 7\nareas = [\"010AREA\"]\n", (2, 9)),
    ("tenants", "name = \"NAME\"\nareas = [\"010AREA\"]\n", (1, 1)),
    ("tenants", "name = \"NAME\"\ntitle = \"T\"\nareas = [\"010AREA\"]\ncolour = \"red\"\n", (4, 1)),
    ("tenants", "name = \"anders-NAME\"\ntitle = \"T\"\nareas = [\"010AREA\"]\n", (1, 8)),
    ("tenants", "name = \"NAME\"\ntitle = \"T\"\nareas = []\n", (3, 9)),
    ("routes", "name = \"NAME\"\ntenants = [\"gibt-es-nicht\"]\nMATCHSTEP", (2, 12)),
    (
        "routes",
        "name = \"NAME\"\ntenants = [\"lk-beispiel\"]\nMATCHSTEPmapping = \"gibt-es-nicht\"\n",
        (9, 11),
    ),
    ("routes", "name = \"NAME\"\ntenants = [\"lk-beispiel\"]\nMATCHSTEPseal = \"gibt-es-nicht\"\n", (9, 8)),
    ("routes", "name = \"NAME\"\ntenants = [\"lk-beispiel\"]\nMATCHSTEPordered = \"ja\"\n", (9, 11)),
    ("routes", "name = \"NAME\"\ntenants = [\"lk-beispiel\"]\nMATCHSTEPafter = [\"fehlt\"]\n", (9, 10)),
    ("routes", "name = \"NAME\"\ntenants = [\"lk-beispiel\"]\nMATCHSTEPmappping = \"x\"\n", (9, 1)),
    ("routes", "name = \"NAME\"\ntenants = \"lk-beispiel\n", (2, 23)),
    ("destinations", "name = \"NAME\"\ntenants = [\"lk-beispiel\"]\nadapter = \"fax\"\n", (3, 11)),
    (
        "destinations",
        "name = \"NAME\"\ntenants = [\"lk-beispiel\"]\nadapter = \"folder\"\nconcurrency = 0\n[folder]\npath = \"x\"\n",
        (4, 15),
    ),
    (
        "destinations",
        "name = \"NAME\"\ntenants = [\"fremd\"]\nadapter = \"folder\"\n[folder]\npath = \"x\"\n",
        (2, 12),
    ),
    ("seals", "name = \"NAME\"\nform = \"wachs\"\nkey = { file = \"secrets/siegel.key\" }\n", (2, 8)),
    (
        "seals",
        "name = \"NAME\"\nform = \"cms\"\nkey = { file = \"secrets/fehlt.key\" }\ncertificate = \"secrets/siegel.pem\"\n",
        (3, 7),
    ),
    (
        "seals",
        "name = \"NAME\"\nform = \"cms\"\nkey = \"geheim\"\ncertificate = \"secrets/siegel.pem\"\n",
        (3, 7),
    ),
    (
        "seals",
        "name = \"NAME\"\nform = \"cms\"\nkey = { file = \"secrets/siegel.key\" }\ncertificate = \"secrets/fehlt.pem\"\n",
        (4, 15),
    ),
];

const MATCH: &str = "[match]\nservice = \"SERVICE\"\n[[step]]\nname = \"archiv\"\ndestination = \"lk-beispiel-wasserbehoerde\"\n\n";

/// Two seconds is the bound for a release build. A debug build is many times slower at compiling the library's mappings;
/// other tests run beside this one.
const BOUND: Duration = if cfg!(debug_assertions) { Duration::from_secs(10) } else { Duration::from_secs(2) };

#[test]
#[allow(clippy::disallowed_methods)] // how long it takes is measured by the test
fn every_fault_of_200_files_is_told_with_its_place_at_once() {
    let shop = Workshop::new();
    let mut expected = BTreeSet::new();
    for number in 0..200_usize {
        let (folder, text, (line, column)) = FAULTS[number % FAULTS.len()];
        let name = format!("fehler-{number:03}");
        let text = text
            .replace("MATCHSTEP", MATCH)
            .replace("SERVICE", &format!("99{:012}", 500 + number))
            .replace("010AREA", &format!("010{:02}", number % 100))
            .replace("NAME", &name);
        shop.write(&format!("config/{folder}/{name}.toml"), text);
        expected.insert(format!("{folder}/{name}.toml:{line}:{column}"));
    }
    let begun = Instant::now();
    let ran = shop.run(&["check"]);
    let took = begun.elapsed();
    assert_eq!(ran.code, 1);
    let place = |line: &str| line.split(": ").next().unwrap_or_default().to_owned();
    let told: BTreeSet<_> = ran.errors.lines().map(place).collect();
    let mut wrong = String::new();
    for missing in expected.difference(&told) {
        let _ = writeln!(wrong, "not told: {missing}");
    }
    assert!(wrong.is_empty(), "{wrong}\ntold:\n{}", ran.errors);
    assert!(!ran.errors.contains("geheim"), "what may be a secret is not quoted");
    assert!(took < BOUND, "it took {took:?}");
}
