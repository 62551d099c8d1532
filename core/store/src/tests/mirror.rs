//! That the mirror in memory says what the rows say, whatever happens in whatever order.

use super::{Folder, open_ahead, ports};
use crate::SqliteStore;
use crate::claim::{claim, read};
use crate::conformance::Ports;
use crate::conformance::sample::*;
use crate::ready::{BeingFilled, Filling, Taken};
use crate::rows::{DELIVERY, FROM_DELIVERIES, Stored, from_nanos, nanos, stored};
use rohrpost_model::ports::{Claim, Dependents, NewDelivery, Order, Place, Scope, Settlement, Wanted, Work};
use rohrpost_model::transition::Event;
use rohrpost_model::{Delivery, DeliveryId, Digest, State, TenantName, Timestamp};
use rusqlite::Connection;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex};

const TENANTS: [&str; 3] = ["a", "b", "c"];
const PLACES: [&str; 2] = ["ziel", "anderswo"];
/// No wait is longer, in seconds.
const LONGEST: i64 = 1000;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len())].clone()
    }

    fn place(&mut self) -> Place {
        Some(name(self.one_of(&PLACES)))
    }

    /// How long something waits: not at all, for a while, or for longer than anything does by itself.
    fn wait(&mut self) -> i64 {
        self.one_of(&[0, 0, 5, 300, LONGEST, 1500, 100_000])
    }

    fn draft(&mut self, now: i64) -> Draft {
        let (due, expires) = (now + self.wait(), now + 20 + self.wait());
        let first = NewDelivery {
            destination: self.place(),
            ordered: self.roll(2) == 0,
            due_at: Some(at(due)),
            expires_at: (self.roll(3) == 0).then(|| at(expires)),
            warn_at: if self.roll(2) == 0 { vec![at(expires - 10)] } else { Vec::new() },
            ..step("fachverfahren")
        };
        let mut steps = vec![first];
        if self.roll(3) == 0 {
            steps.push(NewDelivery { destination: self.place(), ..after("dms", &["fachverfahren"]) });
        }
        let case = format!("fall-{}", self.roll(20));
        Draft { tenant: self.one_of(&TENANTS), case, steps, ..Draft::default() }
    }

    /// What may come of a delivery in this state.
    fn settlement(&mut self, state: State, now: i64) -> Settlement {
        use Event as E;
        let events: &[Event] = match state {
            State::Claimed => &[E::ConditionFalse, E::Defect],
            State::Sending => {
                &[E::Taken, E::TakenForNow, E::NotTaken, E::Refused, E::OutcomeLost, E::TriedLongEnough]
            }
            State::Unknown => {
                &[E::Taken, E::TakenForNow, E::NotTaken, E::NoWordYet, E::SendAgain, E::GivenUp]
            }
            _ => &[E::Taken, E::TakenForNow, E::NotTaken, E::Refused, E::NoWordYet],
        };
        let due_at = Some(at(now + self.wait()));
        Settlement { due_at, ..attempt(self.one_of(events), now) }
    }

    fn order(&mut self) -> Order {
        let mend = Order::Mend { pinned: Digest::of(b"anew"), destination: name(self.one_of(&PLACES)) };
        self.one_of(&[
            Order::Retry,
            mend,
            Order::Discard(Dependents::Release),
            DISCARD,
            Order::Pause,
            Order::Resume,
            Order::Resume,
        ])
    }
}

/// All rows that may be handed out when their time has come.
fn rows(connection: &Connection) -> Vec<Stored> {
    let sql = format!(
        "SELECT {DELIVERY} FROM {FROM_DELIVERIES} WHERE d.due_at IS NOT NULL AND d.held = 0 ORDER BY due_at, d.seq"
    );
    let mut statement = connection.prepare_cached(&sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        found.push(stored(row).unwrap());
    }
    found
}

