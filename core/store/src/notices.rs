//! Where something became due: a hint for whoever hands out work, so that it need not look everywhere.

use rohrpost_model::ports::Place;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Bounded by the number of places.
#[derive(Default)]
pub(crate) struct Notices(Mutex<HashSet<Place>>);

impl Notices {
    /// Called after the commit.
    pub(crate) fn add(&self, places: impl Iterator<Item = Place>) {
        let mut noticed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for place in places {
            if !noticed.contains(&place) {
                noticed.insert(place);
            }
        }
    }

    pub(crate) fn take(&self) -> Vec<Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }
}
