//! Objects from files: YAML or JSON, several documents, `List`s, directories.
//!
//! What cannot be read is told by name, and does not keep anything else from being read.

mod charts;
mod documents;
mod files;
mod installed;
mod parse;
mod plain;
mod reading;
mod remark;
mod tally;
mod unreadable;

pub use self::{
    files::{ManifestError, directories, files, read, read_installed},
    reading::{Located, Reading, Repeated},
    remark::Remark,
    tally::ObjectTally,
    unreadable::{Fault, Unreadable},
};
pub use crate::objects::kinds::Object;
