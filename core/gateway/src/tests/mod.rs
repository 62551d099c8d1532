//! The API in one piece, against a house in memory.

mod access;
mod commands;
mod configurations;
mod destinations;
mod document;
mod doors;
mod handing_in;
mod house;
mod memory;
mod operations;
mod orders;
mod probes;
mod sockets;
mod traces;
mod waits;