/// What is to be handed out by the rows, in its order, and when the next falls due.
fn expected(store: &SqliteStore, rows: &[Stored], wanted: &Wanted) -> (Vec<DeliveryId>, Option<Timestamp>) {
    let due = |delivery: &Delivery| {
        let due = delivery.due_at.unwrap();
        let astray = due > wanted.beyond && delivery.state != State::Awaiting;
        (astray || due <= wanted.now, !astray, due)
    };
    let free: Vec<&Delivery> = rows
        .iter()
        .map(|row| &row.delivery)
        .filter(|delivery| delivery.destination == wanted.destination)
        .filter(|delivery| wanted.work == Work::All || delivery.state != State::Due)
        .filter(|delivery| !store.claims.is_held(delivery.id))
        .collect();
    let mut queues: BTreeMap<&TenantName, VecDeque<&Delivery>> = BTreeMap::new();
    for delivery in free.iter().copied().filter(|delivery| due(delivery).0) {
        queues.entry(&delivery.tenant).or_default().push_back(delivery);
    }
    for queue in queues.values_mut() {
        queue.make_contiguous().sort_by_key(|delivery| due(delivery).1);
    }
    let mut turns: Vec<_> = queues.into_iter().collect();
    let first =
        turns.iter().position(|(tenant, _)| wanted.after.as_ref().is_some_and(|after| *tenant > after));
    turns.rotate_left(first.unwrap_or(0));
    let mut handed = Vec::new();
    while handed.len() < wanted.limit && turns.iter().any(|(_, queue)| !queue.is_empty()) {
        handed
            .extend(turns.iter_mut().filter_map(|(_, queue)| queue.pop_front()).map(|delivery| delivery.id));
    }
    let full = handed.len() >= wanted.limit;
    handed.truncate(wanted.limit);
    let next = free.iter().map(|delivery| due(delivery)).filter(|(due, ..)| !due).map(|(.., due)| due).min();
    (handed, if full { None } else { next })
}

struct World<'a> {
    store: &'a Arc<SqliteStore>,
    ports: Ports,
    looking: Connection,
    dice: Dice,
    now: i64,
    claims: Vec<Claim>,
    filling: Option<(BeingFilled<'a>, Wanted, Option<Vec<Filling>>)>,
    handed_out: usize,
}

