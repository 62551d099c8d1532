//! Handing in, looking up, and ordering.

use super::{TENANTS, World, portal, service};
use bytes::Bytes;
use futures::future::join_all;
use rohrpost_engine::accept::Intent;
use rohrpost_engine::orders::Asked;
use rohrpost_model::ports::{
    BulkCommand, BulkOrder, CommandOutcome, DeliveryDetail, DeliveryFilter, DestinationOrder, Order, Scope,
};
use rohrpost_model::submission::Role;
use rohrpost_model::transition::Event;
use rohrpost_model::{DeliveryId, DestinationName, Reason, ReasonCode, State, SubmissionId, Timestamp};

/// What somebody hands in.
#[derive(Clone, Debug)]
pub struct Letter {
    pub tenant: &'static str,
    pub case: String,
    pub route: usize,
    /// With an attachment.
    pub attached: bool,
}

/// A letter of this case, from Adorf, for the first route.
pub fn letter(case: impl ToString) -> Letter {
    Letter { tenant: TENANTS[0], case: case.to_string(), route: 0, attached: false }
}

/// So many letters, each of a case of its own.
pub fn letters(count: usize) -> impl Iterator<Item = Letter> {
    (0..count).map(|number| letter(format!("fall-{number:05}")))
}

/// How many are handed in at one time.
const AT_ONCE: usize = 128;

impl World {
    /// Hands in a letter; the keys of its deliveries, in the order of its steps.
    pub async fn submit(&self, letter: Letter) -> Vec<DeliveryId> {
        let id = self.hand_in(letter).await;
        let view = self.engine().records().submission(&Scope::Hub, id).await.unwrap().unwrap();
        self.rest().await;
        view.deliveries.iter().map(|delivery| delivery.id).collect()
    }

    /// Hands in a letter of one step; the key of its delivery.
    pub async fn post(&self, letter: Letter) -> DeliveryId {
        self.submit(letter).await.remove(0)
    }

    /// Hands in many.
    pub async fn submit_all(&self, letters: impl IntoIterator<Item = Letter>) {
        let mut letters = letters.into_iter().peekable();
        while letters.peek().is_some() {
            join_all(letters.by_ref().take(AT_ONCE).map(|letter| self.hand_in(letter))).await;
        }
        self.rest().await;
    }

    async fn hand_in(&self, letter: Letter) -> SubmissionId {
        let engine = self.engine();
        let area = TENANTS.iter().position(|tenant| *tenant == letter.tenant).unwrap() + 1;
        let intent = Intent {
            kind: "application".parse().unwrap(),
            service: service(letter.route),
            area: format!("{area:02}").parse().unwrap(),
            case: Some(letter.case.parse().unwrap()),
            tenant: None,
            foreign: Vec::new(),
            reply: None,
            trust_level: None,
            test: false,
            traceparent: None,
            not_before: None,
            obsolete_after: None,
            properties: Default::default(),
            idempotency_key: None,
        };
        let mut intake = engine.admit(&portal(), intent).unwrap();
        let mut data = intake.begin(Role::Data, None, "application/json".to_owned()).unwrap();
        let content = format!(r#"{{"fall":"{}","antragstellerin":"Erika Mustermann"}}"#, letter.case);
        data.write(Bytes::from(content)).await.unwrap();
        intake.end(data).await.unwrap();
        if letter.attached {
            let name = Some("plan.pdf".to_owned());
            let mut plan = intake.begin(Role::Attachment, name, "application/pdf".to_owned()).unwrap();
            plan.write(Bytes::from_static(b"%PDF-1.7")).await.unwrap();
            intake.end(plan).await.unwrap();
        }
        engine.accept(intake).await.unwrap().answer.id
    }

    pub async fn detail(&self, id: DeliveryId) -> DeliveryDetail {
        self.engine().records().delivery(&Scope::Hub, id).await.unwrap().unwrap()
    }

    pub async fn state(&self, id: DeliveryId) -> State {
        self.detail(id).await.delivery.state
    }

    /// Why it is there.
    pub async fn reason(&self, id: DeliveryId) -> Reason {
        self.detail(id).await.delivery.reason.unwrap()
    }

    /// Why it has not left yet, as an operator reads it: the word and its parameters.
    pub async fn waits(&self, id: DeliveryId) -> Option<(ReasonCode, String)> {
        let delivery = self.detail(id).await.delivery;
        let reason = self.engine().waits_for(&delivery)?;
        let told: Vec<_> = reason.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert!(!reason.german().contains('{') && !reason.english().contains('{'), "{reason:?}");
        Some((reason.code, told.join(" ")))
    }

    /// What happened to it, and when.
    pub async fn history(&self, id: DeliveryId) -> Vec<(Timestamp, Event)> {
        let history = self.detail(id).await.history;
        history.into_iter().filter_map(|entry| Some((entry.at, entry.event?))).collect()
    }

    /// How many deliveries of a destination are in a state.
    pub async fn count(&self, destination: &str, state: State) -> u64 {
        let filter = DeliveryFilter { states: [state].into(), ..to(destination) };
        self.engine().count(&Scope::Hub, &filter).await.unwrap()
    }

    pub async fn command(&self, id: DeliveryId, order: Order) -> CommandOutcome {
        let why = "weil es sein muss".to_owned();
        let outcome = self.engine().command(&Scope::Hub, id, order, &portal().name, why).await.unwrap();
        self.rest().await;
        outcome
    }

    pub async fn mend(&self, id: DeliveryId) -> CommandOutcome {
        let why = "mit neuer Zuordnung".to_owned();
        let outcome = self.engine().mend(&Scope::Hub, id, &portal().name, why).await.unwrap();
        self.rest().await;
        outcome
    }

    /// Pauses, drains or resumes a destination; whether that changed anything.
    pub async fn order(&self, destination: &str, order: DestinationOrder) -> bool {
        let (name, why) = (destination.parse::<DestinationName>().unwrap(), "Wartung".to_owned());
        let tenant = TENANTS[0].parse().unwrap();
        let asked = self.engine().order_destination(&name, order, (&portal().name, why), &tenant).await;
        self.rest().await;
        asked.unwrap()
    }

    pub async fn order_many(&self, order: BulkOrder, filter: DeliveryFilter, per_second: u32) -> BulkCommand {
        let (why, tenant) = ("Störung behoben".to_owned(), TENANTS[0].parse().unwrap());
        let asked = Asked { order, filter, per_second, why, tenant };
        let begun = self.engine().order_many(&Scope::Hub, asked, &portal().name).await.unwrap().unwrap();
        self.rest().await;
        begun
    }

    pub async fn cancel(&self, order: &BulkCommand) -> BulkCommand {
        let why = "doch nicht".to_owned();
        let ended = self.engine().cancel(order.id, &portal().name, why).await.unwrap().unwrap();
        self.rest().await;
        ended
    }

    /// How far an order for many is.
    pub async fn progress(&self, order: &BulkCommand) -> BulkCommand {
        self.engine().order(order.id).await.unwrap().unwrap()
    }
}

/// All deliveries to a destination.
pub fn to(destination: &str) -> DeliveryFilter {
    DeliveryFilter { destination: Some(destination.parse().unwrap()), ..DeliveryFilter::default() }
}
