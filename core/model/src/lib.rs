//! The nouns of Rohrpost, the table of a delivery's states, and the ports.
//!
//! This crate does no I/O, knows no runtime and reads no clock. Everything else in the house depends on it;
//! it depends on nothing of the house.
//!
//! | To find | Look in |
//! |---|---|
//! | what came in | [`submission`] |
//! | who is responsible | [`responsibility`] |
//! | what is to be done with it | [`route`], [`destination`], [`calendar`] |
//! | how far it is | [`delivery`], [`transition`] |
//! | what a target answered | [`outcome`], [`reason`] |
//! | what surrounds the engine | the ports in [`ports`] |

pub mod calendar;
mod callback;
pub mod client;
pub mod delivery;
pub mod destination;
pub mod digest;
pub mod document;
pub mod fault;
pub mod ids;
pub mod limits;
pub mod media_type;
pub mod names;
pub mod network;
pub mod outcome;
pub mod payment;
pub mod ports;
pub mod reason;
mod reason_text;
pub mod reply;
pub mod responsibility;
pub mod route;
pub mod submission;
pub mod transition;
pub mod version;

pub use client::Client;
pub use delivery::{Delivery, State};
pub use digest::Digest;
pub use fault::Fault;
pub use ids::{CommandId, DeliveryId, SubmissionId};
pub use names::*;
pub use network::Network;
pub use outcome::{Failure, Outcome, Receipt};
pub use reason::{Reason, ReasonCode};
pub use submission::Submission;

/// A day of the calendar.
pub use jiff::civil::Date;

/// A point in time, UTC, to the nanosecond. Obtained from [`ports::Clock`] only.
pub use jiff::Timestamp;