impl World<'_> {
    fn wanted(&mut self) -> Wanted {
        let work = if self.dice.roll(6) == 0 { Work::Inquiries } else { Work::All };
        let after = (self.dice.roll(3) > 0).then(|| name(self.dice.one_of(&TENANTS)));
        let beyond = at(self.now + LONGEST);
        let (destination, limit) = (self.dice.place(), 1 + self.dice.roll(5));
        Wanted { destination, work, after, beyond, ..wanted(self.now, limit) }
    }

    /// Asks, and compares the answer with the rows.
    async fn ask(&mut self) {
        let wanted = self.wanted();
        let rows = rows(&self.looking);
        let (ids, next) = expected(self.store, &rows, &wanted);
        let (claims, next_due) = if self.filling.is_some() {
            match self.store.ready.take(&self.store.claims, &wanted) {
                Taken::Unknown => return,
                Taken::These(rows, next) => (rows.into_iter().map(|row| claim(row.delivery)).collect(), next),
            }
        } else {
            let found = self.ports.outbox.claim(&wanted).await.unwrap();
            (found.claims, found.next_due)
        };
        let found: Vec<_> = claims.iter().map(|claim| claim.delivery.id).collect();
        assert_eq!(found, ids, "{wanted:?}");
        // What lies beyond the reach is looked at when the reach falls due.
        let early = !self.store.ready.holds_all(&wanted.destination) && next_due.is_some() && next_due < next;
        assert!(early || next_due == next || next.is_none(), "{next_due:?} and not {next:?}");
        self.handed_out += found.len();
        for one in claims {
            let row = rows.iter().find(|row| row.delivery.id == one.delivery.id).unwrap().clone();
            let row = claim(row.open(&self.store.keys, &self.looking).unwrap()).delivery;
            let receipt = if self.filling.is_some() { None } else { row.receipt.clone() };
            assert_eq!(one.delivery, Delivery { receipt, ..row });
            self.claims.push(one);
        }
    }

    async fn work(&mut self) {
        if self.claims.is_empty() {
            return self.ask().await;
        }
        let which = self.dice.roll(self.claims.len());
        let mut claim = self.claims.swap_remove(which);
        let choice = self.dice.roll(4);
        let state = claim.delivery.state;
        if choice == 0 && state != State::Sending {
            return self.ports.outbox.give_back(claim).await;
        }
        if choice < 3 && state == State::Claimed {
            self.ports.mark(&mut claim, self.now).await.unwrap();
            return self.claims.push(claim);
        }
        let settlement = self.dice.settlement(state, self.now);
        self.ports.settle(claim, &settlement).await;
    }

    async fn order(&mut self) {
        let all = self.ports.deliveries().await;
        let open: Vec<_> = all.iter().filter(|delivery| !delivery.state.is_end()).collect();
        if !open.is_empty() {
            let id = self.dice.one_of(&open).id;
            let order = rohrpost_model::ports::Command { at: at(self.now), ..command(id, self.dice.order()) };
            self.ports.outbox.command(&Scope::Hub, order).await.unwrap();
        }
    }

    /// Goes on with filling a place: begins, reads, ends or breaks off.
    async fn fill(&mut self) {
        let Some((filling, wanted, read)) = self.filling.take() else {
            let wanted = self.wanted();
            let filling = self.store.ready.begin_to_fill(&wanted.destination);
            self.filling = Some((filling, wanted, None));
            return;
        };
        match read {
            _ if self.dice.roll(8) == 0 => drop(filling),
            Some(read) => filling.end(&wanted, read),
            None => {
                let window = self.store.ready.window;
                let read = read_rows(&self.looking, self.store, &wanted, window);
                self.filling = Some((filling, wanted, Some(read)));
            }
        }
    }

    async fn step(&mut self) {
        match self.dice.roll(20) {
            0..=3 => {
                for _ in 0..=self.dice.roll(4) {
                    let draft = self.dice.draft(self.now);
                    self.ports.accept(&draft).await;
                }
            }
            // With little held at one time the windows stay small.
            4..=7 if self.claims.len() < 6 => self.ask().await,
            4..=12 => self.work().await,
            13..=14 => self.order().await,
            15..=17 if self.filling.is_some() || self.dice.roll(6) == 0 => self.fill().await,
            15..=16 => self.ask().await,
            17 => self.work().await,
            18 => {
                let limit = 1 + self.dice.roll(3);
                self.ports.outbox.expire(at(self.now), limit).await.unwrap();
            }
            _ => self.now += self.dice.one_of(&[1, 10, 10, 400, 3000, -5, -400, -3000, 100_000, -100_000]),
        }
        self.store.ready.check(&rows(&self.looking));
    }
}

fn read_rows(looking: &Connection, store: &SqliteStore, wanted: &Wanted, window: usize) -> Vec<Filling> {
    let snapshot = looking.unchecked_transaction().unwrap();
    read(&snapshot, &store.claims, wanted, window).unwrap()
}

/// One life of a store. Returns how much was handed out.
async fn live(seed: u64, steps: usize) -> usize {
    let folder = Folder::new();
    let store = open_ahead(&folder.path(), 1 + usize::try_from(seed % 3).unwrap());
    let looking = Connection::open(folder.path().join("rohrpost.sqlite")).unwrap();
    let (ports, dice) = (ports(&store), Dice(seed));
    let (claims, filling) = (Vec::new(), None);
    let mut world =
        World { store: &store, ports, looking, dice, now: 200_000, claims, filling, handed_out: 0 };
    for _ in 0..steps {
        world.step().await;
    }
    world.handed_out
}

