//! XTA 2, web service 2.1.1: what goes over the wire, in both directions. No listening, no accounts, no delivery: servers
//! and clients are built upon it.
mod faults;
pub mod ids;
pub mod names;
mod soap;
mod types;
mod xml;

pub use faults::{Blame, Detail, Exception, Fault, FaultCode};
pub use names::{Direction, Operation, Port};
pub use soap::*;
pub use types::*;
pub use xml::{Attribute, Element, Position, XmlFault};

#[cfg(test)]
mod tests;
