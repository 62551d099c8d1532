//! What an adapter is that fetches from a foreign system.

use crate::adapter::AdapterSource;
use rohrpost_model::Fault;
use rohrpost_model::ports::Source;
use std::sync::Arc;

/// A kind of place outside that the hub fetches from.
///
/// A source's file (`config/sources/NAME.toml`) names its adapter's kind and in whose name is handed in what it fetches,
/// and has a table of that name, which belongs to the adapter: `adapter = "xta"` and `[xta]`. A new one is one crate,
/// its line in the root's `Cargo.toml`, and its line in the list in `core/assemble.rs`.
pub trait SourceAdapter: Send + Sync {
    /// The word in the configuration.
    fn kind(&self) -> &'static str;

    /// The table of a new source with comments for whoever changes it, in German. `{{name}}` stands for its name.
    fn example(&self) -> &'static str;

    /// The JSON schema (draft 7) of the table, as [`Adapter::schema`](crate::Adapter::schema).
    fn schema(&self) -> &'static str;

    /// Whether what it fetches can be answers in cases, by the table `[answers]`.
    fn takes_answers(&self) -> bool {
        false
    }

    /// Checks the table wholly and makes the source. It reads files and secrets, but opens no connection and changes
    /// nothing; it is called again for every new configuration. Returns every fault, not only the first.
    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Source>, Vec<Fault>>;
}
