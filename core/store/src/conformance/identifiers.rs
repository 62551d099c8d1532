//! Cases of what others call a case, and of the search for it.

use super::sample::*;
use super::{Ports, Stand};
use rohrpost_model::foreign::{KnownAs, Sought};
use rohrpost_model::ports::Scope;
use rohrpost_model::transition::Event;

impl Ports {
    /// What others call a case, as `giver system value`.
    pub(crate) async fn case_known_as(&self, case: &str) -> Vec<String> {
        self.known_as(&Scope::Hub, case).await
    }

    async fn known_as(&self, scope: &Scope, case: &str) -> Vec<String> {
        let views = self.records.case(scope, &name(case)).await.unwrap();
        let known = views.into_iter().flat_map(|view| view.foreign);
        let shown = |known: KnownAs| format!("{:?} {} {}", known.from, known.system, known.id.as_str());
        known.map(|known| shown(known).replacen("Receipt", "receipt", 1)).collect()
    }

    /// The cases of these tenants that are found.
    async fn found(&self, tenants: &[&str], sought: Sought) -> Vec<String> {
        let tenants = tenants.iter().map(|tenant| name(tenant)).collect();
        let hits = self.records.search(&tenants, &sought, 100).await.unwrap();
        hits.into_iter().map(|hit| format!("{} {}", hit.tenant, hit.case)).collect()
    }
}

fn id(value: &str) -> Sought {
    Sought::ForeignId(value.to_owned(), None)
}

pub(crate) async fn what_a_target_calls_a_case_is_learned_with_its_receipt(stand: &dyn Stand) {
    let ports = stand.open().await;
    let draft = Draft { foreign: vec!["Antrag 4711"], attachments: vec![vec![1]], ..Draft::default() };
    ports.accept(&draft).await;
    assert_eq!(ports.case_known_as("fall-1").await, ["Sender portal Antrag 4711"]);
    ports.send(0, Event::NotTaken).await;
    assert!(ports.found(&["lk-beispiel"], id(PRIVATE[3])).await.is_empty());
    ports.send(900, Event::Taken).await;
    drop(ports);

    let ports = stand.open().await;
    let known = ["Sender portal Antrag 4711", "receipt ziel AZ-2026-4711-MUSTERMANN"];
    assert_eq!(ports.case_known_as("fall-1").await, known, "after a reopening");
    let ours = ["lk-beispiel fall-1"];
    let of = &["lk-beispiel"];
    assert_eq!(ports.found(of, id("antrag  4711")).await, ours, "as people write it");
    assert_eq!(ports.found(of, id(PRIVATE[3])).await, ours);
    assert_eq!(ports.found(of, Sought::Receipt(PRIVATE[3].into())).await, ours);
    assert_eq!(ports.found(of, Sought::FileName(PRIVATE[1].into())).await, ours);
    assert!(ports.found(of, Sought::Receipt("Antrag 4711".into())).await.is_empty(), "no receipt said so");
    assert!(ports.found(of, id(PRIVATE[1])).await.is_empty(), "a file's name is no identifier");
    let by = |system: &str| Sought::ForeignId("Antrag 4711".into(), Some(system.into()));
    assert_eq!(ports.found(of, by("portal")).await, ours);
    assert!(ports.found(of, by("ziel")).await.is_empty(), "another gave it");
}

pub(crate) async fn h7_a_search_finds_nothing_of_another_tenant(stand: &dyn Stand) {
    let ports = stand.open().await;
    for (tenant, case) in [("lk-beispiel", "fall-1"), ("stadt-beispiel", "fall-2")] {
        let foreign = vec!["AZ 1"];
        ports.accept(&Draft { tenant, foreign, ..Draft::case(case) }).await;
    }
    assert_eq!(ports.found(&["lk-beispiel"], id("AZ 1")).await, ["lk-beispiel fall-1"]);
    assert_eq!(ports.found(&["stadt-beispiel"], id("AZ 1")).await, ["stadt-beispiel fall-2"]);
    assert_eq!(ports.found(&["lk-beispiel", "stadt-beispiel"], id("AZ 1")).await.len(), 2);
    assert!(ports.found(&[], id("AZ 1")).await.is_empty());
    let other = scope(&["stadt-beispiel"], Some("anderes-portal"));
    assert!(ports.known_as(&other, "fall-1").await.is_empty());
}
