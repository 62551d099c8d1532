//! What is kept: the outbox on SQLite, content segments and files. The only SQL of the house.
//!
//! # Limits
//! One process holds one data directory (a lock). One thread writes; it shares one commit among up to 256 works
//! ([`StoreOptions`]). Every queue has a bound; callers wait when it is full. Contents above 256 KiB (encrypted) are
//! files of their own and are never whole in memory.
//!
//! # What a crash leaves
//! In one group the order on disk is: content segment written and synced → rows written → commit synced → answered. A
//! file is synced, renamed, and its folder synced before its work even waits for the writer. So whatever a row names
//! is on disk, and whatever no row names (a torn end of a segment, a segment just begun, a file) is removed at the next
//! start.
//!
//! # Formats
//! All of them carry a version from the first row on: the schema (`PRAGMA user_version`, `migrations/`), the header of
//! a segment (`segments`), structures in columns (`{"v":1,"value":…}`), the contexts of encrypted columns and the hash
//! chain of the history (`rohrpost … 1`).
//!
//! # What is encrypted
//! Contents, names of files, reply channels, receipts of targets, and people's words on commands: each under its
//! submission's data key, bound to its row. Plain are ids, hashes, times, sizes, media types, names of the
//! configuration, codes, and the signed receipt that the sender got.
//!
//! | To find | Look in |
//! |---|---|
//! | the group commit | `writer`, `ledger`, `log` |
//! | what each call writes | `work` |
//! | one change of state | `change`; its history and chain: `history`; order of a case: `order` |
//! | handing out work | `claim`, `claims` |
//! | content | `stage`, `segments`, `files`, `blobs` |
//! | what is seen, and by whom | `records`, `listing`, `scope` |

pub mod audit;
mod blobs;
mod change;
mod claim;
mod claims;
mod commands;
mod configurations;
mod counts;
mod directory;
mod fault;
mod files;
mod fresh;
mod history;
mod identifiers;
mod keys;
mod ledger;
mod listing;
mod log;
mod notices;
mod options;
mod order;
mod outbox;
mod readers;
mod ready;
mod records;
mod rows;
mod schema;
mod scope;
mod segments;
mod stage;
mod store;
mod work;
mod writer;

pub use directory::HeldDirectory;
pub use fault::unopened;
pub use options::StoreOptions;
pub use store::SqliteStore;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;
