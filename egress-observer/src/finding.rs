//! Findings: what was judged of connections, and the line of JSON that they are written and read as.

pub(crate) mod field;
#[cfg(feature = "agent")]
mod judge;
#[cfg(feature = "agent")]
mod kind;
pub(crate) mod line;
#[cfg(feature = "agent")]
mod write;

#[cfg(feature = "agent")]
pub use self::{
    judge::judge,
    kind::{Client, Finding, FindingKind, Service},
};
#[cfg(feature = "agent")]
pub(crate) use self::{kind::Sightings, write::write};
