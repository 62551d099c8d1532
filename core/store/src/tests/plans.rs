//! That looking for work and showing it stays flat, and that `held` is always what the rows say.

use super::{Folder, open, ports};
use crate::claim::{ALL, INQUIRIES};
use crate::conformance::sample::*;
use crate::listing::page_sql;
use crate::schema::open_writer;
use rohrpost_model::ports::{DeliveryFilter, Order, Scope, Wanted};
use rohrpost_model::transition::Event;
use rohrpost_model::{DestinationName, State};
use rusqlite::{Connection, Params, StatementStatus, params};

fn plan(connection: &Connection, sql: &str) -> String {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    for parameter in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(parameter, 1).unwrap();
    }
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get::<_, String>(3).unwrap());
    }
    steps.join("\n")
}

/// Steps of SQLite's machine for one query: how much it looks at, whatever the machine's speed.
fn steps(connection: &Connection, sql: &str, params: impl Params) -> (usize, i32) {
    let mut statement = connection.prepare(sql).unwrap();
    let mut rows = statement.query(params).unwrap();
    let mut found = 0;
    while rows.next().unwrap().is_some() {
        found += 1;
    }
    drop(rows);
    (found, statement.get_status(StatementStatus::VmStep))
}

/// A submission, and deliveries of it: `ended` delivered ones, as many due ones, and as many held ones.
fn fill(connection: &Connection, count: u32) {
    connection.execute_batch("DELETE FROM history; DELETE FROM deliveries;").unwrap();
    let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
        INSERT INTO deliveries (id, submission, tenant, client, case_id, step, destination, ordered, after_steps, \
        after_on, state, due_at, held, counts_as_done, attempts) \
        SELECT randomblob(16), 1, 'lk-beispiel', 'portal', 'fall-1', 'fachverfahren', 'ziel', 1, '[]', 'delivered', \
        ?2, ?3 + i, ?4, 0, 0 FROM n";
    for (state, due, held) in
        [("delivered", None, 0), ("due", Some(1000), 1), ("due", Some(2000), 0), ("parked", None, 0)]
    {
        connection.execute(fill, params![count, state, due, held]).unwrap();
    }
}

#[tokio::test]
async fn a_claim_costs_the_same_with_100_and_with_100_000_waiting() {
    let folder = Folder::new();
    let store = open(&folder.path());
    ports(&store).accept(&Draft::default()).await;
    drop(store);
    let connection = open_writer(&folder.path().join("rohrpost.sqlite")).unwrap();
    let parked = DeliveryFilter { states: [State::Parked].into(), ..DeliveryFilter::default() };
    let page = page_sql(&parked, Some(State::Parked));
    let mut costs = Vec::new();
    for count in [100, 100_000] {
        fill(&connection, count);
        let none = None::<String>;
        costs.push([
            steps(&connection, ALL.next_tenant, ("ziel", "")),
            steps(&connection, ALL.first, ("ziel", "lk-beispiel", 0, 10)),
            steps(&connection, ALL.beyond, ("ziel", "lk-beispiel", i64::MAX, 10)),
            steps(&connection, INQUIRIES.first, ("ziel", "lk-beispiel", 0, 10)),
            steps(&connection, crate::work::NEXT_RULE, [0]),
            steps(
                &connection,
                &page,
                params![none, none, 0, 10, none, none, none, "[]", none, none, None::<bool>],
            ),
        ]);
    }
    for (few, many) in costs[0].iter().zip(&costs[1]) {
        assert_eq!(few.0, many.0, "as many are found");
        assert!(many.1 <= few.1 + few.1 / 5, "{} steps among few, {} among many", few.1, many.1);
    }
}

#[test]
fn statements_stay_prepared_when_their_parameters_change() {
    let folder = Folder::new();
    drop(open(&folder.path()));
    let connection = open_writer(&folder.path().join("rohrpost.sqlite")).unwrap();
    let mut statement = connection.prepare(ALL.first).unwrap();
    for now in [1, 2, 3] {
        statement.query(("ziel", "lk-beispiel", now, 10)).unwrap().next().unwrap();
    }
    assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
}

