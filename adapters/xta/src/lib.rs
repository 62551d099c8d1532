//! XTA 2, web service 2.1.1: what goes over the wire, in both directions. No listening, no accounts, no delivery: servers
//! and clients are built upon it.
//!
//! | To find | Look in |
//! |---|---|
//! | operations, actions, ports, namespaces, with their spelling errors | [`names`], [`Operation`] |
//! | exceptions, codes 9000 to 9101, which operation may answer with which | [`Fault`], [`FaultCode`], [`Operation::exceptions`] |
//! | reading: who asks for what, before any content | [`read_head`] → [`Head`] |
//! | … then the body, its contents into your sink while they come | [`Contents::read`], [`ContentSink`] → [`Received`] |
//! | … what was no envelope, and what to answer | [`Unread::status`], [`Unread::fault`] |
//! | … what breaks the schema and was read all the same | [`Violation`] in [`Head`] and [`Received`] |
//! | writing an envelope, as a stream | [`Outgoing::small`], [`Outgoing::container`] → [`Written`] |
//! | metadata, message box, look-up, transport report | the types of this page, such as [`MessageMetaData`] |
//! | message ids | [`ids`] |
//! | WSDL and schemas to serve | [`wsdl`] |
//!
//! A server reads the head, decides by [`Head::who_asks`] and the violations whether it goes on, and only then reads the body:
//!
//! ```
//! # use rohrpost_adapter_xta::*;
//! # async fn answer(content_type: &str, body: futures::stream::BoxStream<'static, Result<bytes::Bytes, BoxError>>,
//! #     sink: &mut dyn ContentSink, fresh: String) -> Result<Written<'static>, BoxError> {
//! let wire = Wire { content_type, soap_action: None };
//! let (head, contents) = read_head(wire, Expect::Request, body, Limits::default()).await?;
//! let answer = Outgoing {
//!     operation: head.operation,
//!     direction: Direction::Answer,
//!     message_id: fresh,                                   // urn:uuid:…, of your own making
//!     relates_to: head.addressing.message_id.clone(),
//!     to: None,
//!     headers: HeaderBlocks::default(),
//! };
//! if head.who_asks().is_none() {
//!     return Ok(answer.small(&Body::Fault(Fault::of(FaultCode::NotTheAuthor)))?);
//! }
//! let received = contents.read(sink).await?;               // or contents.small() where nothing is sent
//! # drop(received);
//! Ok(answer.small(&Body::Empty)?)
//! # }
//! ```
//!
//! A client writes with [`Direction::Request`] and reads with [`Expect::Answer`]; an answer may be a [`Body::Fault`], whatever
//! the status of HTTP. What both rely on:
//!
//! - Nothing is kept but the head (1 MiB) and bodies without contents (8 MiB); contents pass in pieces of about 64 KiB. A
//!   content that is too large ends the reading at once ([`Unread::ContentTooLarge`], 9023); a `Content-Length` above
//!   [`Limits::transfer`] need not be read at all.
//! - A sink may have seen contents when an error comes: nothing is true before [`Contents::read`] has returned.
//! - With parts (MTOM) contents come in the order of the parts; [`ContentFacts::kind`] says which is which.
//! - A missing header block is a violation, not an error: with no `MessageMetaData` there is no message, so refuse it.
//!   `wsa:MessageID` of the header ([`Addressing::message_id`]) is never the id of a message.
//! - Nothing is written that breaks the schema ([`NotWritable`]). A content that errs on its way ends the stream with that
//!   error: break the connection off, so that nobody takes half for all.
//! - Without a message to hand out, getMessage is answered with [`Body::Empty`] and a `MsgBoxResponse` of `Nothing`; the
//!   standard leaves that open.
//! - A report that is to be signed: [`TransportReport::to_xml`], sign, [`Body::SignedReport`]. To verify one that came, take
//!   the bytes in [`Received::source`].

mod carry;
mod client;
mod faults;
pub mod ids;
mod intake;
pub mod names;
mod profile;
mod server;
mod soap;
mod types;
pub mod wsdl;
mod xml;

pub use client::{XtaDestination, XtaMailbox, tools};
pub use faults::{Blame, Detail, Exception, Fault, FaultCode};
pub use names::{Direction, Operation, Port};
pub use server::Xta;
pub use soap::*;
pub use types::*;
pub use xml::{Attribute, Element, Position, XmlFault};

#[cfg(test)]
mod tests;
