//! A delivery of several calls that is broken off between them goes on where it was (promise H5).

use super::rig::letters::letter;
use super::rig::watch::Doings;
use super::rig::{World, seconds, steady, step};
use async_trait::async_trait;
use rohrpost_model::destination::{Destination, OnUnknown};
use rohrpost_model::ports::{Inquiry, Parcel, Probe, Scope, Target};
use rohrpost_model::transition::Event;
use rohrpost_model::{DeliveryId, Failure, Outcome, ReasonCode, Receipt, State};
use std::sync::{Arc, Mutex};

/// What the registry calls its folder.
const FOLDER: &str = "AZ-4711";

/// Makes a folder, then a document in it. Both can be asked for.
struct Registry {
    doings: Arc<Doings>,
    hangs_at: Mutex<Option<&'static str>>,
    made: Mutex<Vec<&'static str>>,
    /// What each attempt and each inquiry was handed as its folder.
    handed: Mutex<Vec<Option<String>>>,
}

impl Registry {
    fn has(&self, what: &str) -> bool {
        self.made.lock().unwrap().contains(&what)
    }

    fn make(&self, what: &'static str) {
        self.made.lock().unwrap().push(what);
    }

    fn hand(&self, parcel: &Parcel<'_>) -> Option<String> {
        let folder = parcel.progress.get("folder");
        self.handed.lock().unwrap().push(folder.clone());
        folder
    }

    /// Hangs at one of the places, once.
    async fn pass(&self, place: &'static str) {
        let hangs = self.hangs_at.lock().unwrap().take_if(|at| *at == place).is_some();
        if hangs {
            let _waiting = self.doings.wait();
            std::future::pending().await
        }
    }
}

#[async_trait]
impl Target for Registry {
    async fn deliver(&self, parcel: &Parcel<'_>) -> Result<Outcome, Failure> {
        let folder = self.hand(parcel);
        self.pass("before the folder").await;
        if folder.is_none() {
            if !self.has("folder") {
                self.make("folder");
            }
            self.pass("folder made").await;
            parcel.progress.record("folder", FOLDER).await?;
        }
        self.pass("folder recorded").await;
        if !self.has("document") {
            self.make("document");
        }
        self.pass("document made").await;
        Ok(Outcome::Done(Receipt::default()))
    }

    async fn inquire(&self, parcel: &Parcel<'_>, _: Option<&str>) -> Result<Inquiry, Failure> {
        self.hand(parcel);
        let refused = parcel.progress.record("folder", "another one").await;
        assert!(matches!(refused, Err(Failure::Unknown(_))), "an inquiry only reads");
        let done = Inquiry::Found(Outcome::Done(Receipt::default()));
        Ok(if self.has("document") { done } else { Inquiry::Unfinished })
    }

    fn deduplicates(&self) -> bool {
        false
    }

    async fn probe(&self, _: &mut Probe) {}
}

/// A letter on its way to a registry that hangs at this place.
async fn hanging_at(place: &'static str) -> (World, Arc<Registry>, DeliveryId) {
    let mut world = World::at("2026-05-04T08:00+02");
    let registry = Arc::new(Registry {
        doings: Arc::clone(&world.doings),
        hangs_at: Mutex::new(Some(place)),
        made: Mutex::default(),
        handed: Mutex::default(),
    });
    let policy = Destination { unknown: OnUnknown::Park, timeout: seconds(10), ..steady("register") };
    world.connect(policy, Arc::clone(&registry) as _);
    world.route([step("schritt", "register")]);
    world.start().await;
    let delivery = world.post(letter("akte")).await;
    assert_eq!(world.state(delivery).await, State::Sending, "{place}");
    (world, registry, delivery)
}

/// Wo immer die Zustellung abbricht, durch einen Absturz oder weil die Zeit um ist: am Ende liegt ein Ordner und ein
/// Dokument da, ohne dass ein Mensch eingreift, und festgehalten ist, was getan war.
#[tokio::test]
async fn h5_wherever_it_is_broken_off_everything_is_made_once() {
    let places = ["before the folder", "folder made", "folder recorded", "document made"];
    for (place, crashes) in places.iter().flat_map(|place| [(*place, true), (*place, false)]) {
        let (mut world, registry, delivery) = hanging_at(place).await;
        if crashes {
            world.crash().await;
            world.start().await;
        }
        world.pass(seconds(20)).await;
        assert_eq!(world.state(delivery).await, State::Delivered, "{place}, {crashes}");
        assert_eq!(*registry.made.lock().unwrap(), ["folder", "document"], "{place}, {crashes}");
        let recorded = matches!(place, "folder recorded" | "document made").then(|| FOLDER.to_owned());
        assert_eq!(registry.handed.lock().unwrap()[1], recorded, "{place}: the inquiry is handed it");
        if place != "document made" {
            assert_eq!(registry.handed.lock().unwrap()[2], recorded, "{place}: so is the next attempt");
        }
        world.verify_history().await;
    }
}

/// Die Historie nennt den Zwischenschritt, nicht seinen Inhalt, und dass es dort weiterging.
#[tokio::test]
async fn h6_the_history_tells_what_was_done_on_the_way() {
    let (world, _, delivery) = hanging_at("folder recorded").await;
    world.pass(seconds(20)).await;
    let detail = world.engine().records().delivery(&Scope::Hub, delivery).await.unwrap().unwrap();
    let told: Vec<_> =
        detail.history.iter().map(|entry| (entry.event, entry.reason.as_ref().map(|why| why.code))).collect();
    assert!(told.contains(&(Some(Event::ProgressRecorded), Some(ReasonCode::ProgressRecorded))), "{told:?}");
    assert!(told.contains(&(Some(Event::NotTaken), Some(ReasonCode::Unfinished))), "{told:?}");
    assert!(!format!("{detail:?}").contains(FOLDER), "h10: what the registry calls it is content");
}
