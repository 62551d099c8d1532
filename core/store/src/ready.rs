//! What may be handed out, mirrored in memory, so that handing out work costs no look at the disk.
//!
//! Of every place and tenant the mirror holds the rows that may be handed out, the earliest due first: all of them up to a
//! reach, beyond which nothing is known. It is filled from the disk when somebody asks for work there, and every commit is
//! repeated in it before anybody is answered. So what it holds is what the rows say, and a claim is only the right to it
//! ([`Claims`]): a row leaves the mirror when a commit changes it, not when it is handed out.

use crate::claims::{Claims, Holder};
use crate::rows::{Stored, nanos};
use rohrpost_model::ports::{Place, Wanted, Work};
use rohrpost_model::{DeliveryId, State, TenantName, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// When a row falls due, and its place in its table.
pub(crate) type Key = (i64, i64);

/// What a commit did to a row that is or was to be handed out.
pub(crate) enum Change {
    /// It may not be handed out any more, or not as it was.
    Gone(DeliveryId),
    /// It may, as it is now.
    Waits(Box<Stored>),
}

pub(crate) struct Ready {
    all: Mutex<All>,
    /// So many rows of a tenant are read at one time, more where more are wanted.
    pub(crate) window: usize,
}

#[derive(Default)]
struct All {
    lanes: HashMap<Place, Lane>,
    /// Where each row that is held stands.
    index: HashMap<DeliveryId, (Place, TenantName, Key)>,
    /// The place that is being filled, and what commits did since that began: of each row the last word.
    filling: Option<(Place, HashMap<DeliveryId, Change>)>,
}

#[derive(Default)]
struct Lane {
    /// With rows for this work; `None`: nothing is known.
    filled: Option<Work>,
    queues: BTreeMap<TenantName, Queue>,
    /// So many rows of a tenant were read.
    window: usize,
    /// The time that no wait reached when it was filled.
    edge: i64,
}

/// The rows of one tenant.
#[derive(Default)]
struct Queue {
    /// What is due up to the lane's edge, and whatever is awaiting.
    waiting: Rows,
    /// What is due only after the edge: now, as long as no wait reaches so far.
    astray: Rows,
}

#[derive(Default)]
struct Rows {
    rows: BTreeMap<Key, Stored>,
    /// Everything up to here is held; `None`: everything.
    reach: Option<Key>,
}

/// What was found in memory.
pub(crate) enum Taken {
    /// These were reserved; and when the next falls due.
    These(Vec<Stored>, Option<Timestamp>),
    /// The mirror has to be filled first.
    Unknown,
}

/// One tenant's rows as they were read: in the order of their times, and what lies beyond every wait.
pub(crate) struct Filling {
    pub(crate) tenant: TenantName,
    pub(crate) waiting: Found,
    pub(crate) astray: Found,
}

pub(crate) struct Found {
    pub(crate) rows: Vec<Stored>,
    /// The last that was looked at, where there are more.
    pub(crate) reach: Option<Key>,
}

/// A place that is being filled. Dropped before its end it leaves the place unknown.
pub(crate) struct BeingFilled<'a>(&'a Ready);

/// When it is taken: what is due, and what counts as due.
#[derive(Clone, Copy)]
struct Times {
    now: i64,
    beyond: i64,
}

impl Ready {
    pub(crate) fn new(window: usize) -> Self {
        Self { all: Mutex::default(), window: window.max(1) }
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Repeats what a group did. Called after its commit and before its callers are answered.
    pub(crate) fn apply(&self, changes: impl Iterator<Item = Change>) {
        let mut all = self.lock();
        for change in changes {
            all.apply(change);
        }
    }

    /// Says that a place is being filled, one at a time. Until it is, nothing is known of it; what is committed from now on
    /// is repeated then.
    pub(crate) fn begin_to_fill(&self, place: &Place) -> BeingFilled<'_> {
        let mut all = self.lock();
        all.empty(place);
        all.filling = Some((place.clone(), HashMap::new()));
        BeingFilled(self)
    }

