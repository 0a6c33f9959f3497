//! What was found in files.

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};

use crate::objects::kinds::Kind;

/// How many objects of which kinds were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectTally {
    read: BTreeMap<Kind, usize>,
    /// By kind and, where that is not the core one, group.
    passed_over: BTreeMap<String, usize>,
    n_unreadable: usize,
    /// Files that hold no object at all.
    empty: Vec<Arc<Path>>,
}

/// So many kinds that are not read are named.
const NAMED: usize = 8;

impl ObjectTally {
    pub(super) fn read(&mut self, kind: Kind) {
        *self.read.entry(kind).or_default() += 1;
    }

    pub(super) fn passed_over(&mut self, kind: &str, group: Option<&str>) {
        let name = match group {
            None | Some("") => kind.to_owned(),
            Some(group) => format!("{kind}.{group}"),
        };
        *self.passed_over.entry(name).or_default() += 1;
    }

    pub(super) fn unreadable(&mut self) {
        self.n_unreadable += 1;
    }

    pub(super) fn empty(&mut self, path: Arc<Path>) {
        self.empty.push(path);
    }

    /// Whether no object was read.
    pub fn is_nothing(&self) -> bool {
        self.read.is_empty()
    }

    /// Files that hold no object at all.
    pub fn empty_files(&self) -> &[Arc<Path>] {
        &self.empty
    }

    /// How many objects, documents included, could not be read.
    pub fn n_unreadable(&self) -> usize {
        self.n_unreadable
    }

    pub(super) fn n_found(&self) -> usize {
        let n_read: usize = self.read.values().sum();
        n_read + self.passed_over.values().sum::<usize>() + self.n_unreadable
    }
}

/// `read 12 objects: 3 Pod, 9 ServiceEntry; 1 that cannot be read; 4 of kinds that are not read:
/// Secret x4`.
impl fmt::Display for ObjectTally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.read.values().sum::<usize>() {
            0 => f.write_str("read no object")?,
            1 => f.write_str("read 1 object: ")?,
            n => write!(f, "read {n} objects: ")?,
        }
        for (i, (kind, n)) in self.read.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{n} {kind}")?;
        }
        if self.n_unreadable > 0 {
            write!(f, "; {} that cannot be read", self.n_unreadable)?;
        }
        let n: usize = self.passed_over.values().sum();
        if n == 0 {
            return Ok(());
        }
        write!(f, "; {n} of kinds that are not read: ")?;
        for (i, (kind, n)) in self.passed_over.iter().take(NAMED).enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{kind} x{n}")?;
        }
        match self.passed_over.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}
