//! Lists of deliveries. Every state is looked up in an index of its own and the results are merged, so that a page
//! costs what it shows, however many deliveries have ended.

use crate::fault::Fault;
use crate::records::Look;
use crate::rows::{DELIVERY, FROM_DELIVERIES};
use crate::scope::{ScopeParams, VISIBLE};
use rohrpost_model::ports::{Cursor, DeliveryFilter};
use rohrpost_model::{Delivery, State};
use rusqlite::Connection;

impl Look {
    pub(crate) fn deliveries(
        &self,
        connection: &Connection,
        scope: &ScopeParams,
        filter: &DeliveryFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, Delivery)>, Fault> {
        let by_state = !filter.states.is_empty() || filter.destination.is_some();
        if !by_state {
            return self.page(connection, scope, filter, None, after, limit);
        }
        let every = filter.states.is_empty();
        let mut found = Vec::new();
        for state in State::ALL.into_iter().filter(|state| every || filter.states.contains(state)) {
            found.extend(self.page(connection, scope, filter, Some(state), after, limit)?);
        }
        found.sort_by_key(|(cursor, _)| *cursor);
        found.truncate(limit);
        Ok(found)
    }

    /// One page of one state, or of all.
    fn page(
        &self,
        connection: &Connection,
        scope: &ScopeParams,
        filter: &DeliveryFilter,
        state: Option<State>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, Delivery)>, Fault> {
        let claimed = self.claimed();
        let (tenants, client) = scope.as_sql();
        let after = after.map_or(0, |Cursor(place)| i64::try_from(place).unwrap_or(i64::MAX));
        let params = rusqlite::params![
            tenants,
            client,
            after,
            i64::try_from(limit).unwrap_or(i64::MAX),
            filter.destination.as_ref().map(|name| name.as_str()),
            filter.service.as_ref().map(|key| key.as_str()),
            filter.case.as_ref().map(|case| case.as_str()),
            claimed,
        ];
        self.read_leniently(connection, &page_sql(filter, state), params)
    }

    /// The claimed deliveries as a JSON list of their ids in hexadecimal.
    fn claimed(&self) -> String {
        let hex = |id: rohrpost_model::DeliveryId| id.to_string().replace('-', "");
        let ids: Vec<String> = self.claims.claimed().into_iter().map(hex).collect();
        serde_json::Value::from(ids).to_string()
    }
}

/// `?8` is there in every query, so that all take the same parameters.
pub(crate) fn page_sql(filter: &DeliveryFilter, state: Option<State>) -> String {
    let mut conditions = vec![VISIBLE, "d.seq > ?3", "?8 IS NOT NULL"];
    conditions.extend(state.map(in_state));
    conditions.push(if filter.destination.is_some() { "d.destination = ?5" } else { "?5 IS NULL" });
    conditions.push(if filter.service.is_some() { "s.service = ?6" } else { "?6 IS NULL" });
    conditions.push(if filter.case.is_some() {
        "d.submission IN (SELECT seq FROM submissions WHERE case_id = ?7)"
    } else {
        "?7 IS NULL"
    });
    let conditions = conditions.join(" AND ");
    format!("SELECT {DELIVERY} FROM {FROM_DELIVERIES} WHERE {conditions} ORDER BY d.seq LIMIT ?4")
}

/// The condition for a state. Open ones name the partial index `deliveries_open`; a claimed one is due in its row.
const fn in_state(state: State) -> &'static str {
    macro_rules! open {
        ($condition:literal) => {
            concat!($condition, " AND d.state NOT IN ('delivered', 'skipped', 'discarded', 'expired')")
        };
    }
    match state {
        State::Blocked => open!("d.state = 'blocked'"),
        State::Due => {
            open!("d.state = 'due' AND d.id NOT IN (SELECT unhex(value) FROM json_each(?8))")
        }
        State::Claimed => "d.state = 'due' AND d.id IN (SELECT unhex(value) FROM json_each(?8))",
        State::Sending => open!("d.state = 'sending'"),
        State::Unknown => open!("d.state = 'unknown'"),
        State::Awaiting => open!("d.state = 'awaiting'"),
        State::Parked => open!("d.state = 'parked'"),
        State::Delivered => "d.state = 'delivered'",
        State::Skipped => "d.state = 'skipped'",
        State::Discarded => "d.state = 'discarded'",
        State::Expired => "d.state = 'expired'",
    }
}
