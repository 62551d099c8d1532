//! What may be referred to, and references to what is not there.

use super::reader::{Faults, Place, Placed};
use rohrpost_kit::settings::nearest;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// The names of one kind of item. An item whose file has faults is in it too: references to it are right.
#[derive(Debug)]
pub struct Names {
    kind: &'static str,
    names: BTreeSet<String>,
    unread: bool,
}

impl Names {
    /// The names of items of `kind`.
    pub fn new(kind: &'static str, names: impl IntoIterator<Item = String>) -> Self {
        Self { kind, names: names.into_iter().collect(), unread: false }
    }

    /// Items that could not be looked for, which is a fault already: any reference to them may be right.
    pub fn unread(kind: &'static str) -> Self {
        Self { kind, names: BTreeSet::new(), unread: true }
    }

    /// Whether there is such an item.
    pub fn has(&self, name: &str) -> bool {
        self.unread || self.names.contains(name)
    }

    /// Notes a reference to an item that is not there. Whether it is.
    pub fn check(&self, name: &Placed<impl Display>, faults: &Faults) -> bool {
        let text = name.value.to_string();
        if !self.has(&text) {
            faults.note(name.at.fault(format!("unknown {} `{text}`", self.kind)).hint(self.hint(&text)));
        }
        self.has(&text)
    }

    /// What could have been meant.
    pub fn hint(&self, name: &str) -> String {
        let known = self.names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        match nearest(name, self.names.iter().map(String::as_str)) {
            _ if self.names.is_empty() => format!("there is no {} at all", self.kind),
            Some(meant) => format!("did you mean `{meant}`? Known: {known}"),
            None => format!("known: {known}"),
        }
    }
}

/// All names that may be referred to.
#[derive(Debug)]
pub struct Known {
    /// Tenants.
    pub tenants: Names,
    /// Clients.
    pub clients: Names,
    /// Destinations.
    pub destinations: Names,
    /// Mappings.
    pub mappings: Names,
    /// Seals.
    pub seals: Names,
}

/// Notes names that are used twice, with the place of the first use.
pub fn check_unique<'n, N: Ord + Display + 'n>(
    what: &str,
    names: impl Iterator<Item = &'n Placed<N>>,
    faults: &Faults,
) {
    let mut seen: BTreeMap<&N, &Place> = BTreeMap::new();
    for name in names {
        if let Some(first) = seen.get(&name.value) {
            let fault = name.at.fault(format!("the {what} `{}` is there already, in {first}", name.value));
            faults.note(fault.hint("give each a name of its own"));
            continue;
        }
        seen.insert(&name.value, &name.at);
    }
}
