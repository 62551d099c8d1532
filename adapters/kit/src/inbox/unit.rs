//! Which units lie in the inbox, and which of them are whole.

use super::{CLAIMED, Entry, Inbox, Whole};
use rohrpost_model::Failure;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

/// What belongs to a unit, by the rule of names.
pub(super) struct Unit {
    /// The name that all its files have in common.
    pub(super) name: String,
    /// Its data, its sidecar and its sign, as far as they are there; and its folder.
    pub(super) entries: Vec<Entry>,
}

/// The file that says what a unit is.
pub(super) fn sidecar(name: &str) -> String {
    format!("{name}.meta.json")
}

/// The sign that a unit is whole.
fn ready(name: &str) -> String {
    format!("{name}.ready")
}

impl Inbox {
    /// A unit's data file.
    pub(super) fn data(&self, name: &str) -> String {
        format!("{name}.{}", self.rules.extension)
    }

    /// Units that are claimed whole, by name. One that is claimed in part still has its data in the inbox.
    pub(super) async fn claimed(&self) -> Result<Vec<String>, Failure> {
        let mut claimed = Vec::new();
        for entry in self.files.list(CLAIMED).await?.unwrap_or_default() {
            if entry.name.starts_with('.') {
                // It was to be deleted.
                self.files.remove(&format!("{CLAIMED}/{}", entry.name)).await?;
            } else if entry.is_folder && self.is_claimed(&entry.name).await? {
                claimed.push(entry.name);
            }
        }
        claimed.sort();
        Ok(claimed)
    }

    /// Whether the unit's data lie among what is claimed.
    pub(super) async fn is_claimed(&self, name: &str) -> Result<bool, Failure> {
        let inside = self.files.list(&format!("{CLAIMED}/{name}")).await?.unwrap_or_default();
        Ok(inside.iter().any(|entry| entry.name == self.data(name)))
    }

    /// Units that are whole, by name.
    pub(super) async fn whole(&self) -> Result<Vec<Unit>, Failure> {
        let Some(entries) = self.files.list("").await? else {
            let reason = rohrpost_model::Reason::new(rohrpost_model::ReasonCode::FolderUnavailable);
            return Err(Failure::unavailable(reason));
        };
        let entries: BTreeMap<_, _> = entries.into_iter().map(|entry| (entry.name.clone(), entry)).collect();
        let ending = format!(".{}", self.rules.extension);
        let names = entries.values().filter(|entry| !entry.is_folder && !entry.name.starts_with('.'));
        let names: Vec<_> = names.filter_map(|entry| entry.name.strip_suffix(&ending)).collect();
        let mut whole = Vec::new();
        let mut there = BTreeSet::new();
        // What ends in `.meta.json` says something of another file.
        for name in
            names.into_iter().filter(|name| !name.is_empty() && !self.data(name).ends_with(".meta.json"))
        {
            let of_it = [self.data(name), sidecar(name), ready(name), name.to_owned()];
            let of_it = of_it.iter().filter_map(|one| entries.get(one).cloned()).collect();
            let unit = Unit { name: name.to_owned(), entries: of_it };
            there.insert(unit.name.clone());
            if self.is_whole(&unit).await? {
                whole.push(unit);
            }
        }
        self.lock().retain(|name, _| there.contains(name));
        Ok(whole)
    }

    async fn is_whole(&self, unit: &Unit) -> Result<bool, Failure> {
        let length = match self.rules.whole {
            Whole::Ready => return self.is_ready(unit).await,
            Whole::Stable(length) => length,
        };
        let mut looks = unit.entries.clone();
        looks.extend(self.files.list(&unit.name).await?.unwrap_or_default());
        looks.sort_by(|one, other| one.name.cmp(&other.name));
        let now = self.clock.now();
        let mut seen = self.lock();
        let since = match seen.get(&unit.name) {
            Some((before, since)) if *before == looks => *since,
            _ => now,
        };
        seen.insert(unit.name.clone(), (looks, since));
        let stood = std::time::Duration::try_from(now.duration_since(since)).unwrap_or_default();
        Ok(stood >= length)
    }

    /// Its sign is there, or lies among what is claimed already.
    async fn is_ready(&self, unit: &Unit) -> Result<bool, Failure> {
        let sign = ready(&unit.name);
        if unit.entries.iter().any(|entry| entry.name == sign) {
            return Ok(true);
        }
        let claimed = self.files.list(&format!("{CLAIMED}/{}", unit.name)).await?.unwrap_or_default();
        Ok(claimed.iter().any(|entry| entry.name == sign))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (Vec<Entry>, rohrpost_model::Timestamp)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
