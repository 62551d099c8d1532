//! What may be configured.

use super::{BASIC, FEE, StepClock, configured, settings};
use crate::Xbezahldienste;
use rohrpost_kit::Adapter;
use std::sync::Arc;

/// The faults of the settings with one text replaced.
fn faults(of: &str, with: &str) -> Vec<String> {
    let text = settings("https://bezahlen.example.org", BASIC, FEE);
    assert!(text.contains(of), "{of}");
    match configured(&text.replacen(of, with, 1), Arc::new(StepClock::default())) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn it_is_in_order_as_it_stands_and_as_an_example() {
    assert!(faults("SN 4711", "SN 4711").is_empty());
    let example = Xbezahldienste.example().replace("{{name}}", "lk-beispiel-bezahlung");
    assert!(configured(&example, Arc::new(StepClock::default())).is_ok());
}

#[test]
fn faults_stand_at_their_place_and_say_what_would_be_right() {
    for (of, with, place, told) in [
        ("https://bezahlen.example.org", "bezahlen", "3:7", "this is no address"),
        ("\"sondernutzung\"", "\"a b\"", "4:14", "an id has 1 to 36"),
        ("\"15091\"", "\"\"", "5:13", "an id has 1 to 36"),
        ("\"hub\"", "\"a:b\"", "6:27", "no colon"),
        ("\"password\"", "\"anderswo\"", "6:45", "the file is not there"),
        ("4250", "0", "8:16", "an amount is 1 to 99999900 cents"),
        ("SN 4711", "Gebühr für die Sondernutzung 12", "9:11", "at most 27"),
        ("SN 4711", "{vorgang}", "9:11", "unknown placeholder {vorgang}"),
        ("https://portal", "http://portal", "11:14", "begins with https://"),
        ("/v1/notifications/bezahlung", "/", "16:7", "do not come in there"),
        ("\"return-key\"", "\"short\"", "17:7", "fewer than 32"),
        ("client = \"amt\"", "klient = \"amt\"", "14:1", "klient"),
    ] {
        let faults = faults(of, with);
        let told_so = faults.iter().any(|fault| {
            fault.starts_with(&format!("destinations/a.toml:{place}: ")) && fault.contains(told)
        });
        assert!(told_so, "{with}: {faults:?}");
    }
}