#[test]
fn every_list_is_read_from_an_index_in_its_order() {
    let folder = Folder::new();
    drop(open(&folder.path()));
    let connection = open_writer(&folder.path().join("rohrpost.sqlite")).unwrap();
    let of_tenant = "(destination=? AND tenant=? AND due_at";
    for (statements, index) in [(ALL, "deliveries_to_claim"), (INQUIRIES, "deliveries_to_ask")] {
        let tenants = format!("INDEX {index} (destination=? AND tenant>?)");
        assert!(plan(&connection, statements.next_tenant).contains(&tenants));
        for sql in [statements.first, statements.beyond] {
            let plan = plan(&connection, sql);
            assert!(plan.contains(&format!("{index} {of_tenant}")), "{sql}: {plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{sql}: {plan}");
        }
    }
    assert!(plan(&connection, crate::work::NEXT_RULE).contains("deliveries_under_rule (rule_at>?)"));
    assert!(plan(&connection, crate::work::RULE_APPLIES).contains("deliveries_under_rule (rule_at<?)"));
    let to: DestinationName = name("ziel");
    for destination in [None, Some(to)] {
        // Claimed ones are looked up by their ids, of which there are few.
        for state in State::ALL.into_iter().filter(|state| *state != State::Claimed) {
            let filter = DeliveryFilter { destination: destination.clone(), ..DeliveryFilter::default() };
            let plan = plan(&connection, &page_sql(&filter, Some(state)));
            let index = match destination {
                Some(_) => "deliveries_by_destination (destination=? AND state=? AND rowid>?)",
                None if state.is_end() => "SEARCH d USING INTEGER PRIMARY KEY (rowid>?)",
                None => "deliveries_open (state=? AND rowid>?)",
            };
            assert!(plan.contains(index), "{state}: {plan}");
            assert!(!plan.contains("TEMP B-TREE FOR ORDER BY"), "{state}: {plan}");
        }
    }
    for sql in crate::order::ALL {
        assert!(plan(&connection, sql).contains("deliveries_in_order"), "{sql}");
        assert!(!plan(&connection, sql).contains("SCAN deliveries"), "{sql}");
    }
}

#[test]
fn h11_the_words_of_the_index_are_the_states_that_hold() {
    for state in State::ALL.into_iter().filter(|state| *state != State::Claimed) {
        let named = crate::order::ALL[0].contains(&format!("'{state}'"));
        assert_eq!(named, state.holds_later(), "{state}");
    }
}

/// Due, ordered rows whose `held` is not what the rows of their case say.
const WRONG: &str = "SELECT count(*) FROM deliveries d WHERE (d.held & 1) <> (d.state = 'due' AND d.ordered = 1 AND EXISTS ( \
    SELECT 1 FROM deliveries e WHERE e.tenant = d.tenant AND e.case_id = d.case_id AND e.step = d.step \
    AND e.submission < d.submission AND e.state IN ('blocked', 'due', 'sending', 'unknown', 'parked')))";

/// Whatever happens, in whatever order, `held` is what the rows say, and the earliest one of a line can always go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h11_held_is_always_what_the_rows_say() {
    let folder = Folder::new();
    let store = open(&folder.path());
    let ports = ports(&store);
    let mut seed = 20_261_124_u64;
    let mut dice = move |sides: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % sides
    };
    let looking = Connection::open(folder.path().join("rohrpost.sqlite")).unwrap();
    for round in 0..300 {
        let case = format!("fall-{}", dice(3));
        match dice(4) {
            0 => {
                let first = if dice(3) == 0 { step("fachverfahren") } else { ordered() };
                ports.accept(&Draft { steps: vec![first], ..Draft::case(&case) }).await;
            }
            1 => {
                let all = ports.deliveries().await;
                let Some(one) = all.get(usize::try_from(dice(all.len().max(1) as u64)).unwrap()) else {
                    continue;
                };
                let order = match dice(5) {
                    0 => DISCARD,
                    1 => Order::Pause,
                    2 => Order::Resume,
                    _ => Order::Retry,
                };
                ports.outbox.command(&Scope::Hub, command(one.id, order)).await.unwrap();
            }
            _ => {
                let everything = Wanted { limit: 1, ..wanted(100_000, 1) };
                let Some(mut claim) = ports.outbox.claim(&everything).await.unwrap().claims.pop() else {
                    continue;
                };
                if claim.delivery.state == State::Claimed {
                    ports.mark(&mut claim, round).await.unwrap();
                }
                let events =
                    [Event::Taken, Event::TakenForNow, Event::NotTaken, Event::Refused, Event::OutcomeLost];
                let known = if claim.delivery.state == State::Sending { 5 } else { 4 };
                let event = events[usize::try_from(dice(known)).unwrap()];
                ports.settle(claim, &attempt(event, round)).await;
            }
        }
        let wrong: i64 = looking.query_row(WRONG, [], |row| row.get(0)).unwrap();
        assert_eq!(wrong, 0, "after round {round}");
    }
    let ends = ports.states().await.into_iter().filter(|state| state.is_end()).count();
    assert!(ends > 20, "the rounds came to something: {ends}");
    store.verify_chain().await.unwrap();
}
