//! Publishes to a message broker, and consumes from one, over AMQP 0.9.1 (RabbitMQ).
//!
//! # As a destination
//! Each delivery is one persistent message, published with the flag `mandatory` on a channel with publisher confirms:
//!
//! | The broker | Then |
//! |---|---|
//! | confirms | it is delivered |
//! | returns the message (no queue takes it), and confirms nevertheless | `unroutable` says: refused, or tried again later |
//! | confirms negatively (no room, a queue that rejects) | it is tried again later |
//! | closes the channel (no such exchange, no permission, too large) | refused |
//! | is lost after the message may have left | unknown: nobody can be asked for a message |
//! | cannot be reached, or refuses to be written to (alarm) | it is tried again later |
//!
//! A broker does not drop repetitions. So whoever consumes has to know them by the message id, which is the delivery's.
//!
//! # As a source
//! A round consumes what lies in a queue, until nothing has come for a moment. A message is acknowledged after the
//! submission is on disk, and never before (H1). So whatever breaks in between makes it come again, and its message id
//! makes it known (H3).

mod broker;
mod message;
mod parcel;
mod probe;
mod runtime;
mod settings;
mod source;
mod target;
mod verdict;

pub use source::AmqpQueue;
pub use target::AmqpExchange;

#[cfg(test)]
mod tests;
