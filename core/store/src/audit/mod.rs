//! Checks the chained history from outside: on a data directory, whether a hub runs on it or not, or in an export.
//!
//! | To find | Look in |
//! |---|---|
//! | a row as it is exported, and how its hash is made | [`AuditRow`] |
//! | whether rows are a chain, and whether it is the one that heads were taken from | [`Walk`] |
//! | the rows of a data directory, without its lock and without changing anything | [`AuditReader`] |
//!
//! A chain alone shows that nobody changed, took out, put in or moved a row. It cannot show that somebody wrote the
//! whole chain anew, or cut rows off its end: that shows only against a [`Head`](rohrpost_model::ports::Head) that was
//! kept elsewhere.

mod head;
mod reader;
mod row;
mod walk;

pub(crate) use reader::verify;
pub use reader::{AuditFault, AuditReader};
pub use row::AuditRow;
pub use walk::{Broken, Fit, How, Walk, Walked};
