//! Order within a case (H11).
//!
//! A due delivery of an ordered step is `held` (bit 1) while an earlier submission of its tenant and case has a delivery
//! of the same step in a state that holds later ones back. `held` is kept with the row, so that looking for work never
//! looks at what may not leave. Earlier means: accepted earlier, even where the delivery itself was made later (an
//! unrouted submission that found its route).

use crate::fault::Fault;
use crate::rows::first;
use rohrpost_model::{Delivery, State};
use rusqlite::Connection;

/// The line of a delivery (its tenant, case and step), and the states in which a row holds later ones back: those of
/// [`State::holds_later`], less `claimed`, which no row is. The index `deliveries_in_order` has the same words.
macro_rules! holding_in_line {
    () => {
        "case_id = ?1 AND tenant = ?2 AND step = ?3 \
         AND state IN ('blocked', 'due', 'sending', 'unknown', 'parked')"
    };
}

const ANY_EARLIER: &str =
    concat!("SELECT EXISTS (SELECT 1 FROM deliveries WHERE ", holding_in_line!(), " AND submission < ?4)");

/// Only the next one in the line can be free now, because it holds all after it.
const LET_NEXT_GO: &str = concat!(
    "UPDATE deliveries SET held = held & ~1 WHERE held & 1 AND seq = (SELECT seq FROM deliveries WHERE ",
    holding_in_line!(),
    " AND submission > ?4 ORDER BY submission LIMIT 1) AND NOT EXISTS (SELECT 1 FROM deliveries WHERE ",
    holding_in_line!(),
    " AND submission <= ?4) RETURNING seq"
);

const HOLD_LATER_ONES: &str = concat!(
    "UPDATE deliveries SET held = held | 1 WHERE ",
    holding_in_line!(),
    " AND submission > ?4 AND state = 'due' AND ordered = 1 AND NOT held & 1 RETURNING seq"
);

/// A delivery in its line; `submission` is the order of acceptance.
#[derive(Clone, Copy)]
pub(crate) struct InLine<'a> {
    pub(crate) submission: i64,
    pub(crate) delivery: &'a Delivery,
}

impl InLine<'_> {
    /// Whether it has to wait when it is in `state`.
    pub(crate) fn is_held(self, connection: &Connection, state: State) -> Result<bool, Fault> {
        if !self.delivery.ordered || state != State::Due {
            return Ok(false);
        }
        first(connection, ANY_EARLIER, self.key())
    }

    /// After its row has changed: lets the next one go, or holds the later ones back again. Returns the places of the rows
    /// that were changed by that.
    pub(crate) fn changed(
        self,
        connection: &Connection,
        from: Option<State>,
        to: State,
    ) -> Result<Vec<i64>, Fault> {
        let sql = match (from.is_some_and(State::holds_later), to.holds_later()) {
            (true, false) => LET_NEXT_GO,
            (false, true) => HOLD_LATER_ONES,
            _ => return Ok(Vec::new()),
        };
        let mut statement = connection.prepare_cached(sql)?;
        // The update is done when all its rows were read.
        let places = statement.query_map(self.key(), |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(places)
    }

    fn key(&self) -> (&str, &str, &str, i64) {
        let delivery = self.delivery;
        (delivery.case.as_str(), delivery.tenant.as_str(), delivery.step.as_str(), self.submission)
    }
}

/// What the tests look at.
#[cfg(test)]
pub(crate) const ALL: [&str; 3] = [ANY_EARLIER, LET_NEXT_GO, HOLD_LATER_ONES];