/// Lives of these seeds; the last one told is the one that failed.
async fn live_all(seeds: Range<u64>, steps: usize) {
    let mut handed_out = 0;
    for seed in seeds {
        println!("seed {seed}");
        handed_out += live(seed, steps).await;
    }
    assert!(handed_out > 100, "the lives came to something: {handed_out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mirror_says_what_the_rows_say() {
    live_all(20_261_127..20_261_131, 400).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn the_mirror_says_what_the_rows_say_in_many_lives() {
    live_all(0..100, 1000).await;
}

/// Who holds what, as those who work see it.
#[derive(Default)]
struct Held(Mutex<HashSet<DeliveryId>>);

impl Held {
    fn take(&self, claim: &Claim) {
        assert!(self.0.lock().unwrap().insert(claim.delivery.id), "handed out twice");
    }

    fn end(&self, claim: &Claim) {
        self.0.lock().unwrap().remove(&claim.delivery.id);
    }
}

async fn keep_accepting(ports: Ports, mut dice: Dice) {
    for _ in 0..60 {
        ports.accept(&dice.draft(0)).await;
    }
}

async fn keep_ordering(ports: Ports, mut dice: Dice) {
    for _ in 0..60 {
        let all = ports.deliveries().await;
        if !all.is_empty() {
            let order = command(dice.one_of(&all).id, dice.order());
            ports.outbox.command(&Scope::Hub, order).await.unwrap();
        }
    }
}

async fn keep_working(ports: Ports, held: Arc<Held>, mut dice: Dice) {
    for _ in 0..150 {
        let work = if dice.roll(8) == 0 { Work::Inquiries } else { Work::All };
        let now = i64::try_from(dice.roll(2000)).unwrap();
        let (destination, limit) = (dice.place(), 1 + dice.roll(4));
        let wanted = Wanted { destination, work, beyond: at(now + LONGEST), ..wanted(now, limit) };
        for mut claim in ports.outbox.claim(&wanted).await.unwrap().claims {
            held.take(&claim);
            if claim.delivery.state == State::Claimed && dice.roll(3) > 0 {
                ports.mark(&mut claim, now).await.unwrap();
            }
            held.end(&claim);
            if claim.delivery.state != State::Sending && dice.roll(3) == 0 {
                ports.outbox.give_back(claim).await;
            } else {
                let settlement = dice.settlement(claim.delivery.state, now);
                ports.settle(claim, &settlement).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_nobody_is_handed_what_another_holds_and_nothing_is_left() {
    let seed = 20_261_127;
    println!("seed {seed}");
    let folder = Folder::new();
    let store = open_ahead(&folder.path(), 2);
    let held = Arc::new(Held::default());
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..2 {
        tasks.spawn(keep_accepting(ports(&store), Dice(seed + number)));
        tasks.spawn(keep_ordering(ports(&store), Dice(seed + 10 + number)));
    }
    for number in 20..24 {
        tasks.spawn(keep_working(ports(&store), Arc::clone(&held), Dice(seed + number)));
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let looking = Connection::open(folder.path().join("rohrpost.sqlite")).unwrap();
    let (rows, ports) = (rows(&looking), ports(&store));
    store.ready.check(&rows);
    let everything = Timestamp::MAX.min(from_nanos(i64::MAX).unwrap());
    for place in PLACES {
        let wanted =
            Wanted { destination: Some(name(place)), now: everything, beyond: everything, ..wanted(0, 3) };
        let mut found = 0;
        loop {
            let claims = ports.outbox.claim(&wanted).await.unwrap().claims;
            if claims.is_empty() {
                break;
            }
            found += claims.len();
            claims.iter().for_each(|claim| held.take(claim));
        }
        let here = rows.iter().filter(|row| row.delivery.destination == wanted.destination);
        let due = here.filter(|row| row.delivery.due_at.map(nanos) <= Some(nanos(everything)));
        assert_eq!(found, due.count(), "everything that is due at {place} is handed out");
    }
}
