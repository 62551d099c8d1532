//! That what is mirrored in memory is what the rows say, where that is hard.

use super::{Folder, open, open_ahead, ports};
use crate::SqliteStore;
use crate::claim::read;
use crate::conformance::Ports;
use crate::conformance::sample::*;
use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::notices::Notices;
use crate::ready::{Change, Filling, Taken};
use crate::writer::Ended;
use rohrpost_model::ports::{
    Claim, CommandOutcome, NewDelivery, Order, Place, Scope, Settlement, Wanted, Work,
};
use rohrpost_model::transition::Event;
use rohrpost_model::{Digest, State};
use rusqlite::Connection;
use std::sync::{Arc, Mutex};

/// As the engine asks: no wait is longer than 1000 seconds.
fn asked(seconds: i64, limit: usize) -> Wanted {
    Wanted { beyond: at(seconds + 1000), ..wanted(seconds, limit) }
}

fn due(seconds: i64) -> Draft {
    Draft::steps([NewDelivery { due_at: Some(at(seconds)), ..step("fachverfahren") }])
}

fn of_tenant(tenant: &'static str) -> Draft {
    Draft { tenant, steps: vec![step("fachverfahren")], ..Draft::default() }
}

impl Ports {
    async fn take(&self, wanted: &Wanted) -> Vec<Claim> {
        self.outbox.claim(wanted).await.unwrap().claims
    }

    /// Asks for everything, so that all of it is known, and gives it back.
    async fn know(&self, wanted: &Wanted) {
        for claim in self.take(wanted).await {
            self.outbox.give_back(claim).await;
        }
    }

    async fn end(&self, claim: Claim, seconds: i64) {
        self.settle(claim, &rule(Event::Defect, seconds)).await;
    }
}

/// A store, and what it would read for `wanted` now.
fn fill_of(folder: &Folder, store: &Arc<SqliteStore>, wanted: &Wanted) -> Vec<Filling> {
    let connection = crate::schema::open_reader(&folder.path().join("rohrpost.sqlite")).unwrap();
    read(&connection, &store.claims, wanted, 64).unwrap()
}

#[tokio::test]
async fn a_late_warning_puts_the_end_off_for_whoever_is_handed_it_too() {
    let folder = Folder::new();
    let ports = ports(&open(&folder.path()));
    let steps = [NewDelivery { expires_at: Some(at(300)), warn_at: vec![at(100)], ..step("fachverfahren") }];
    ports.accept(&Draft::steps(steps)).await;
    ports.know(&wanted(10, 10)).await;
    assert_eq!(ports.outbox.expire(at(1_000_000), 10).await.unwrap().warned, 1);
    let claim = ports.claim_only(1_000_000).await;
    assert_eq!(claim.delivery.expires_at, Some(at(1_000_200)));
}

#[tokio::test]
async fn what_was_due_beyond_every_wait_and_is_done_does_not_come_again() {
    let folder = Folder::new();
    let ports = ports(&open(&folder.path()));
    ports.accept(&due(500_000)).await;
    let claim = ports.take(&asked(0, 10)).await.remove(0);
    ports.end(claim, 1).await;
    let found = ports.outbox.claim(&asked(2, 10)).await.unwrap();
    assert_eq!((found.claims.len(), found.next_due), (0, None));
    assert!(ports.take(&asked(600_000, 10)).await.is_empty());
}

#[tokio::test]
async fn all_that_is_due_beyond_every_wait_is_handed_out_however_much_it_is() {
    let folder = Folder::new();
    let ports = ports(&open_ahead(&folder.path(), 2));
    for number in 0..20 {
        ports.accept(&due(500_000 + number)).await;
    }
    for number in 0..20 {
        let claim = ports.take(&asked(0, 1)).await.pop();
        ports.end(claim.unwrap_or_else(|| panic!("{number} are handed out")), 1).await;
    }
}

