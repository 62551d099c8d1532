//! Why a delivery has not left yet: what the operator reads beside each that waits.

use crate::Engine;
use crate::catalog::Connected;
use rohrpost_model::ports::{Pause, PauseMode, Place};
use rohrpost_model::{Delivery, DestinationName, Reason, ReasonCode, State, StepName, Timestamp};

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
            return delivery.reason.is_none().then(|| for_steps(delivery));
        }
        if let Some(earlier) = delivery.behind {
            return Some(Reason::new(ReasonCode::BehindEarlier).with("delivery", earlier));
        }
        self.at_destination(delivery, asked)
    }

    fn at_destination(&self, delivery: &Delivery, asked: bool) -> Option<Reason> {
        let now = self.ports.clock.now();
        if delivery.state == State::Awaiting && self.is_mailbox(&delivery.destination) {
            let code = delivery.fetched_at.map_or(ReasonCode::InMailbox, |_| ReasonCode::FetchedByReader);
            return Some(Reason::new(code));
        }
        if let Some(pause) = self.lanes.pause(&delivery.destination)
            && !(asked && pause.mode == PauseMode::Draining)
        {
            return Some(paused(&pause));
        }
        if let Some(at) = delivery.due_at.filter(|at| *at > now) {
            // Where the target is asked, its own reason says why, and `due_at` says when.
            let told = asked && delivery.reason.is_some();
            return (!told).then(|| Reason::new(ReasonCode::RetryAt).with("at", seconds(at)));
        }
        let turn = || Reason::new(ReasonCode::WaitsItsTurn);
        let Some(name) = &delivery.destination else { return Some(turn()) };
        let catalog = self.catalog();
        let Some(connected) = catalog.destinations.get(name) else {
            return Some(Reason::new(ReasonCode::NoDestination).with("destination", name));
        };
        Some(self.hold(&delivery.destination, connected, now).unwrap_or_else(turn))
    }

    fn is_mailbox(&self, place: &Place) -> bool {
        let catalog = self.catalog();
        let connected = place.as_ref().and_then(|name| catalog.destinations.get(name));
        connected.is_some_and(|connected| connected.target.readers().is_some())
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

/// Whether this is never the reason that a delivery carries, but only why it waits at a moment: no list can be asked for it.
pub const fn is_of_the_moment(code: ReasonCode) -> bool {
    use ReasonCode as C;
    matches!(
        code,
        C::PausedByPerson
            | C::Draining
            | C::PausedDelivery
            | C::BreakerOpen
            | C::Probing
            | C::AskedToRest
            | C::OutsideHours
            | C::Maintenance
            | C::Holiday
            | C::RateLimit
            | C::Ramp
            | C::WaitsItsTurn
            | C::BehindEarlier
            | C::RetryAt
    )
}

fn for_steps(delivery: &Delivery) -> Reason {
    let names: Vec<_> = delivery.after.iter().map(StepName::as_str).collect();
    Reason::new(ReasonCode::WaitsForSteps).with("steps", names.join(", "))
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
