//! How the code is shaped: sizes of files and functions, named closures, import cycles between
//! modules, names of public types that mean two things.
//!
//! [`measure`] reads a workspace's Rust files, [`Shape::broken`] compares what it found with
//! [`LIMITS`]. Tests are left out of everything but the count of files and lines.
#![forbid(unsafe_code)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "of the many kinds of syntax a measure is about a few"
)]

pub mod cycles;
pub mod limits;
pub mod names;
pub mod places;
pub mod report;
pub mod shape;
pub mod source;
pub mod workspace;

mod imports;
mod modules;
mod prune;
mod resolve;
mod tokens;

pub use cycles::Dependencies;
pub use limits::{LIMITS, Limits};
pub use shape::{Package, Shape, measure};
