use super::AuditRow;
use rohrpost_model::ports::Head;
use rohrpost_model::{DeliveryId, Digest, Timestamp};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What is before the first row.
const BEGINNING: Head = Head { seq: 0, hash: Digest::from_bytes([0; 32]) };

/// Goes through the rows of a chain in order, and compares it with heads that were taken from it.
pub struct Walk {
    end: Head,
    times: Option<(i64, i64)>,
    wanted: BTreeMap<u64, Vec<usize>>,
    heads: Vec<Head>,
    fits: Vec<Fit>,
}

/// A chain that holds in itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked {
    /// Its end.
    pub end: Head,
    /// The times of its first and its last row.
    pub times: Option<(Timestamp, Timestamp)>,
    /// Whether each of the heads was taken from it, in the order in which they were given.
    pub fits: Vec<Fit>,
}

/// Whether a head was taken from a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It was: up to its row nothing was changed since.
    Fits,
    /// Its row has another hash: the chain was written anew, or the head is of another one.
    Differs,
    /// The chain ends before its row: rows were cut off, or the chain is that of an older backup.
    Beyond,
}

/// The first place where rows are no chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The number of the row.
    pub seq: u64,
    /// What is wrong with it.
    pub how: How,
}

impl Fit {
    /// How `head` fits to a chain that ends with `end`, as far as the end alone tells.
    pub fn at_end(head: Head, end: Head) -> Self {
        match head.seq.cmp(&end.seq) {
            Ordering::Greater => Self::Beyond,
            Ordering::Equal if head.hash == end.hash => Self::Fits,
            _ => Self::Differs,
        }
    }
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is not there, or not in its place.
    Missing,
    /// It is not what was written: its hash does not cover it and the rows before.
    Changed,
    /// A column of it is not of the kind that it has to be.
    Unreadable,
    /// The person's words are not those that were written.
    Words,
    /// The delivery is in another state than its last row says: its state was changed without a row (promise H6).
    State(DeliveryId),
}

impl Walk {
    /// Begins before the first row.
    pub fn new(heads: &[Head]) -> Self {
        let mut wanted: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (index, head) in heads.iter().enumerate() {
            wanted.entry(head.seq).or_default().push(index);
        }
        let fits = vec![Fit::Beyond; heads.len()];
        let mut walk = Self { end: BEGINNING, times: None, wanted, heads: heads.to_vec(), fits };
        walk.compare();
        walk
    }

    /// The number of the row that has to come next.
    pub const fn expected(&self) -> u64 {
        self.end.seq + 1
    }

    /// Takes the next row.
    pub fn take(&mut self, row: &AuditRow) -> Result<(), Broken> {
        let broken = |how| Broken { seq: self.expected(), how };
        if row.seq != self.expected() {
            return Err(broken(How::Missing));
        }
        match row.hash_after(&self.end.hash) {
            None => return Err(broken(How::Unreadable)),
            Some(hash) if hash != row.hash => return Err(broken(How::Changed)),
            Some(hash) => self.end = Head { seq: row.seq, hash },
        }
        self.times = Some(self.times.map_or((row.at, row.at), |(first, _)| (first, row.at)));
        self.compare();
        Ok(())
    }

    /// Compares the end so far with the heads of its row.
    fn compare(&mut self) {
        for index in self.wanted.remove(&self.end.seq).unwrap_or_default() {
            self.fits[index] = if self.heads[index].hash == self.end.hash { Fit::Fits } else { Fit::Differs };
        }
    }

    /// Ends after the last row.
    pub fn finish(self) -> Walked {
        let time = |at: i64| Timestamp::from_nanosecond(i128::from(at)).unwrap_or_default();
        let times = self.times.map(|(first, last)| (time(first), time(last)));
        Walked { end: self.end, times, fits: self.fits }
    }
}

impl Walked {
    /// Whether every head was taken from this chain.
    pub fn fits_all(&self) -> bool {
        self.fits.iter().all(|fit| *fit == Fit::Fits)
    }
}
