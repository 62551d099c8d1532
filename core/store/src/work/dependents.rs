//! Steps of one submission that wait for each other.

use crate::change::{Also, Change};
use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::rows::{Stored, text};
use rohrpost_model::transition::Event;
use rohrpost_model::{Delivery, Reason, State, StepName, Timestamp};
use std::collections::HashMap;

/// Who or what is behind what happens to the waiting ones.
#[derive(Clone, Copy)]
pub(crate) struct Behind<'a> {
    pub(crate) at: Timestamp,
    pub(crate) cause: &'a str,
    pub(crate) who: &'a str,
    pub(crate) why: Option<&'a str>,
}

/// How far a step is.
struct Progress {
    state: State,
    counts_as_done: bool,
}

/// Makes due what waited only for steps that are done now.
pub(crate) fn release(ledger: &mut Ledger, submission: i64, behind: Behind<'_>) -> Result<(), Fault> {
    let progress = progress(ledger, submission)?;
    if progress.values().all(|step| step.state != State::Blocked) {
        return Ok(());
    }
    for mut waiting in blocked(ledger, submission)? {
        if is_free(&waiting.delivery, &progress) {
            ledger.change(&mut waiting, &behind.change(Event::Released, None))?;
        }
    }
    Ok(())
}

/// Gives up what waits for `step`, and what waits for that. Returns how many.
pub(crate) fn give_up(
    ledger: &mut Ledger,
    submission: i64,
    step: &StepName,
    (event, reason): &(Event, Reason),
    behind: Behind<'_>,
) -> Result<u64, Fault> {
    let mut count = 0;
    let mut given_up = vec![step.clone()];
    let mut waiting = blocked(ledger, submission)?;
    while let Some(step) = given_up.pop() {
        let (with_it, others): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|stored| stored.delivery.after.contains(&step));
        waiting = others;
        for mut stored in with_it {
            ledger.change(&mut stored, &behind.change(*event, Some(reason.clone())))?;
            given_up.push(stored.delivery.step);
            count += 1;
        }
    }
    Ok(count)
}

impl<'a> Behind<'a> {
    fn change(self, event: Event, reason: Option<Reason>) -> Change<'a> {
        let Self { at, cause, who, why } = self;
        Change { event, at, reason, due_at: Some(at), cause, who, why, evidence: None, also: Also::Nothing }
    }
}

fn is_free(waiting: &Delivery, progress: &HashMap<StepName, Progress>) -> bool {
    waiting.after.iter().all(|step| {
        progress.get(step).is_some_and(|step| step.counts_as_done || step.state.releases(waiting.on))
    })
}

fn blocked(ledger: &Ledger, submission: i64) -> Result<Vec<Stored>, Fault> {
    ledger.select("d.submission = ?1 AND d.state = 'blocked'", [submission])
}

fn progress(ledger: &Ledger, submission: i64) -> Result<HashMap<StepName, Progress>, Fault> {
    let mut statement = ledger
        .connection
        .prepare_cached("SELECT step, state, counts_as_done FROM deliveries WHERE submission = ?1")?;
    let mut rows = statement.query([submission])?;
    let mut steps = HashMap::new();
    while let Some(row) = rows.next()? {
        let progress = Progress { state: text(row, 1, "state")?, counts_as_done: row.get(2)? };
        steps.insert(text(row, 0, "step")?, progress);
    }
    Ok(steps)
}
