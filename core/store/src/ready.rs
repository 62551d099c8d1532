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

/// So many rows of a tenant are read at one time, more where more are wanted; at most twice as many are held.
pub(crate) const WINDOW: usize = 64;

/// A clock that was put back by more than this has the mirror filled anew.
const PUT_BACK: i64 = 60 * 1_000_000_000;

/// When a row falls due, and its place in its table.
pub(crate) type Key = (i64, i64);

/// What a commit did to a row that is or was to be handed out.
pub(crate) enum Change {
    /// It may not be handed out any more, or not as it was.
    Gone(DeliveryId),
    /// It may, as it is now.
    Waits(Box<Stored>),
}

#[derive(Default)]
pub(crate) struct Ready(Mutex<All>);

#[derive(Default)]
struct All {
    lanes: HashMap<Place, Lane>,
    /// Where each row that is held stands.
    index: HashMap<DeliveryId, (Place, TenantName, Key)>,
}

#[derive(Default)]
struct Lane {
    /// With rows for this work; `None`: nothing is known.
    filled: Option<Work>,
    /// What commits did while it is being filled, to be repeated after that.
    meanwhile: Option<Vec<Change>>,
    queues: BTreeMap<TenantName, Queue>,
    /// So many rows of a tenant were read.
    window: usize,
    /// When it was asked last, by the clock of whoever asked.
    asked_at: i64,
    /// What is due only after this counts as due.
    beyond: i64,
}

/// The rows of one tenant.
#[derive(Default)]
struct Queue {
    waiting: BTreeMap<Key, Stored>,
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

/// One tenant's rows as they were read.
pub(crate) struct Filling {
    pub(crate) tenant: TenantName,
    pub(crate) rows: Vec<Stored>,
    /// The last of them, where there are more.
    pub(crate) reach: Option<Key>,
}

impl Ready {
    fn lock(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Repeats what a group did. Called after its commit and before its callers are answered.
    pub(crate) fn apply(&self, changes: impl Iterator<Item = Change>) {
        let mut all = self.lock();
        for change in changes {
            all.apply(change);
        }
    }

    /// Says that a place is being filled. What is committed from now on is repeated when it is.
    pub(crate) fn begin_to_fill(&self, place: &Place) {
        self.lock().lanes.entry(place.clone()).or_default().meanwhile = Some(Vec::new());
    }

    /// Fills a place with what was read after [`Self::begin_to_fill`]; without it the place stays unknown.
    pub(crate) fn fill(&self, wanted: &Wanted, read: Option<Vec<Filling>>) {
        let (place, now) = (&wanted.destination, nanos(wanted.now));
        let mut all = self.lock();
        all.empty(place);
        let Some(lane) = all.lanes.get_mut(place) else { return };
        let meanwhile = lane.meanwhile.take().unwrap_or_default();
        let Some(read) = read else { return };
        lane.filled = Some(wanted.work);
        (lane.asked_at, lane.beyond) = (now, nanos(wanted.beyond));
        lane.window = read.iter().map(|filling| filling.rows.len()).max().unwrap_or(0).max(WINDOW);
        for Filling { tenant, rows, reach } in read {
            all.lane(place).queues.entry(tenant).or_default().reach = reach;
            for row in rows {
                let key = key(&row, now);
                all.put(place, key, row);
            }
        }
        for change in meanwhile {
            all.apply(change);
        }
    }

    /// Reserves what is wanted: the tenants in turn, of each the longest due first.
    pub(crate) fn take(&self, claims: &Claims, wanted: &Wanted) -> Taken {
        let mut all = self.lock();
        let lane = all.lane(&wanted.destination);
        let now = nanos(wanted.now);
        let put_back = now < lane.asked_at.saturating_sub(PUT_BACK);
        if lane.filled != Some(wanted.work) || put_back {
            return Taken::Unknown;
        }
        (lane.asked_at, lane.beyond) = (now, nanos(wanted.beyond));
        let taken = lane.take_in_turn(claims, wanted, now);
        let full = taken.len() >= wanted.limit;
        // What lies beyond the reach may be due too.
        if !full && lane.queues.values().any(|queue| queue.may_have_more(claims, now)) {
            taken.iter().for_each(|row| claims.release(row.delivery.id));
            return Taken::Unknown;
        }
        let next_due = if full { None } else { lane.next_due(claims, now) };
        Taken::These(taken, next_due)
    }
}

impl All {
    fn lane(&mut self, place: &Place) -> &mut Lane {
        self.lanes.entry(place.clone()).or_default()
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Gone(id) => {
                self.remove(id);
                // Whether it waits at a place that is being filled is not known here.
                for lane in self.lanes.values_mut().filter_map(|lane| lane.meanwhile.as_mut()) {
                    lane.push(Change::Gone(id));
                }
            }
            Change::Waits(mut row) => {
                self.remove(row.delivery.id);
                let place = row.delivery.destination.clone();
                let Some(lane) = self.lanes.get_mut(&place) else { return };
                if let Some(meanwhile) = &mut lane.meanwhile {
                    meanwhile.push(Change::Waits(row));
                } else if lane.filled.is_some_and(|work| row.fits(work)) {
                    row.due_now = lane.counts_as_due(&row);
                    let key = key(&row, lane.asked_at);
                    self.put(&place, key, *row);
                }
            }
        }
    }

