//! Hand over of routes from one hub to another: one signed file with all that a route needs and none of what belongs to the
//! hub that it comes from.
//!
//! | To find | Look in |
//! |---|---|
//! | what the file says of itself | [`Manifest`] |
//! | how it is packed and read, and what is refused | `container`, `content` |
//! | what is put into it, and what keeps it from being written | [`gather`], `guard` |
//! | other names and tenants in a route | [`Rewrite`] |
//! | what it asks of this hub | [`needs`] |
//! | what it would change here | [`Change`], [`Landing`] |
//! | whether its cases pass | [`failed_cases`] |
//!
//! ```text
//! manifest.json                      what it holds, with the SHA-256 of each file, and what it needs
//! manifest.p7s                       CMS signature over manifest.json, detached, DER
//! routes/NAME.toml                   the route
//! routes/NAME/cases/…                its cases, without what was sent in them: that depends on destinations
//! mappings/NAME/…                    the mapping with its cases
//! mappings/NAME/…                    folders that mappings share
//! mappings/NAME/.standards/…         what it took of installed standards
//! ```

mod cases;
mod container;
mod content;
mod gather;
mod guard;
mod landing;
mod manifest;
mod needs;
mod rewrite;

pub use cases::failed_cases;
pub use container::{Unopened, pack};
pub use content::HandOver;
pub use gather::gather;
pub use landing::{Change, Landing};
pub use manifest::Manifest;
pub use needs::{Need, needs};
pub use rewrite::{Renaming, Rewrite};

/// The folder of routes in the file.
const ROUTES: &str = "routes";

/// The folder of a route's cases.
const CASES: &str = "cases";
