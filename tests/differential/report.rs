//! What came out: counts, and the first differences with all that made them.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, bail};
use egress_observer_istio::{rules::Decision, vocabulary::Expected};

use crate::{
    bed::Arrival,
    decision::{self, Known},
    generate::{Plan, Probe},
    mutant,
};

/// How many differences are printed.
const SHOWN: usize = 10;

/// The rules that must have decided at least once.
const RULES: [&str; 17] = [
    "NoIpv6Rules",
    "ExcludedInterface",
    "ExcludedPort",
    "InboundPassthrough",
    "SelfCall",
    "Loopback",
    "Proxy",
    "OwnerGroup",
    "Dns",
    "Localhost",
    "ExcludedRange",
    "IncludedPort",
    "IncludedRange",
    "IncludedAll",
    "NotIncluded",
    "NotTcp",
    "Ambient",
];

/// One connection and all that is said of it.
pub(crate) struct Case<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) known: &'a Known,
    pub(crate) mutants: &'a [Option<Known>],
    pub(crate) probe: &'a Probe,
    pub(crate) decision: Decision,
    pub(crate) arrival: Option<Arrival>,
}

pub(crate) struct Report {
    seed: u64,
    pub(crate) n_cases: usize,
    pub(crate) n_plans: usize,
    pub(crate) n_mismatches: usize,
    n_unknown: usize,
    pub(crate) took: Duration,
    by_rule: BTreeMap<String, usize>,
    /// How often each wrong decision was seen to be wrong.
    by_mutant: BTreeMap<&'static str, usize>,
}

impl Report {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            n_cases: 0,
            n_plans: 0,
            n_mismatches: 0,
            n_unknown: 0,
            took: Duration::ZERO,
            by_rule: BTreeMap::new(),
            by_mutant: mutant::names().map(|name| (name, 0)).collect(),
        }
    }

    pub(crate) fn add(&mut self, case: &Case<'_>) {
        self.n_cases += 1;
        let Case {
            plan,
            probe,
            decision,
            arrival,
            ..
        } = case;
        let is_unknown = decision.expected == Expected::Unknown;
        self.n_unknown += usize::from(is_unknown);
        let rule = format!("{:?}", decision.rule);
        let rule = rule.split('(').next().unwrap_or_default();
        *self.by_rule.entry(rule.to_owned()).or_default() += 1;
        let may_be_unknown = !plan.is_open();
        if !decision::agrees(decision, probe, *arrival) || is_unknown && !may_be_unknown {
            self.n_mismatches += 1;
            if self.n_mismatches <= SHOWN {
                self.show(case);
            }
        }
        self.try_mutants(case);
    }

    fn try_mutants(&mut self, case: &Case<'_>) {
        for (name, decision) in mutant::wrong(case) {
            if !decision::agrees(&decision, case.probe, case.arrival) {
                *self.by_mutant.entry(name).or_default() += 1;
            }
        }
    }

    fn show(&self, case: &Case<'_>) {
        println!(
            "differential: mismatch {} at case {} of seed {}\n\
             configuration: {}\n\
             told: {:?}\n\
             connection: {:?}\n\
             decision: {:?}\n\
             arrived: {:?}\n\
             rules:\n{}",
            self.n_mismatches,
            self.n_cases,
            self.seed,
            case.plan.rules.command_line(),
            case.plan.told,
            case.probe,
            case.decision,
            case.arrival,
            case.plan.rules.text()
        );
    }

    pub(crate) fn print(&self) {
        let rules: Vec<String> = self
            .by_rule
            .iter()
            .map(|(rule, n)| format!("{rule} {n}"))
            .collect();
        println!("differential: decided by {}", rules.join(", "));
        let caught = self.by_mutant.values().filter(|n| **n > 0).count();
        println!(
            "differential: {caught} of {} wrong decisions noticed",
            self.by_mutant.len()
        );
        println!(
            "differential: {} cases, {} configurations, seed {}, {:.1} s: {} unknown, {} mismatches",
            self.n_cases,
            self.n_plans,
            self.seed,
            self.took.as_secs_f64(),
            self.n_unknown,
            self.n_mismatches
        );
    }

    /// A run that leaves out a rule, or would not notice a wrong decision, proves nothing.
    pub(crate) fn check_coverage(&self) -> Result<()> {
        let unused: Vec<&str> = RULES
            .into_iter()
            .filter(|rule| !self.by_rule.contains_key(*rule))
            .collect();
        if !unused.is_empty() {
            bail!("rules that no case came to: {}", unused.join(", "));
        }
        let unnoticed = self.by_mutant.iter().filter(|(_, n)| **n == 0);
        let unnoticed: Vec<&str> = unnoticed.map(|(name, _)| *name).collect();
        if !unnoticed.is_empty() {
            bail!(
                "wrong decisions that no case told apart: {}",
                unnoticed.join("; ")
            );
        }
        Ok(())
    }
}
