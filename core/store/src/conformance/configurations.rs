//! Cases of configurations that were active.

use super::sample::*;
use super::{Ports, Stand};
use rohrpost_model::Digest;
use rohrpost_model::ports::{ActivationCause, ActivationWords, NewActivation, NewDelivery, StoreFault};
use rohrpost_model::version::ConfigurationText;

fn configuration(route: &str) -> ConfigurationText {
    let files = [("hub.toml", "demo = true\n"), ("routes/x.toml", route)];
    ConfigurationText {
        files: files.map(|(name, text)| (name.to_owned(), text.to_owned())).into(),
        mappings: [(name("xfall"), Digest::of(b"bundle"))].into(),
    }
}

/// What a delivery on the only step of this configuration pins.
fn pin(route: &str) -> Digest {
    Digest::of(format!("step of {route}").as_bytes())
}

impl Ports {
    async fn activate(&self, route: &str, seconds: i64) -> Result<(), StoreFault> {
        self.activate_with(route, route, seconds).await
    }

    /// Activates a configuration whose step is that of another.
    async fn activate_with(&self, route: &str, step: &str, seconds: i64) -> Result<(), StoreFault> {
        let key = self.vault.issue(&name("rohrpost"), at(0)).unwrap();
        let words = ActivationWords { why: PRIVATE[4].into(), person: Some("Frau Beispiel".into()) };
        let activation = NewActivation {
            text: configuration(route),
            steps: vec![("x/archiv".into(), pin(step))],
            cause: ActivationCause::Activated,
            who: "betrieb".into(),
            words: Some((words, key)),
            at: at(seconds),
        };
        self.configurations.keep_activation(activation).await
    }
}

/// Activates one configuration.
pub(crate) async fn keep_one(ports: &Ports) {
    ports.activate("a", 20).await.unwrap();
}

pub(crate) async fn h6_activations_are_kept_with_who_when_and_why(stand: &dyn Stand) {
    let ports = stand.open().await;
    assert!(ports.configurations.activations(None, 10).await.unwrap().is_empty());
    for (seconds, route) in (1..).zip(["a", "b", "a"]) {
        ports.activate(route, seconds).await.unwrap();
    }
    drop(ports);
    let ports = stand.open().await;
    let (one, other) = (configuration("a").version(), configuration("b").version());
    let first = ports.configurations.activations(None, 2).await.unwrap();
    let found: Vec<_> = first.iter().map(|(_, found)| (found.version, found.at)).collect();
    assert_eq!(found, [(one, at(3)), (other, at(2))], "the newest first");
    let rest = ports.configurations.activations(Some(first[1].0), 2).await.unwrap();
    assert_eq!(rest.iter().map(|(_, found)| found.at).collect::<Vec<_>>(), [at(1)]);
    let kept = &rest[0].1;
    assert_eq!((kept.who.as_str(), kept.cause, kept.kept), ("betrieb", ActivationCause::Activated, true));
    let words = kept.words.clone().unwrap();
    assert_eq!((words.why.as_str(), words.person.as_deref()), (PRIVATE[4], Some("Frau Beispiel")));
    let of_one = ports.configurations.activations_of(&one).await.unwrap();
    assert_eq!(of_one.iter().map(|found| found.at).collect::<Vec<_>>(), [at(3), at(1)]);
    assert_eq!(ports.configurations.configuration(&one).await.unwrap(), Some(configuration("a")));
    assert_eq!(ports.configurations.configuration(&Digest::of(b"x")).await.unwrap(), None);
    let digits = one.to_string();
    assert_eq!(ports.configurations.beginning_with(&digits[..16]).await.unwrap(), [one]);
    assert_eq!(ports.configurations.beginning_with("").await.unwrap().len(), 2);
}

pub(crate) async fn configurations_are_forgotten_but_never_one_that_a_delivery_pins(stand: &dyn Stand) {
    let ports = stand.open().await;
    for (seconds, route) in (1..).zip(["pinned", "ended", "forgotten", "kept", "active"]) {
        ports.activate(route, seconds).await.unwrap();
    }
    let pinning = |route| NewDelivery { pinned: Some(pin(route)), ..ordered() };
    ports.accept(&Draft::steps([pinning("ended")])).await;
    ports.send(10, rohrpost_model::transition::Event::Taken).await;
    ports.accept(&Draft::steps([pinning("pinned")])).await;
    assert_eq!(ports.configurations.forget_configurations(5).await.unwrap(), 0);
    assert_eq!(ports.configurations.forget_configurations(2).await.unwrap(), 1);
    assert_eq!(ports.configurations.forget_configurations(2).await.unwrap(), 0, "once is enough");
    for (route, there) in
        [("pinned", true), ("ended", true), ("forgotten", false), ("kept", true), ("active", true)]
    {
        let kept = ports.configurations.configuration(&configuration(route).version()).await.unwrap();
        assert_eq!(kept.is_some(), there, "{route}");
    }
    let all = ports.configurations.activations(None, 10).await.unwrap();
    let kept: Vec<_> = all.iter().map(|(_, found)| found.kept).collect();
    assert_eq!(kept, [true, true, false, true, true], "that it was active stays known");
    ports.activate("forgotten", 20).await.unwrap();
    let again = ports.configurations.configuration(&configuration("forgotten").version()).await.unwrap();
    assert_eq!(again, Some(configuration("forgotten")));
}

/// Many configurations have the same step. While a delivery on it is open, each of them is kept; afterwards the latest.
pub(crate) async fn of_configurations_with_one_step_the_latest_is_kept_for_what_ended(stand: &dyn Stand) {
    let ports = stand.open().await;
    let all = [("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b"), ("active", "c")];
    for (seconds, (route, step)) in (1..).zip(all) {
        ports.activate_with(route, step, seconds).await.unwrap();
    }
    let kept = async || {
        let mut kept = Vec::new();
        for (route, _) in all {
            let there = ports.configurations.configuration(&configuration(route).version()).await.unwrap();
            kept.extend(there.map(|_| route));
        }
        kept
    };
    let pinning = |step| NewDelivery { pinned: Some(pin(step)), ..ordered() };
    ports.accept(&Draft::steps([pinning("a")])).await;
    ports.send(10, rohrpost_model::transition::Event::Taken).await;
    ports.accept(&Draft::steps([pinning("b")])).await;
    assert_eq!(ports.configurations.forget_configurations(1).await.unwrap(), 1);
    assert_eq!(kept().await, ["a2", "b1", "b2", "active"]);
    ports.send(20, rohrpost_model::transition::Event::Taken).await;
    assert_eq!(ports.configurations.forget_configurations(1).await.unwrap(), 1);
    assert_eq!(kept().await, ["a2", "b2", "active"]);
}
