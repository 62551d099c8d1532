//! The client: the hub speaks to another XTA server.
//!
//! | To find | Look in |
//! |---|---|
//! | one operation, from values to an envelope and back | `partner` |
//! | what a fault means | `verdict` |
//! | the table `[xta]` of a destination: sending, and asking what became of it | `settings`, `target` |
//! | the table `[xta]` of a source: fetching | `source` |
//! | messages of a mailbox that are answers in cases | `answers` |
//! | how a probe tries both | `probe` |
//! | single operations by hand | [`tools`] |

mod answers;
mod partner;
mod probe;
mod settings;
mod source;
mod target;
pub mod tools;
mod verdict;

pub use source::XtaMailbox;
pub use target::XtaDestination;
