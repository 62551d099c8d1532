//! The client: the hub speaks to another XTA server.
//!
//! | To find | Look in |
//! |---|---|
//! | one operation, from values to an envelope and back | `partner` |
//! | what a fault means | `verdict` |
//! | the table `[xta]` of a destination: sending, and asking what became of it | `settings`, `target` |
//! | how a probe tries it | `probe` |

mod partner;
mod probe;
mod settings;
mod target;
mod verdict;

pub use target::XtaDestination;
