//! What may be configured.

use super::{SETTINGS, StepClock, configured};
use crate::Enaio;
use rohrpost_kit::Adapter;
use std::sync::Arc;

/// The faults of the settings with one text replaced.
fn faults(of: &str, with: &str) -> Vec<String> {
    let text = SETTINGS.replace("{interface}", "dms").replace("{login}", "basic");
    assert!(text.contains(of), "{of}");
    let text = text.replacen(of, with, 1).replace("{url}", "https://enaio.example.org");
    match configured(&text, Arc::default(), Arc::new(StepClock::default())) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn it_is_in_order_as_it_stands_and_as_an_example() {
    assert!(faults("Titel", "Titel").is_empty());
    let example = Enaio.example().replace("{{name}}", "lk-beispiel-dms");
    assert!(configured(&example, Arc::default(), Arc::new(StepClock::default())).is_ok());
}

#[test]
fn faults_stand_at_their_place_and_say_what_would_be_right() {
    for (of, with, place, told) in [
        ("\"{url}\"", "\"enaio\"", "3:7", "this is no address"),
        ("\"{url}\"", "\"http://u:p@localhost\"", "3:7", "credentials do not stand in the address"),
        ("\"dms\"", "\"cmis\"", "4:13", "cmis"),
        ("\"hub\"", "\"a:b\"", "5:27", "no colon"),
        ("\"password\"", "\"anderswo\"", "5:45", "the file is not there"),
        ("\"Typ_Akte\"", "\"Typ Akte\"", "10:8", "this is no name of a type or field"),
        ("\"Kennung\"", "\"Kennung=1\"", "11:13", "this is no name of a type or field"),
        ("\"{case}\"", "\"{vorgang}\"", "16:7", "unknown placeholder {vorgang}"),
        ("{attachment-name}", "{attachment}", "25:22", "unknown placeholder"),
        ("file-name", "dateiname", "20:1", "dateiname"),
    ] {
        let faults = faults(of, with);
        let [fault] = &faults[..] else { panic!("{with}: {faults:?}") };
        assert!(fault.starts_with(&format!("destinations/a.toml:{place}: ")), "{with}: {fault}");
        assert!(fault.contains(told), "{with}: {fault}");
        assert!(!fault.contains("u:p"), "h10: {fault}");
    }
}
