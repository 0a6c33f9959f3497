//! Objects from files: YAML or JSON, several documents, `List`s, directories.
//!
//! What cannot be read is told by name, and does not keep anything else from being read.

mod documents;
mod files;
mod plain;
mod reading;
mod tally;
mod unreadable;

pub use self::{
    files::{ManifestError, directories, files, read},
    reading::{Located, Reading, Repeated},
    tally::ObjectTally,
    unreadable::{Fault, Unreadable},
};
pub use crate::objects::kinds::Object;