#[tokio::test]
async fn what_waits_since_a_time_when_nobody_asked_waits_as_long_as_it_should() {
    let folder = Folder::new();
    let ports = ports(&open(&folder.path()));
    ports.accept(&Draft::default()).await;
    let mut claim = ports.take(&asked(0, 1)).await.remove(0);
    ports.mark(&mut claim, 1).await.unwrap();
    let later = Settlement { due_at: Some(at(1400)), ..attempt(Event::NotTaken, 500) };
    ports.settle(claim, &later).await;
    let found = ports.outbox.claim(&asked(501, 1)).await.unwrap();
    assert_eq!((found.claims.len(), found.next_due), (0, Some(at(1400))));
    assert_eq!(ports.take(&asked(1400, 1)).await.len(), 1);
}

#[tokio::test]
async fn what_goes_elsewhere_while_a_place_is_filled_is_handed_out_there_alone() {
    let folder = Folder::new();
    let store = open(&folder.path());
    let ports = ports(&store);
    ports.accept(&Draft::default()).await;
    let there = Wanted { destination: Some(name("anderswo")), ..wanted(1000, 10) };
    assert!(ports.take(&there).await.is_empty());
    let here = wanted(1000, 10);
    let filling = store.ready.begin_to_fill(&here.destination);
    let found = fill_of(&folder, &store, &here);
    let id = ports.deliveries().await[0].id;
    let mend = Order::Mend { pinned: Digest::of(b"another step"), destination: name("anderswo") };
    ports.outbox.command(&Scope::Hub, command(id, mend)).await.unwrap();
    filling.end(&here, found);
    assert!(ports.take(&here).await.is_empty());
    let claim = ports.take(&there).await.remove(0);
    ports.end(claim, 1001).await;
    assert!(ports.take(&there).await.is_empty());
}

#[tokio::test]
async fn nothing_is_said_of_a_place_while_it_is_filled() {
    let folder = Folder::new();
    let store = open(&folder.path());
    let ports = ports(&store);
    ports.know(&wanted(0, 10)).await;
    let _filling = store.ready.begin_to_fill(&wanted(0, 10).destination);
    ports.accept(&Draft::default()).await;
    assert!(matches!(store.ready.take(&store.claims, &wanted(10, 10)), Taken::Unknown));
}

/// Whoever asked went away meanwhile.
#[tokio::test]
async fn a_filling_that_was_broken_off_loses_nothing() {
    let folder = Folder::new();
    let store = open(&folder.path());
    let ports = ports(&store);
    ports.know(&wanted(0, 10)).await;
    let filling = store.ready.begin_to_fill(&wanted(0, 10).destination);
    ports.accept(&Draft::default()).await;
    drop(filling);
    assert_eq!(ports.claim(10, 10).await.len(), 1);
}

#[tokio::test]
async fn h2_many_rows_that_cannot_be_read_do_not_stop_the_others() {
    let folder = Folder::new();
    let ports_before = ports(&open(&folder.path()));
    for _ in 0..10 {
        ports_before.accept(&Draft::steps([step("fachverfahren")])).await;
    }
    drop(ports_before);
    let connection = Connection::open(folder.path().join("rohrpost.sqlite")).unwrap();
    connection.execute("UPDATE deliveries SET after_on = 'nonsense' WHERE seq < 10", []).unwrap();
    drop(connection);
    let ports = ports(&open_ahead(&folder.path(), 2));
    assert_eq!(ports.claim(10, 1).await.len(), 1);
}

#[tokio::test]
async fn h2_a_row_that_cannot_be_read_does_not_stop_the_one_before_it_in_its_case() {
    let folder = Folder::new();
    let ports = ports(&open(&folder.path()));
    for _ in 0..2 {
        ports.accept(&Draft::steps([ordered()])).await;
    }
    let connection = Connection::open(folder.path().join("rohrpost.sqlite")).unwrap();
    connection.execute("UPDATE deliveries SET after_on = 'nonsense' WHERE seq = 2", []).unwrap();
    let mut claim = ports.claim_only(0).await;
    ports.mark(&mut claim, 1).await.unwrap();
    assert_eq!(ports.settle(claim, &attempt(Event::Taken, 2)).await, State::Delivered);
    assert!(ports.claim(10, 1).await.is_empty());
}

