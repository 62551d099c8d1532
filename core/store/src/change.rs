//! Reading and changing deliveries within a group.

use crate::fault::{Fault, damaged};
use crate::history::Entry;
use crate::ledger::Ledger;
use crate::order::InLine;
use crate::rows::{DELIVERY, FROM_DELIVERIES, Stored, as_json, as_word, first, nanos, stored};
use rohrpost_model::ports::{NewDelivery, StoreFault};
use rohrpost_model::transition::{Event, Impossible, next};
use rohrpost_model::{Delivery, DeliveryId, DestinationName, Digest, Reason, State, Submission, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Params, params_from_iter};

/// Who the hub itself is in a history.
pub(crate) const HUB: &str = "rohrpost";

/// What happens to a delivery, and who or what is behind it (H6).
pub(crate) struct Change<'a> {
    pub(crate) event: Event,
    pub(crate) at: Timestamp,
    pub(crate) reason: Option<Reason>,
    /// When the hub looks at it next. A delivery that becomes due without a time is due at once.
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) cause: &'a str,
    pub(crate) who: &'a str,
    pub(crate) why: Option<&'a str>,
    pub(crate) evidence: Option<Digest>,
    pub(crate) also: Also<'a>,
}

/// What changes with the state, in the same row.
#[derive(Clone, Copy, Default)]
pub(crate) enum Also<'a> {
    #[default]
    Nothing,
    /// An attempt begins; its document, where it is the first one under these pins.
    Attempt { document: Option<&'a str> },
    /// The target's word, encrypted.
    Receipt(&'a [u8]),
    /// The reader of its mailbox fetched it first.
    Fetched,
    /// A person asked: the tries are counted anew.
    Retry,
    /// The same under new pins: what was made under the old ones is forgotten.
    Mend { pinned: Digest, destination: &'a DestinationName },
}

impl Ledger {
    /// The delivery as its row stands.
    pub(crate) fn find(&self, id: DeliveryId) -> Result<Stored, Fault> {
        let found = self.select("d.id = ?1", [id.as_bytes()])?.pop();
        found.ok_or_else(|| damaged("a delivery that is not there").into())
    }

    /// Deliveries that fit `condition`, in the order they were made.
    pub(crate) fn select(&self, condition: &str, params: impl Params) -> Result<Vec<Stored>, Fault> {
        let sql = format!("SELECT {DELIVERY} FROM {FROM_DELIVERIES} WHERE {condition} ORDER BY d.seq");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(stored(row)?);
        }
        Ok(found)
    }

    /// The delivery as its holder knows it: claimed, where its row says due.
    pub(crate) fn find_held(&self, id: DeliveryId, event: Event) -> Result<Stored, Fault> {
        let mut held = self.find(id)?;
        if !self.claims.worked_on(id) {
            return Err(Impossible { state: held.delivery.state, event }.into());
        }
        self.claims.show(&mut held.delivery);
        Ok(held)
    }

    /// Changes a state through the table of states, with its history. Nothing is written if the table refuses.
    pub(crate) fn change(&mut self, stored: &mut Stored, change: &Change<'_>) -> Result<State, Fault> {
        let from = stored.delivery.state;
        let to = next(from, change.event)?;
        let due_at = due_in(to, change.due_at, change.at);
        let since = if in_row(from) == to { stored.delivery.since } else { change.at };
        let before = stored.delivery.destination.clone();
        let line = InLine { submission: stored.submission, delivery: &stored.delivery };
        let held = i64::from(line.is_held(&self.connection, to)?) + 2 * i64::from(stored.is_paused());
        self.update(stored, change, (to, due_at, since, held))?;
        let line = InLine { submission: stored.submission, delivery: &stored.delivery };
        let others = line.changed(&self.connection, Some(from), to)?;
        self.others_changed(&others)?;
        self.count(before.as_ref(), in_row(from), -1);
        self.count(stored.delivery.destination.as_ref(), to, 1);
        self.record(stored.seq, &stored.delivery, &change.entry(to))?;
        Ledger::changed(self, stored);
        Ok(to)
    }

    /// Rows that were let go or held back by a change of another one.
    fn others_changed(&mut self, places: &[i64]) -> Result<(), Fault> {
        for place in places {
            match self.select("d.seq = ?1", [place]) {
                Ok(rows) => rows.iter().for_each(|row| Ledger::changed(self, row)),
                Err(Fault::Own(StoreFault::Damaged(_))) => self.is_left_aside(*place)?,
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    /// A row that cannot be read does not stop the one that lets it go. Whoever looks for it says that it cannot be read.
    fn is_left_aside(&mut self, place: i64) -> Result<(), Fault> {
        let id = first(&self.connection, "SELECT id FROM deliveries WHERE seq = ?1", [place])?;
        self.gone(DeliveryId::from_bytes(id));
        Ok(())
    }

    /// Writes the row, and what changes with it into the noun.
    fn update(
        &self,
        stored: &mut Stored,
        change: &Change<'_>,
        (to, due_at, since, held): (State, Option<Timestamp>, Timestamp, i64),
    ) -> Result<(), Fault> {
        let reason = change.reason.as_ref().map(as_json).transpose()?;
        let mut update = self.connection.prepare_cached(change.also.update())?;
        let common = [
            Value::from(stored.seq),
            Value::from(to.as_str().to_owned()),
            Value::from(reason),
            Value::from(due_at.map(nanos)),
            Value::from(held),
            Value::from(nanos(since)),
        ];
        let also = change.also.values(change.at);
        update.execute(params_from_iter(common.into_iter().chain(also)))?;
        drop(update);
        let delivery = &mut stored.delivery;
        delivery.state = to;
        delivery.reason.clone_from(&change.reason);
        delivery.due_at = due_at;
        delivery.since = since;
        stored.held = held;
        if let Also::Receipt(sealed) = change.also {
            stored.sealed_receipt = Some(sealed.to_owned());
        }
        let delivery = &mut stored.delivery;
        if matches!(change.also, Also::Fetched) {
            delivery.fetched_at = Some(change.at);
        }
        if matches!(change.also, Also::Retry | Also::Mend { .. }) {
            delivery.tries = 0;
            delivery.tries_since = None;
            delivery.fetched_at = None;
        }
        if let Also::Mend { pinned, destination } = change.also {
            delivery.pinned = Some(pinned);
            delivery.destination = Some(destination.clone());
            delivery.document = None;
        }
        Ok(())
    }

    /// Writes into the history what happened to a delivery that stays in its state, with its reason and its due time.
    pub(crate) fn remark(&mut self, stored: &Stored, change: &Change<'_>) -> Result<State, Fault> {
        let to = next(stored.delivery.state, change.event)?;
        self.record(stored.seq, &stored.delivery, &change.entry(to))?;
        Ok(to)
    }

    /// Writes a delivery that begins, with the first row of its history.
    pub(crate) fn begin_delivery(
        &mut self,
        submission: &Submission,
        place: i64,
        new: &NewDelivery,
        begins: &Entry<'_>,
    ) -> Result<(), Fault> {
        let delivery = delivery(submission, new, begins.at);
        let line = InLine { submission: place, delivery: &delivery };
        let held = line.is_held(&self.connection, delivery.state)?;
        let after = as_json(&delivery.after)?;
        let warn_at: Vec<i64> = new.warn_at.iter().copied().map(nanos).collect();
        let rule_at = warn_at.first().copied().or(new.expires_at.map(nanos));
        let warn_at = if warn_at.is_empty() { None } else { Some(as_json(&warn_at)?) };
        let reason = delivery.reason.as_ref().map(as_json).transpose()?;
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO deliveries (id, submission, tenant, client, case_id, step, destination, pinned, ordered, \
             after_steps, after_on, state, reason, due_at, held, counts_as_done, attempts, since, expires_at, warn_at, \
             rule_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 0, 0, ?16, ?17, ?18, ?19)",
        )?;
        insert.execute(rusqlite::params![
            delivery.id.as_bytes(),
            place,
            delivery.tenant.as_str(),
            submission.client.as_str(),
            delivery.case.as_str(),
            delivery.step.as_str(),
            delivery.destination.as_ref().map(|name| name.as_str()),
            delivery.pinned.as_ref().map(Digest::as_bytes),
            delivery.ordered,
            after,
            as_word(&delivery.on)?,
            delivery.state.as_str(),
            reason,
            delivery.due_at.map(nanos),
            held,
            nanos(delivery.since),
            delivery.expires_at.map(nanos),
            warn_at,
            rule_at,
        ])?;
        drop(insert);
        let seq = self.connection.last_insert_rowid();
        let others = line.changed(&self.connection, None, delivery.state)?;
        self.others_changed(&others)?;
        self.count(delivery.destination.as_ref(), delivery.state, 1);
        let entry = Entry { state: delivery.state, reason: delivery.reason.as_ref(), ..*begins };
        self.record(seq, &delivery, &entry)?;
        let held = i64::from(held);
        Ledger::changed(self, &Stored { seq, submission: place, delivery, sealed_receipt: None, held });
        Ok(())
    }
}

impl Also<'_> {
    /// What stays in every variant stands first: `?1` to `?6`.
    const fn update(self) -> &'static str {
        macro_rules! set {
            ($more:literal) => {
                concat!(
                    "UPDATE deliveries SET state = ?2, reason = ?3, due_at = ?4, held = ?5, since = ?6",
                    $more,
                    " WHERE seq = ?1"
                )
            };
        }
        match self {
            Self::Nothing => set!(""),
            Self::Attempt { .. } => set!(
                ", attempts = attempts + 1, tries = tries + 1, tries_since = coalesce(tries_since, ?7), \
                 document = coalesce(?8, document)"
            ),
            Self::Receipt(_) => set!(", sealed_receipt = ?7"),
            Self::Fetched => set!(", fetched_at = ?7"),
            Self::Retry => set!(", tries = 0, tries_since = NULL, fetched_at = NULL"),
            Self::Mend { .. } => {
                set!(
                    ", tries = 0, tries_since = NULL, fetched_at = NULL, document = NULL, pinned = ?7, destination = ?8"
                )
            }
        }
    }

    fn values(self, at: Timestamp) -> Vec<Value> {
        match self {
            Self::Nothing | Self::Retry => Vec::new(),
            Self::Attempt { document } => vec![nanos(at).into(), document.map(str::to_owned).into()],
            Self::Receipt(sealed) => vec![sealed.to_owned().into()],
            Self::Fetched => vec![nanos(at).into()],
            Self::Mend { pinned, destination } => {
                vec![pinned.as_bytes().to_vec().into(), destination.as_str().to_owned().into()]
            }
        }
    }
}

impl<'a> Change<'a> {
    fn entry(&'a self, state: State) -> Entry<'a> {
        Entry {
            at: self.at,
            event: Some(self.event),
            state,
            cause: self.cause,
            who: self.who,
            why: self.why,
            reason: self.reason.as_ref(),
            evidence: self.evidence,
        }
    }
}

/// A state in which a delivery may begin.
pub(crate) fn may_begin(new: &NewDelivery) -> Result<(), Fault> {
    match new.state {
        State::Due | State::Blocked | State::Parked => Ok(()),
        _ => Err(damaged("a delivery that begins in another state than due, blocked or parked").into()),
    }
}

/// A claimed delivery is due in its row.
fn in_row(state: State) -> State {
    if state == State::Claimed { State::Due } else { state }
}

/// Only what the hub looks at by itself has a time.
fn due_in(state: State, due_at: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    match state {
        State::Due => Some(due_at.unwrap_or(now)),
        State::Unknown | State::Awaiting => due_at,
        _ => None,
    }
}

fn delivery(submission: &Submission, new: &NewDelivery, now: Timestamp) -> Delivery {
    Delivery {
        id: new.id,
        submission: submission.id,
        tenant: submission.tenant.clone(),
        case: submission.case.clone(),
        step: new.step.clone(),
        destination: new.destination.clone(),
        pinned: new.pinned,
        ordered: new.ordered,
        after: new.after.clone(),
        on: new.on,
        state: new.state,
        reason: new.reason.clone(),
        since: now,
        due_at: due_in(new.state, new.due_at, now),
        attempts: 0,
        tries: 0,
        tries_since: None,
        expires_at: new.expires_at,
        fetched_at: None,
        paused_by: None,
        behind: None,
        document: None,
        receipt: None,
    }
}
