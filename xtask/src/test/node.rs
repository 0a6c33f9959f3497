//! Tiers on a simulated node: they need root, and run alone, one test at a time, since they measure
//! the same kernel; and the registry's, which makes 5,000 connections and would slow others down.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;

use super::anywhere::Made;
use super::tier::{Outcome, Tier};
use crate::harness;
use crate::setup::{charts, parts};

/// A tier, the test that it runs, and what the test is told.
const TIERS: [(&str, &str, &[Part]); 5] = [
    ("kernel", "kernel", &[Part::Agent, Part::Helm]),
    ("differential", "differential", &[]),
    ("registry", "registry", &[Part::Agent, Part::Envoy]),
    (
        "end to end",
        "e2e",
        &[Part::Agent, Part::Envoy, Part::Promtool],
    ),
    (
        "containers",
        "container",
        &[Part::Agent, Part::Image, Part::Envoy, Part::ApiServer],
    ),
];

/// What a tier needs besides the commands of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Agent,
    Image,
    Envoy,
    Promtool,
    Helm,
    ApiServer,
}

impl Part {
    /// Where the tests look for it.
    const fn variable(self) -> &'static str {
        match self {
            Self::Agent => "EGRESS_OBSERVER_BIN",
            Self::Image => "EGRESS_OBSERVER_IMAGE",
            Self::Envoy => "EGRESS_OBSERVER_ENVOY",
            Self::Promtool => "EGRESS_OBSERVER_PROMTOOL",
            Self::Helm => "EGRESS_OBSERVER_HELM",
            Self::ApiServer => "EGRESS_OBSERVER_FAKE_APISERVER",
        }
    }

    /// Finds or installs it.
    fn find(self, made: &Made) -> Result<PathBuf> {
        match self {
            Self::Agent => of_earlier("agent", made.agent.as_ref()),
            Self::Image => {
                parts::container_commands()?;
                of_earlier("image", made.image.as_ref())
            }
            Self::Envoy => parts::envoy(),
            Self::Promtool => parts::promtool(),
            Self::Helm => charts::helm(),
            Self::ApiServer => harness::built("fake-apiserver"),
        }
    }
}

fn of_earlier(what: &str, path: Option<&PathBuf>) -> Result<PathBuf> {
    path.cloned()
        .ok_or_else(|| anyhow::anyhow!("there is no {what}: it was not built"))
}

/// Runs all of them.
pub(super) fn run(made: &Made) -> Vec<Outcome> {
    TIERS
        .iter()
        .map(|(name, target, needs)| tier(name, target, needs, made))
        .collect()
}

fn tier(name: &'static str, target: &str, needs: &[Part], made: &Made) -> Outcome {
    let mut tier = Tier::begin(name);
    let mut found: Vec<(&str, OsString)> = Vec::new();
    if let Err(error) = parts::commands() {
        tier.miss(format_args!("{error:#}"));
    }
    for part in needs {
        match part.find(made) {
            Ok(path) => found.push((part.variable(), path.into())),
            Err(error) => tier.miss(format_args!("{error:#}")),
        }
    }
    match made.built.test(target) {
        Some(mut test) if tier.is_good() => tier.show(test.envs(found).arg("--test-threads=1")),
        Some(_test) => {}
        None => tier.miss("it was not built"),
    }
    tier.end()
}
