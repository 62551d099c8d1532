//! The cases beside a route: tried as `trace` tries a submission, with a clock that stands still, ids that are always the
//! same, and a placeholder for each signature.

use super::expected::Expected;
use super::placeholder::Placeholder;
use super::{Chosen, Outcome, Told, case_folder};
use crate::commands::Context;
use crate::faults::Stop;
use rohrpost_engine::catalog::Catalog;
use rohrpost_engine::trace::trace;
use rohrpost_model::ports::Seal;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// The cases that are asked for.
pub(super) struct RouteCases(Vec<RouteCase>);

struct RouteCase {
    route: String,
    name: String,
    folder: PathBuf,
}

impl RouteCases {
    /// Finds them, sorted: each is a folder in `routes/<route>/cases/`.
    pub(super) fn find(chosen: &Chosen, context: &Context<'_>) -> Result<Self, Stop> {
        let mut found = Vec::new();
        for route in &chosen.routes {
            let folder = context.folder.join("routes").join(route).join("cases");
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries.map_err(|error| Stop::file(&folder, &error))?,
            };
            let folders = entries.flatten().filter(|entry| entry.path().is_dir());
            let named =
                folders.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())));
            let mut cases: Vec<_> = named.filter(|(name, _)| chosen.wants(name)).collect();
            cases.sort();
            let case = |(name, folder)| RouteCase { route: route.clone(), name, folder };
            found.extend(cases.into_iter().map(case));
        }
        Ok(Self(found))
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Runs them on the configuration in its folder, which must be without faults.
    pub(super) fn run(&self, context: &Context<'_>, accept: bool) -> Result<Vec<Told>, Stop> {
        let catalog = Arc::new(unsigned(context.load()?.catalog));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let told = |case: &RouteCase| {
            let client = |name: &str| catalog.clients.get(name).cloned();
            let outcome = case_folder::read(&case.folder, client).and_then(|trial| {
                let traced = runtime.block_on(trace(&catalog, trial));
                Expected::of(traced, &case.route, &catalog).compare(&case.folder.join("expected"), accept)
            });
            let Outcome { difference, written } = outcome.unwrap_or_else(|stop| wrong(&stop));
            let (route, passed) = (Some(case.route.clone()), difference.is_empty());
            Told { mapping: None, route, case: case.name.clone(), passed, difference, written }
        };
        Ok(self.0.iter().map(told).collect())
    }
}

/// The configuration with placeholders for seals.
fn unsigned(mut catalog: Catalog) -> Catalog {
    for seal in catalog.seals.values_mut() {
        *seal = Arc::new(Placeholder(seal.form())) as Arc<dyn Seal>;
    }
    catalog
}

/// A case that cannot be read.
fn wrong(stop: &Stop) -> Outcome {
    let mut text = Vec::new();
    // Writing into a vector cannot fail.
    let _ = stop.print(false, &mut text);
    Outcome { difference: String::from_utf8_lossy(&text).into_owned(), written: Vec::new() }
}
