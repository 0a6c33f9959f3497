//! Part 4: what a decision costs, as `benches/decision.rs` measured it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::quartiles::Quartiles;

/// Nanoseconds, each beside a linear scan over the same lists.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Decision {
    pub(super) ranges: Vec<Rules>,
    pub(super) entries: Vec<Registry>,
    /// One decision and one lookup, against the most of both.
    pub(super) whole: Quartiles,
    pub(super) names: Names,
}

/// What names cost on a node that is full of them.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Names {
    /// How many are remembered.
    pub(super) names: usize,
    /// A DNS answer read and remembered.
    pub(super) answer_ns: Quartiles,
    /// A broken one refused.
    pub(super) broken_ns: Quartiles,
    /// The names of an address that has one.
    pub(super) known_ns: Quartiles,
    /// Of one that has none.
    pub(super) unknown_ns: Quartiles,
    /// Memory for each name.
    pub(super) bytes: usize,
}

/// The capture rules with this many ranges.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Rules {
    pub(super) ranges: usize,
    pub(super) decide_ns: Quartiles,
    pub(super) scan_ns: Quartiles,
}

/// The registry with this many ServiceEntries.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Registry {
    pub(super) entries: usize,
    pub(super) build_ms: f64,
    /// One entry for another in a registry that stays.
    pub(super) replace_ns: Quartiles,
    /// By what is asked for.
    pub(super) lookups: BTreeMap<String, Lookup>,
}

/// One kind of question.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Lookup {
    pub(super) lookup_ns: Quartiles,
    pub(super) scan_ns: Quartiles,
}

impl Decision {
    /// Reads what the benchmark printed.
    pub fn read(json: &str) -> Result<Self> {
        serde_json::from_str(json).context("reading the figures of benches/decision.rs")
    }
}
