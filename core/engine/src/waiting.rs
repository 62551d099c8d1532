//! Why a delivery has not left yet: what the operator reads beside each that waits.

use crate::Engine;
use crate::catalog::Connected;
use rohrpost_model::ports::{Pause, PauseMode, Place};
use rohrpost_model::{Delivery, DestinationName, Reason, ReasonCode, State, Timestamp};

/// A destination as it stands now.
#[derive(Clone, Debug)]
pub struct DestinationStatus {
    /// Its name.
    pub name: DestinationName,
    /// The person's order that holds it back.
    pub pause: Option<Pause>,
    /// What else keeps more from beginning now.
    pub hold: Option<Reason>,
    /// Conversations under way.
    pub under_way: usize,
    /// How many there may be.
    pub concurrency: u16,
}

impl Engine {
    /// Why a delivery waits, where that is more than the reason it carries: a person, its place in its case, its time, or
    /// its destination. `None` for one that is being worked on, has ended, or waits for a person.
    pub fn waits_for(&self, delivery: &Delivery) -> Option<Reason> {
        let asked = matches!(delivery.state, State::Unknown | State::Awaiting);
        if !asked && !matches!(delivery.state, State::Due | State::Blocked) {
            return None;
        }
        if let Some(who) = &delivery.paused_by {
            return Some(Reason::new(ReasonCode::PausedDelivery).with("who", who));
        }
        if delivery.state == State::Blocked {
            return None;
        }
        if let Some(earlier) = delivery.behind {
            return Some(Reason::new(ReasonCode::BehindEarlier).with("delivery", earlier));
        }
        self.at_destination(delivery, asked)
    }

    fn at_destination(&self, delivery: &Delivery, asked: bool) -> Option<Reason> {
        let now = self.ports.clock.now();
        if let Some(pause) = self.lanes.pause(&delivery.destination)
            && !(asked && pause.mode == PauseMode::Draining)
        {
            return Some(paused(&pause));
        }
        if let Some(at) = delivery.due_at.filter(|at| *at > now) {
            // Its own reason says why, and when it is asked again.
            return (!asked).then(|| Reason::new(ReasonCode::RetryAt).with("at", seconds(at)));
        }
        let catalog = self.catalog();
        let connected = catalog.destinations.get(delivery.destination.as_ref()?)?;
        let hold = self.hold(&delivery.destination, connected, now);
        hold.or_else(|| Some(Reason::new(ReasonCode::WaitsItsTurn)))
    }

    fn hold(&self, place: &Place, connected: &Connected, now: Timestamp) -> Option<Reason> {
        let (hold, _) = self.lanes.show(place, &connected.destination, now);
        hold.map(|hold| hold.reason(&connected.destination.name))
    }

    /// How every configured destination stands, by name.
    pub fn destinations(&self) -> Vec<DestinationStatus> {
        let (catalog, now) = (self.catalog(), self.ports.clock.now());
        let status = |(name, connected): (&DestinationName, &Connected)| {
            let place = Some(name.clone());
            let (hold, under_way) = self.lanes.show(&place, &connected.destination, now);
            DestinationStatus {
                name: name.clone(),
                pause: self.lanes.pause(&place),
                hold: hold.map(|hold| hold.reason(name)),
                under_way,
                concurrency: connected.destination.concurrency,
            }
        };
        catalog.destinations.iter().map(status).collect()
    }
}

fn paused(pause: &Pause) -> Reason {
    let code = match pause.mode {
        PauseMode::Paused => ReasonCode::PausedByPerson,
        PauseMode::Draining => ReasonCode::Draining,
    };
    Reason::new(code).with("who", &pause.who).with("since", seconds(pause.since))
}

/// A time as a sentence tells it: to the second.
fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
