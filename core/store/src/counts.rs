//! How many deliveries are in which state. Counted once at start and kept up to date by the writer, because counting
//! millions of rows at every look would not stay quick.

use crate::claims::Claims;
use crate::fault::Fault;
use rohrpost_model::ports::StateCount;
use rohrpost_model::{DestinationName, State};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

type Key = (Option<DestinationName>, &'static str);

/// Changes of one group, applied after its commit.
#[derive(Default)]
pub(crate) struct Changes(Vec<(Key, i64)>);

impl Changes {
    pub(crate) fn add(&mut self, destination: Option<&DestinationName>, state: State, by: i64) {
        self.0.push(((destination.cloned(), state.as_str()), by));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

pub(crate) struct Counts(Mutex<BTreeMap<Key, i64>>);

impl Counts {
    pub(crate) fn read(connection: &Connection) -> Result<Self, Fault> {
        let sql = "SELECT destination, state, count(*) FROM deliveries GROUP BY destination, state";
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        let mut counts = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let destination = crate::rows::optional_text(row, 0, "destination")?;
            let state: State = crate::rows::text(row, 1, "state")?;
            counts.insert((destination, state.as_str()), row.get(2)?);
        }
        Ok(Self(Mutex::new(counts)))
    }

    pub(crate) fn apply(&self, changes: &mut Changes) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, by) in changes.0.drain(..) {
            *counts.entry(key).or_default() += by;
        }
    }

    /// The counts, with claimed deliveries told apart from the due ones that they are in the rows.
    pub(crate) fn show(&self, claims: &Claims) -> Vec<StateCount> {
        let claimed = claims.counts();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for count in &claimed {
            let due = (count.destination.clone(), State::Due.as_str());
            *counts.entry(due).or_default() -= i64::try_from(count.count).unwrap_or(0);
        }
        let kept = counts.into_iter().filter_map(|((destination, state), count)| {
            let count = u64::try_from(count).ok().filter(|count| *count > 0)?;
            Some(StateCount { destination, state: state.parse().ok()?, count })
        });
        kept.chain(claimed).collect()
    }
}
