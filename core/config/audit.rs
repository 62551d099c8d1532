//! The table `[audit]` of `hub.toml`: where heads of the history are kept.

use super::reader::{Placed, Table};
use rohrpost_kit::settings::Duration;
use std::path::{Path, PathBuf};

/// How often a head is kept if nobody says.
const EVERY: Duration = Duration::from_secs(3600);

/// Where signed heads of the history are kept, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heads {
    /// The folder.
    pub folder: PathBuf,
    /// How often, if something was added.
    pub every: std::time::Duration,
}

impl Heads {
    /// Reads the table; `None` where there is none, or its folder cannot be read, which is noted.
    pub fn read(table: Table<'_>, data: Option<&Placed<PathBuf>>) -> Option<Self> {
        let (folder, every) = (table.must("heads").text::<PathBuf>(), table.may("every").text::<Duration>());
        let faults = table.faults();
        if let (Some(folder), Some(data)) = (&folder, data)
            && folder.starts_with(&data.value)
        {
            // Who rewrites the history can rewrite what lies beside it.
            let what = format!("the heads lie in the data directory, {}", data.display());
            faults.note(folder.at.fault(what).hint("name a folder apart from it, best on another machine"));
        }
        if let Some(every) = every.as_ref().filter(|every| every.get().is_zero()) {
            faults.note(every.at.fault("`every` must be longer than nothing"));
        }
        table.end(&[]);
        let every = every.map_or(EVERY, |every| every.value).get();
        Some(Self { folder: folder?.value, every })
    }

    /// With the folder from where the process starts.
    pub fn below(self, folder: &Path) -> Self {
        Self { folder: folder.join(self.folder), ..self }
    }
}
