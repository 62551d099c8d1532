//! Tests of the crate as a whole. Keys and certificates are made here, so none lies in the repository.

mod cms;
mod fixtures;
mod identity;
mod jws;
mod peers;
mod stream;
mod vault;
mod vault_conformance;
mod wrapping;
mod xmldsig;