    /// Reserves what is wanted: the tenants in turn, of each the longest due first.
    pub(crate) fn take(&self, claims: &Claims, wanted: &Wanted) -> Taken {
        let mut all = self.lock();
        let lane = all.lane(&wanted.destination);
        let times = Times::of(wanted);
        if lane.filled != Some(wanted.work) || !lane.knows(times) {
            return Taken::Unknown;
        }
        let mut taken = Vec::new();
        if !lane.take_in_turn(claims, wanted, times, &mut taken) {
            taken.iter().for_each(|row| claims.release(row.delivery.id));
            return Taken::Unknown;
        }
        let full = taken.len() >= wanted.limit;
        let next_due = if full { None } else { lane.next_due(claims, times) };
        Taken::These(taken, next_due)
    }
}

impl BeingFilled<'_> {
    /// Fills the place with what was read since it began.
    pub(crate) fn end(self, wanted: &Wanted, read: Vec<Filling>) {
        let mut all = self.0.lock();
        let Some((place, meanwhile)) = all.filling.take() else { return };
        let lane = all.lane(&place);
        lane.filled = Some(wanted.work);
        lane.edge = Times::of(wanted).beyond;
        lane.window = read.iter().map(Filling::longest).max().unwrap_or(0).max(self.0.window);
        for Filling { tenant, waiting, astray } in read {
            let queue = all.lane(&place).queues.entry(tenant).or_default();
            (queue.waiting.reach, queue.astray.reach) = (waiting.reach, astray.reach);
            // What was changed meanwhile may wait elsewhere now.
            let rows = waiting.rows.into_iter().chain(astray.rows);
            rows.filter(|row| !meanwhile.contains_key(&row.delivery.id)).for_each(|row| all.put(row));
        }
        for change in meanwhile.into_values() {
            if let Change::Waits(row) = change {
                all.put(*row);
            }
        }
    }
}

impl Drop for BeingFilled<'_> {
    fn drop(&mut self) {
        self.0.lock().filling = None;
    }
}

impl All {
    fn lane(&mut self, place: &Place) -> &mut Lane {
        self.lanes.entry(place.clone()).or_default()
    }

    fn apply(&mut self, change: Change) {
        let id = change.delivery();
        self.remove(id);
        match (change, &mut self.filling) {
            (Change::Waits(row), Some((place, meanwhile))) if row.delivery.destination == *place => {
                meanwhile.insert(id, Change::Waits(row));
            }
            (change, filling) => {
                // Whether it waits at the place that is being filled is not known here.
                if let Some((_, meanwhile)) = filling {
                    meanwhile.insert(id, Change::Gone(id));
                }
                if let Change::Waits(row) = change {
                    self.put(*row);
                }
            }
        }
    }

    /// Puts a row into its lane where that is filled with the likes of it, unless it lies beyond the reach.
    fn put(&mut self, row: Stored) {
        let (id, place, tenant) =
            (row.delivery.id, row.delivery.destination.clone(), row.delivery.tenant.clone());
        self.remove(id);
        let Some(lane) = self.lanes.get_mut(&place) else { return };
        if !lane.filled.is_some_and(|work| row.fits(work)) {
            return;
        }
        let key = row.key();
        let queue = lane.queues.entry(tenant.clone()).or_default();
        let rows = if row.lies_beyond(lane.edge) { &mut queue.astray } else { &mut queue.waiting };
        if rows.reach.is_some_and(|reach| key > reach) {
            return;
        }
        rows.rows.insert(key, row);
        let dropped = rows.shorten(lane.window);
        self.index.insert(id, (place, tenant, key));
        for id in dropped {
            self.index.remove(&id);
        }
    }

