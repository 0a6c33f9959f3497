//! How much is measured, and with which programs.

use std::path::PathBuf;

use serde::Serialize;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BenchPlan {
    /// Pairs of parts 1 and 2, each with and without what is measured.
    pub rounds: u32,
    /// Connections of each half of a pair.
    pub connections: u32,
    /// Destinations that the agent of part 3 remembers.
    pub flows: u32,
    /// Connections that the agent of part 3 counts under load.
    pub load: u32,
    /// How long pods come and go in part 5, which is left out without.
    pub churn_seconds: Option<u32>,
}

/// The programs that take part.
#[derive(Clone, Debug)]
pub struct Binaries {
    pub agent: PathBuf,
    /// `traffic`, the load generator.
    pub traffic: PathBuf,
    /// `bare-bpf`, which attaches programs that do nothing.
    pub bare_bpf: PathBuf,
}
