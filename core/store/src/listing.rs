//! Lists of deliveries. Every state is looked up in an index of its own and the results are merged, so that a page
//! costs what it shows, however many deliveries have ended.

use crate::claims::Claims;
use crate::fault::Fault;
use crate::records::Look;
use crate::rows::{DELIVERY, FROM_DELIVERIES, as_word};
use crate::scope::{ScopeParams, VISIBLE};
use rohrpost_model::ports::{Cursor, DeliveryFilter};
use rohrpost_model::{Delivery, State};
use rusqlite::{Connection, ToSql};

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
        let page = Page { scope, filter, after, limit, claims: &self.claims };
        page.params(|params| self.read_leniently(connection, &page_sql(filter, state), params))
    }
}

/// What a page is asked for.
pub(crate) struct Page<'a> {
    pub(crate) scope: &'a ScopeParams,
    pub(crate) filter: &'a DeliveryFilter,
    pub(crate) after: Option<Cursor>,
    pub(crate) limit: usize,
    pub(crate) claims: &'a Claims,
}

impl Page<'_> {
    /// Gives the parameters that every list takes to `query`.
    pub(crate) fn params<T>(
        &self,
        query: impl FnOnce(&[&dyn ToSql]) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let filter = self.filter;
        let (tenants, client) = self.scope.as_sql();
        let after = self.after.map_or(0, |Cursor(place)| i64::try_from(place).unwrap_or(i64::MAX));
        query(rusqlite::params![
            tenants,
            client,
            after,
            i64::try_from(self.limit).unwrap_or(i64::MAX),
            filter.destination.as_ref().map(|name| name.as_str()),
            filter.service.as_ref().map(|key| key.as_str()),
            filter.case.as_ref().map(|case| case.as_str()),
            self.claimed(),
            filter.tenant.as_ref().map(|tenant| tenant.as_str()),
            filter.reason.as_ref().map(as_word).transpose()?,
            filter.paused,
        ])
    }

    /// The claimed deliveries as a JSON list of their ids in hexadecimal.
    fn claimed(&self) -> String {
        let hex = |id: rohrpost_model::DeliveryId| id.to_string().replace('-', "");
        let ids: Vec<String> = self.claims.claimed().into_iter().map(hex).collect();
        serde_json::Value::from(ids).to_string()
    }
}

pub(crate) fn page_sql(filter: &DeliveryFilter, state: Option<State>) -> String {
    let conditions = conditions(filter, state);
    format!("SELECT {DELIVERY} FROM {FROM_DELIVERIES} WHERE {conditions} ORDER BY d.seq LIMIT ?4")
}

/// Every parameter but `?4` is there in every query, so that all take the same.
pub(crate) fn conditions(filter: &DeliveryFilter, state: Option<State>) -> String {
    let mut conditions = vec![VISIBLE, "d.seq > ?3", "?8 IS NOT NULL"];
    let one_of = |set: bool, condition: &'static str, none: &'static str| if set { condition } else { none };
    conditions.extend(state.map(in_state));
    conditions.push(one_of(filter.destination.is_some(), "d.destination = ?5", "?5 IS NULL"));
    conditions.push(one_of(filter.service.is_some(), "s.service = ?6", "?6 IS NULL"));
    let of_case = "d.submission IN (SELECT seq FROM submissions WHERE case_id = ?7)";
    conditions.push(one_of(filter.case.is_some(), of_case, "?7 IS NULL"));
    conditions.push(one_of(filter.tenant.is_some(), "d.tenant = ?9", "?9 IS NULL"));
    conditions.push(one_of(filter.reason.is_some(), "d.reason ->> 'code' = ?10", "?10 IS NULL"));
    conditions.push(one_of(filter.paused.is_some(), "(d.paused_by IS NOT NULL) = ?11", "?11 IS NULL"));
    conditions.join(" AND ")
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