    fn remove(&mut self, id: DeliveryId) {
        let Some((place, tenant, key)) = self.index.remove(&id) else { return };
        let Some(lane) = self.lanes.get_mut(&place) else { return };
        let Some(queue) = lane.queues.get_mut(&tenant) else { return };
        queue.waiting.rows.remove(&key);
        queue.astray.rows.remove(&key);
        if queue.waiting.is_nothing() && queue.astray.is_nothing() {
            lane.queues.remove(&tenant);
        }
    }

    fn empty(&mut self, place: &Place) {
        let Some(lane) = self.lanes.get_mut(place) else { return };
        lane.filled = None;
        let rows = std::mem::take(&mut lane.queues)
            .into_values()
            .flat_map(|queue| queue.waiting.rows.into_values().chain(queue.astray.rows.into_values()));
        for row in rows {
            self.index.remove(&row.delivery.id);
        }
    }
}

impl Lane {
    /// Whether what is due at these times was told apart when it was filled: not after the clock was put back, and not
    /// when what was beyond every wait then has come.
    fn knows(&self, times: Times) -> bool {
        times.now <= self.edge && self.edge <= times.beyond
    }

    /// Returns whether it is known of everybody who had a turn what he has.
    fn take_in_turn(&self, claims: &Claims, wanted: &Wanted, times: Times, taken: &mut Vec<Stored>) -> bool {
        let mut turns: Vec<_> = self.queues.iter().collect();
        if let Some(after) = &wanted.after {
            let turn = turns.iter().position(|(tenant, _)| *tenant > after).unwrap_or(0);
            turns.rotate_left(turn);
        }
        let mut queues: Vec<_> = turns.iter().map(|(_, queue)| (*queue, queue.due(times))).collect();
        let mut known = true;
        while !queues.is_empty() {
            queues.retain_mut(|(queue, rows)| {
                if taken.len() >= wanted.limit {
                    return false;
                }
                let free = rows.find(|row| row.reserve(claims, &wanted.destination));
                known &= free.is_some() || !queue.may_have_more(times.now);
                taken.extend(free.cloned());
                free.is_some()
            });
        }
        known
    }

    fn next_due(&self, claims: &Claims, times: Times) -> Option<Timestamp> {
        let next = self.queues.values().filter_map(|queue| queue.next_due(claims)).min();
        next.and_then(|due| crate::rows::from_nanos(due.max(times.now)).ok())
    }
}

impl Queue {
    /// What went astray was written before the clock was put back: it has waited longest, and there is an end to it. So all
    /// of it must be known before anything else has its turn.
    fn due(&self, times: Times) -> impl Iterator<Item = &Stored> {
        let astray = self.astray.rows.values().filter(move |row| row.lies_beyond(times.beyond));
        let waiting = self.waiting.rows.range(..=(times.now, i64::MAX)).map(|(_, row)| row);
        astray.chain(waiting.take_while(|_| self.astray.reach.is_none()))
    }

    /// Whether more may be due than what is held here.
    fn may_have_more(&self, now: i64) -> bool {
        self.astray.reach.is_some() || self.waiting.reach.is_some_and(|(due, _)| due <= now)
    }

    fn next_due(&self, claims: &Claims) -> Option<i64> {
        let times = [&self.waiting, &self.astray].into_iter().filter_map(|rows| {
            let next = rows.rows.iter().find(|(_, row)| !claims.is_held(row.delivery.id));
            next.map(|((due, _), _)| *due).or(rows.reach.map(|(due, _)| due))
        });
        times.min()
    }
}

impl Rows {
    fn is_nothing(&self) -> bool {
        self.rows.is_empty() && self.reach.is_none()
    }

    /// Forgets the last ones where there are too many.
    fn shorten(&mut self, window: usize) -> Vec<DeliveryId> {
        if self.rows.len() <= 2 * window {
            return Vec::new();
        }
        let Some(first_out) = self.rows.keys().nth(window).copied() else { return Vec::new() };
        let out = self.rows.split_off(&first_out);
        self.reach = self.rows.keys().next_back().copied();
        out.into_values().map(|row| row.delivery.id).collect()
    }
}

impl Filling {
    fn longest(&self) -> usize {
        self.waiting.rows.len().max(self.astray.rows.len())
    }
}

