use super::{FixedSecrets, StepClock, configured};
use crate::Ipp;
use crate::settings::configure;
use rohrpost_kit::{Adapter as _, AdapterSource};
use std::path::Path;
use std::sync::Arc;

fn faults(lines: &str) -> String {
    match configured(&format!("[ipp]\n{lines}\n"), Arc::new(StepClock::default())) {
        Ok(_) => "none".into(),
        Err(faults) => faults.iter().map(|fault| format!("{fault:?}\n")).collect(),
    }
}

const PRINTER: &str = "printer = \"ipps://drucker.example.org/ipp/print\"\n";

#[test]
fn the_example_is_in_order() {
    let example = Ipp.example().replace("{{name}}", "drucker");
    assert!(configured(&example, Arc::new(StepClock::default())).is_ok());
}

#[test]
fn an_address_is_one_of_a_printer() {
    for printer in
        ["ipps://drucker.example.org/ipp/print", "ipp://127.0.0.1:8631/ipp/print", "ipp://localhost/x"]
    {
        assert_eq!(faults(&format!("printer = \"{printer}\"")), "none", "{printer}");
    }
    for (printer, told) in [
        ("https://drucker.example.org/ipp/print", "no address of a printer"),
        ("drucker", "no address of a printer"),
        ("ipp://drucker.example.org/ipp/print", "plain http is only for this machine"),
        ("ipps://hub:geheim@drucker.example.org/ipp/print", "credentials do not stand in the address"),
    ] {
        let faults = faults(&format!("printer = \"{printer}\""));
        assert!(faults.contains(told), "{printer}: {faults}");
    }
}

#[test]
fn a_printer_listens_at_631_unless_its_address_says_otherwise() {
    let url = |printer: &str| {
        let text = format!("[ipp]\nprinter = \"{printer}\"\n");
        let (secrets, clock) = (FixedSecrets, Arc::new(StepClock::default()));
        let source = AdapterSource {
            file: "a.toml",
            text: &text,
            folder: Path::new("/nowhere"),
            secrets: &secrets,
            clock,
        };
        configure(&source, "ipp").ok().unwrap().printer.url.to_string()
    };
    assert_eq!(url("ipps://drucker.example.org/ipp/print"), "https://drucker.example.org:631/ipp/print");
    assert_eq!(url("ipps://drucker.example.org:443/ipp/print"), "https://drucker.example.org/ipp/print");
    assert_eq!(url("ipp://localhost/ipp/print"), "http://localhost:631/ipp/print");
    assert_eq!(url("ipp://localhost:80/ipp/print"), "http://localhost/ipp/print");
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let lines = format!(
        "{PRINTER}user = \"\"\ncopies = 0\nmedia = \"A 4\"\ntray = \"unten\"\nhistory = \"1m\"\nauth = {{ basic = {{ user = \"a:b\", \
         password = {{ file = \"password\" }} }} }}\n"
    );
    let faults = faults(&lines);
    for told in [
        "a user's name is one line",
        "copies are from 1 to 100",
        "this is no value of media",
        "media and tray exclude each other",
        "it is not longer than longest-call",
        "a user's name has no colon",
    ] {
        assert!(faults.contains(told), "{told}: {faults}");
    }
}
