//! What a destination's table may say.

use super::*;

fn told(text: &str) -> String {
    let faults = configure(text).err().expect("a fault");
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

#[test]
fn the_example_is_in_order() {
    configure(XtaDestination.example()).unwrap();
}

#[test]
fn every_fault_is_told_at_its_place() {
    let settings = SETTINGS.replace("{address}", "127.0.0.1:1");
    let faults = told(
        &(settings.replace("http://127.0.0.1:1/send", "http://xta.example.org/send")
            + "sender = \"a:b\"\nmtom = 1\n"),
    );
    assert!(faults.contains("expected a boolean"), "{faults}");
    let faults = told(
        &(settings.replace("http://127.0.0.1:1/send", "http://xta.example.org/send") + "sender = \"a:b\"\n"),
    );
    for expected in ["plain http is only for this machine", "this cannot stand in a message id"] {
        assert!(faults.contains(expected), "{expected} in {faults}");
    }
    let without: String = settings
        .lines()
        .filter(|line| !line.starts_with("management"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(told(&without).contains("`management` is missing"));
    configure(&(without + "final = \"answer\"\n")).unwrap();
    let faults = told(&settings.replace("{case}", "{name}"));
    assert!(faults.contains("unknown placeholder {name}"), "{faults}");
    let faults = told(&settings.replace("127.0.0.1:1/send", "hub:geheim@127.0.0.1:1/send"));
    assert!(
        faults.contains("credentials do not stand in the address") && !faults.contains("geheim"),
        "{faults}"
    );
}
