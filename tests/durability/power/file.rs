//! One file as the model of the disk keeps it: what is durable for sure, and what may or may not have reached the disk.

use super::fate::{Fate, Plan};
use bytes::Bytes;
use std::ops::Range;

/// What a disk writes at once.
pub const SECTOR: u64 = 512;

/// What the system keeps and writes back at once.
const PAGE: u64 = 4096;

/// A change of a file's content.
#[derive(Clone, Debug)]
pub enum Edit {
    Write { at: u64, bytes: Bytes },
    Length(u64),
    Zero { at: u64, length: u64 },
}

impl Edit {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => {
                let (at, end) = (index(*at), index(*at) + bytes.len());
                content.resize(content.len().max(end), 0);
                content[at..end].copy_from_slice(bytes);
            }
            Self::Length(length) => content.resize(index(*length), 0),
            Self::Zero { at, length } => {
                let end = index(at + length).min(content.len());
                let at = index(*at).min(end);
                content[at..end].fill(0);
            }
        }
    }

    /// The places that it writes to.
    fn range(&self) -> Range<u64> {
        match self {
            Self::Write { at, bytes } => *at..at + bytes.len() as u64,
            Self::Length(_) => 0..0,
            Self::Zero { at, length } => *at..at + length,
        }
    }

    /// The same in pieces that end at multiples of `size`.
    fn pieces(&self, size: u64) -> Vec<Self> {
        let Self::Write { at, bytes } = self else { return vec![self.clone()] };
        let (mut at, mut rest, mut pieces) = (*at, bytes.clone(), Vec::new());
        while !rest.is_empty() {
            let bytes = rest.split_to(index(size - at % size).min(rest.len()));
            let length = bytes.len() as u64;
            pieces.push(Self::Write { at, bytes });
            at += length;
        }
        pieces
    }
}

/// A file, with or without a name.
#[derive(Default)]
pub struct File {
    /// What the last sync left.
    durable: Vec<u8>,
    /// Changes since then, with the position in the log.
    pending: Vec<(usize, Edit)>,
    /// Changes whose sync failed. The system takes their pages for clean: no later sync brings them to the disk, unless
    /// their page is written again.
    lost: Vec<Edit>,
}

impl File {
    pub fn edit(&mut self, position: usize, edit: Edit) {
        self.pending.push((position, edit));
    }

    /// A sync that began at `begin` has ended well.
    pub fn synced(&mut self, begin: usize) {
        for edit in self.take_before(begin) {
            self.write_back_lost(&edit.range());
            edit.apply(&mut self.durable);
        }
    }

    /// A sync that began at `begin` has failed.
    pub fn sync_failed(&mut self, begin: usize) {
        for edit in self.take_before(begin) {
            match edit {
                Edit::Write { .. } => self.lost.extend(edit.pieces(PAGE)),
                // Length and holes are metadata, which the system goes on to keep as changed.
                Edit::Length(_) | Edit::Zero { .. } => self.pending.insert(0, (0, edit)),
            }
        }
    }

    fn take_before(&mut self, begin: usize) -> Vec<Edit> {
        let (before, after) = std::mem::take(&mut self.pending).into_iter().partition(|(at, _)| *at < begin);
        self.pending = after;
        let before: Vec<(usize, Edit)> = before;
        before.into_iter().map(|(_, edit)| edit).collect()
    }

    /// A page that is written again goes to the disk with all that it holds.
    fn write_back_lost(&mut self, range: &Range<u64>) {
        let pages = range.start / PAGE..range.end.div_ceil(PAGE);
        let durable = &mut self.durable;
        self.lost.retain(|edit| {
            let touched = pages.contains(&(edit.range().start / PAGE));
            if touched {
                edit.apply(durable);
            }
            !touched
        });
    }

    /// Whether something of it may be missing after a power cut.
    pub fn is_at_risk(&self) -> bool {
        !self.pending.is_empty() || !self.lost.is_empty()
    }

    /// What is there for sure.
    pub fn durable(&self) -> &[u8] {
        &self.durable
    }

    /// What a power cut leaves of it.
    pub fn after_cut(&self, fate: &mut Fate) -> Vec<u8> {
        let mut left = self.durable.clone();
        if !self.is_at_risk() {
            return left;
        }
        for edit in &self.lost {
            if fate.happened() {
                edit.apply(&mut left);
            }
        }
        for edit in chosen(&self.pending, fate) {
            edit.apply(&mut left);
        }
        let only_writes = self.pending.iter().all(|(_, edit)| matches!(edit, Edit::Write { .. }));
        if only_writes {
            let written = self.pending.iter().map(|(_, edit)| index(edit.range().end)).max().unwrap_or(0);
            left.resize(fate.length(self.durable.len(), left.len(), written), 0);
        }
        left
    }
}

/// The changes, or parts of them, that happened.
fn chosen(pending: &[(usize, Edit)], fate: &mut Fate) -> Vec<Edit> {
    let edits = || pending.iter().map(|(_, edit)| edit);
    match fate.plan(pending.len()) {
        Plan::Nothing => Vec::new(),
        Plan::Everything => edits().cloned().collect(),
        Plan::Prefix(count) => edits().take(count).cloned().collect(),
        Plan::Subset => edits().filter(|_| fate.happened()).cloned().collect(),
        Plan::Torn(whole) => {
            let mut some: Vec<_> = edits().take(whole).cloned().collect();
            if let Some((_, edit)) = pending.get(whole) {
                some.extend(fate.torn(edit.pieces(SECTOR)));
            }
            some
        }
        Plan::Sectors => edits().flat_map(|edit| edit.pieces(SECTOR)).filter(|_| fate.happened()).collect(),
    }
}

fn index(place: u64) -> usize {
    usize::try_from(place).expect("a place in a file")
}