    /// Puts a row into a lane that is filled, unless it lies beyond the reach.
    fn put(&mut self, place: &Place, key: Key, row: Stored) {
        let (id, tenant) = (row.delivery.id, row.delivery.tenant.clone());
        let lane = self.lane(place);
        let window = lane.window;
        let queue = lane.queues.entry(tenant.clone()).or_default();
        if queue.reach.is_some_and(|reach| key > reach) {
            return;
        }
        queue.waiting.insert(key, row);
        let dropped = queue.shorten(window);
        self.index.insert(id, (place.clone(), tenant, key));
        for id in dropped {
            self.index.remove(&id);
        }
    }

    fn remove(&mut self, id: DeliveryId) {
        let Some((place, tenant, key)) = self.index.remove(&id) else { return };
        let Some(lane) = self.lanes.get_mut(&place) else { return };
        let Some(queue) = lane.queues.get_mut(&tenant) else { return };
        queue.waiting.remove(&key);
        if queue.waiting.is_empty() && queue.reach.is_none() {
            lane.queues.remove(&tenant);
        }
    }

    fn empty(&mut self, place: &Place) {
        let Some(lane) = self.lanes.get_mut(place) else { return };
        lane.filled = None;
        let rows =
            std::mem::take(&mut lane.queues).into_values().flat_map(|queue| queue.waiting.into_values());
        for row in rows {
            self.index.remove(&row.delivery.id);
        }
    }
}

impl Lane {
    /// Whether its time lies beyond every wait: it was written under a clock that was put back since.
    fn counts_as_due(&self, row: &Stored) -> bool {
        row.delivery.state != State::Awaiting
            && row.delivery.due_at.is_some_and(|due| nanos(due) > self.beyond)
    }

    fn take_in_turn(&mut self, claims: &Claims, wanted: &Wanted, now: i64) -> Vec<Stored> {
        let mut turns: Vec<_> = self.queues.iter().collect();
        if let Some(after) = &wanted.after {
            let turn = turns.iter().position(|(tenant, _)| *tenant > after).unwrap_or(0);
            turns.rotate_left(turn);
        }
        let mut queues: Vec<_> =
            turns.iter().map(|(_, queue)| queue.waiting.range(..=(now, i64::MAX))).collect();
        let mut taken = Vec::new();
        while !queues.is_empty() {
            queues.retain_mut(|rows| {
                if taken.len() >= wanted.limit {
                    return false;
                }
                let free = rows.find(|(_, row)| row.reserve(claims, &wanted.destination));
                taken.extend(free.map(|(_, row)| row.clone()));
                free.is_some()
            });
        }
        taken
    }

    fn next_due(&self, claims: &Claims, now: i64) -> Option<Timestamp> {
        let times = self.queues.values().filter_map(|queue| {
            let next = queue.waiting.iter().find(|(_, row)| !claims.is_held(row.delivery.id));
            let at = next.map(|((due, _), _)| *due).or(queue.reach.map(|(due, _)| due))?;
            Some(at.max(now))
        });
        times.min().and_then(|at| crate::rows::from_nanos(at).ok())
    }
}

impl Queue {
    /// Whether everything that is due here is held by somebody, and what lies beyond the reach may be due too.
    fn may_have_more(&self, claims: &Claims, now: i64) -> bool {
        let beyond = self.reach.is_some_and(|(due, _)| due <= now);
        beyond && self.waiting.values().all(|row| claims.is_held(row.delivery.id))
    }

    /// Forgets the last ones where there are too many.
    fn shorten(&mut self, window: usize) -> Vec<DeliveryId> {
        if self.waiting.len() <= 2 * window {
            return Vec::new();
        }
        let Some(first_out) = self.waiting.keys().nth(window).copied() else { return Vec::new() };
        let out = self.waiting.split_off(&first_out);
        self.reach = self.waiting.keys().next_back().copied();
        out.into_values().map(|row| row.delivery.id).collect()
    }
}

impl Stored {
    fn fits(&self, work: Work) -> bool {
        work == Work::All || self.delivery.state != State::Due
    }

    fn reserve(&self, claims: &Claims, place: &Place) -> bool {
        let taken = claims.take(self.delivery.id, Holder::Worker, place.as_ref());
        if taken && self.delivery.state == State::Due {
            claims.set_due(self.delivery.id, true);
        }
        taken
    }
}

/// A row's order. What was read as due now because its time lies beyond every wait stands where its time would be now.
pub(crate) fn key(row: &Stored, now: i64) -> Key {
    let due = row.delivery.due_at.map_or(i64::MAX, nanos);
    (if row.due_now { due.min(now) } else { due }, row.seq)
}
