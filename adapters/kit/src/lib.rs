//! What every adapter shares.
//!
//! | To find | Look in |
//! |---|---|
//! | what an adapter is, and what it is configured from | [`adapter`] |
//! | what an adapter is that foreign systems call | [`inbound`] |
//! | what an adapter is that fetches | [`source`] |
//! | how configuration is read, with all its faults at once | [`settings`] |
//! | `{placeholders}` in names, URLs and headers | [`template`] |
//! | the only outbound HTTP client, and how its answers are judged | [`http`] |
//! | connections for protocols that are not HTTP | [`socket`] |
//! | an inbox of files: what is whole, claimed, put away | [`inbox`] |
//! | what a message that is fetched says of itself, and handing it in | [`intake`] |
//! | reading a reference out of an answer | [`answer`] |
//! | answering in a case | [`answering`] |
//! | what a target answers at once, as an answer in the case | [`at_once`] |
//! | which case an answer belongs to that is fetched, and what makes an answer of it | [`correlation`] |
//! | a payment: ordered, asked for, told to the citizen | [`payment`] |
//! | content on its way out, checked against its digests | [`parcel`] |
//! | deliveries as files in a folder, here or on another machine | [`files`] |
//! | what is looked at in a PDF before it is printed | [`pdf`] |
//! | the steps that every network adapter's probe has | [`probe`] |
//! | TLS for other protocols than HTTP, and whom it believes | [`tls`] |
//! | what every adapter must do, as tests | [`conformance`] |

pub mod adapter;
pub mod answer;
pub mod answering;
pub mod at_once;
pub mod conformance;
pub mod correlation;
pub mod files;
pub mod http;
pub mod inbound;
pub mod inbox;
pub mod intake;
pub mod parcel;
pub mod payment;
pub mod pdf;
pub mod probe;
pub mod settings;
pub mod socket;
pub mod source;
pub mod template;
pub mod tls;

pub use adapter::{Adapter, AdapterSource};
pub use inbound::InboundAdapter;
pub use source::SourceAdapter;
