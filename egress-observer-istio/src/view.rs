//! The cluster as far as it is known: objects in and out, and a snapshot that everything downstream
//! reads.
//!
//! ```text
//! files, or the API -> Object -> live::Live -> Snapshot
//! ```

pub mod change;
mod headless;
pub mod live;
mod outbound;
mod roster;
mod selected;
mod snapshot;
mod stale;
mod surroundings;

pub use self::snapshot::{MissingObjects, Snapshot};
pub use crate::mesh::ROOT_NAMESPACE;