#[tokio::test]
async fn a_tenant_whose_window_is_all_held_has_its_turn_too() {
    let folder = Folder::new();
    let ports = ports(&open_ahead(&folder.path(), 2));
    for _ in 0..4 {
        ports.accept(&of_tenant("a")).await;
    }
    let held = ports.claim(10, 2).await;
    assert_eq!(held.len(), 2);
    for _ in 0..2 {
        ports.accept(&of_tenant("b")).await;
    }
    let wanted = Wanted { after: Some(name("b")), ..wanted(10, 1) };
    let claims = ports.take(&wanted).await;
    assert_eq!(claims[0].delivery.tenant.as_str(), "a");
}

#[tokio::test]
async fn after_a_drain_what_is_due_is_known_again() {
    let folder = Folder::new();
    let ports = ports(&open(&folder.path()));
    ports.know(&wanted(0, 10)).await;
    let draining = Wanted { work: Work::Inquiries, ..wanted(0, 10) };
    assert!(ports.take(&draining).await.is_empty());
    ports.accept(&Draft::default()).await;
    assert!(ports.take(&draining).await.is_empty());
    assert_eq!(ports.claim(0, 10).await.len(), 1);
}

/// Makes something due, and looks who was told of it when it has ended.
struct MakesDue {
    notices: Arc<Notices>,
    told_before: Arc<Mutex<Vec<Place>>>,
}

impl crate::writer::Work for MakesDue {
    type Output = ();

    fn run(&mut self, ledger: &mut Ledger) -> Result<(), Fault> {
        ledger.falls_due(Some(name("ziel")));
        Ok(())
    }

    fn ended(&mut self, _: Ended<'_, ()>) {
        *self.told_before.lock().unwrap() = self.notices.take();
    }
}

/// Whoever is told earlier finds it still held, and does not look again.
#[tokio::test]
async fn what_became_due_is_told_when_nobody_holds_it_any_more() {
    let folder = Folder::new();
    let store = open(&folder.path());
    let told_before = Arc::default();
    let work = MakesDue { notices: Arc::clone(&store.notices), told_before: Arc::clone(&told_before) };
    store.writer.submit(work).await.unwrap();
    assert_eq!(*told_before.lock().unwrap(), []);
    assert_eq!(store.notices.take(), [Some(name("ziel"))]);
}

#[tokio::test]
async fn what_a_refused_command_or_a_warning_held_for_a_moment_is_looked_at_again() {
    let folder = Folder::new();
    let ports = ports(&open(&folder.path()));
    let steps = [NewDelivery { expires_at: Some(at(300)), warn_at: vec![at(100)], ..step("fachverfahren") }];
    ports.accept(&Draft::steps(steps)).await;
    ports.outbox.became_due();
    let id = ports.deliveries().await[0].id;
    let refused = ports.outbox.command(&Scope::Hub, command(id, Order::Resume)).await.unwrap();
    assert_eq!(refused, CommandOutcome::Refused(State::Due));
    assert_eq!(ports.outbox.became_due(), [Some(name("ziel"))]);
    assert_eq!(ports.outbox.expire(at(100), 10).await.unwrap().warned, 1);
    assert_eq!(ports.outbox.became_due(), [Some(name("ziel"))]);
}

/// A place may be filled with what a commit did before that commit is repeated at the place where the row was.
#[tokio::test]
async fn a_row_stands_at_one_place_alone_also_before_its_commit_was_repeated() {
    let folder = Folder::new();
    let store = open(&folder.path());
    let ports = ports(&store);
    ports.accept(&Draft::default()).await;
    let (here, there) = (wanted(10, 10), Wanted { destination: Some(name("anderswo")), ..wanted(10, 10) });
    ports.know(&here).await;
    let mut moved = fill_of(&folder, &store, &here);
    let id = moved[0].waiting.rows[0].delivery.id;
    moved[0].waiting.rows[0].delivery.destination = there.destination.clone();
    store.ready.begin_to_fill(&there.destination).end(&there, moved);
    store.ready.apply(std::iter::once(Change::Gone(id)));
    for place in [here, there] {
        assert!(ports.take(&place).await.is_empty());
    }
}
