//! What may be configured.

use super::{SETTINGS, configured};
use crate::Girocheckout;
use rohrpost_kit::Adapter;
use rohrpost_kit::conformance::FixedClock;
use std::sync::Arc;

/// The faults of the settings with one text replaced.
fn faults(of: &str, with: &str) -> Vec<String> {
    let text = SETTINGS.replace("{url}", "https://payment.example.org");
    assert!(text.contains(of), "{of}");
    match configured(&text.replacen(of, with, 1), Arc::new(FixedClock::default())) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn it_is_in_order_as_it_stands_and_as_an_example() {
    assert!(faults("SN 4711", "SN 4711").is_empty());
    let example = Girocheckout.example().replace("{{name}}", "bezahlung");
    assert!(configured(&example, Arc::new(FixedClock::default())).is_ok());
}

#[test]
fn faults_stand_at_their_place_and_say_what_would_be_right() {
    for (of, with, place, told) in [
        ("https://payment.example.org", "payment", "3:7", "this is no address"),
        ("\"1234567\"", "\"M-1\"", "4:12", "this is a number"),
        ("\"123456\"", "\"\"", "5:11", "this is a number"),
        ("\"password\"", "\"anderswo\"", "6:12", "the file is not there"),
        ("/v1/notifications/bezahlung", "/notify", "7:14", "do not come in there"),
        ("https://portal", "ftp://portal", "12:14", "begins with https://"),
    ] {
        let faults = faults(of, with);
        let told_so = faults.iter().any(|fault| {
            fault.starts_with(&format!("destinations/a.toml:{place}: ")) && fault.contains(told)
        });
        assert!(told_so, "{with}: {faults:?}");
    }
}
