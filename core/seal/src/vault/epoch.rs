//! Epochs: one tenant, one ISO week.

use jiff::tz::TimeZone;
use rohrpost_model::ports::VaultFault;
use rohrpost_model::{TenantName, Timestamp};
use std::path::{Path, PathBuf};

/// An epoch, known to be well formed: its name becomes a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Epoch {
    name: String,
}

impl Epoch {
    /// The epoch of a submission: the ISO week (ISO 8601) of `at` in UTC.
    pub(super) fn of(tenant: &TenantName, at: Timestamp) -> Self {
        let week = TimeZone::UTC.to_datetime(at).date().iso_week_date();
        Self { name: format!("{tenant}/{:04}-W{:02}", week.year(), week.week()) }
    }

    /// Reads a name back from the store.
    pub(super) fn parse(name: &str) -> Result<Self, VaultFault> {
        let well_formed = name
            .split_once('/')
            .is_some_and(|(tenant, week)| tenant.parse::<TenantName>().is_ok() && is_week(week));
        if well_formed {
            Ok(Self { name: name.to_owned() })
        } else {
            Err(VaultFault::Damaged("the name of an epoch".to_owned()))
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where its key lies under the key folder.
    pub(super) fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.key", self.name))
    }
}

/// `2026-W48`.
fn is_week(text: &str) -> bool {
    let digits = |range| text.get(range).is_some_and(|part: &str| part.bytes().all(|b| b.is_ascii_digit()));
    text.len() == 8 && digits(0..4) && text.get(4..6) == Some("-W") && digits(6..8)
}