impl Times {
    fn of(wanted: &Wanted) -> Self {
        let now = nanos(wanted.now);
        Self { now, beyond: nanos(wanted.beyond).max(now) }
    }
}

impl Change {
    fn delivery(&self) -> DeliveryId {
        match self {
            Self::Gone(id) => *id,
            Self::Waits(row) => row.delivery.id,
        }
    }
}

impl Stored {
    fn key(&self) -> Key {
        (self.delivery.due_at.map_or(i64::MAX, nanos), self.seq)
    }

    fn fits(&self, work: Work) -> bool {
        work == Work::All || self.delivery.state != State::Due
    }

    /// Whether its time lies beyond every wait but that for a target's last word.
    fn lies_beyond(&self, edge: i64) -> bool {
        self.delivery.state != State::Awaiting && self.key().0 > edge
    }

    fn reserve(&self, claims: &Claims, place: &Place) -> bool {
        let taken = claims.take(self.delivery.id, Holder::Worker, place.as_ref());
        if taken && self.delivery.state == State::Due {
            claims.set_due(self.delivery.id, true);
        }
        taken
    }
}

#[cfg(test)]
impl Ready {
    /// Whether what is held is what `rows` say, all that may be handed out: everything up to the reach, and nothing else.
    pub(crate) fn check(&self, rows: &[Stored]) {
        let all = self.lock();
        let mut held = 0;
        for (place, lane) in all.lanes.iter().filter(|(_, lane)| lane.filled.is_some()) {
            for queue in lane.queues.values() {
                let longest = queue.waiting.rows.len().max(queue.astray.rows.len());
                assert!(longest <= 2 * lane.window, "{longest} rows are held");
                held += queue.waiting.rows.len() + queue.astray.rows.len();
            }
            let here = rows.iter().filter(|row| row.delivery.destination == *place);
            let fits = here.filter(|row| lane.filled.is_some_and(|work| row.fits(work)));
            let known = fits.filter(|row| lane.must_hold(row));
            held -= known.map(|row| assert!(lane.holds(row), "not as it is: {}", row.delivery.id)).count();
        }
        assert_eq!(held, 0, "rows are held that may not be handed out, or not from there");
        assert_eq!(all.index.len(), all.lanes.values().map(Lane::len).sum::<usize>());
        for (id, (place, tenant, key)) in &all.index {
            let queue = &all.lanes[place].queues[tenant];
            let row = queue.waiting.rows.get(key).or(queue.astray.rows.get(key));
            assert_eq!(row.map(|row| row.delivery.id), Some(*id));
        }
    }

    /// Whether nothing lies beyond what is held for a place.
    pub(crate) fn holds_all(&self, place: &Place) -> bool {
        let all = self.lock();
        let rows = |queue: &Queue| queue.waiting.reach.is_none() && queue.astray.reach.is_none();
        all.lanes.get(place).is_some_and(|lane| lane.filled.is_some() && lane.queues.values().all(rows))
    }
}

#[cfg(test)]
impl Lane {
    fn len(&self) -> usize {
        self.queues.values().map(|queue| queue.waiting.rows.len() + queue.astray.rows.len()).sum()
    }

    fn rows_for(&self, row: &Stored) -> Option<&Rows> {
        let queue = self.queues.get(&row.delivery.tenant)?;
        Some(if row.lies_beyond(self.edge) { &queue.astray } else { &queue.waiting })
    }

    fn must_hold(&self, row: &Stored) -> bool {
        self.rows_for(row).is_none_or(|rows| rows.reach.is_none_or(|reach| row.key() <= reach))
    }

    fn holds(&self, row: &Stored) -> bool {
        let found = self.rows_for(row).and_then(|rows| rows.rows.get(&row.key()));
        let all = |row: &Stored| (row.submission, row.delivery.clone(), row.sealed_receipt.clone(), row.held);
        found.map(all) == Some(all(row))
    }
}
