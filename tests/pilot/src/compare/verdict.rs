//! Whether an answer says what the oracle says.

use std::collections::BTreeSet;

use super::{Answer, Expected};
use crate::config::{BLACK_HOLE, PASSTHROUGH};
use crate::generate::Destination;
use crate::host::is_subset;
use crate::matcher::{Fate, Outcome, Says};

/// Of one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    Agrees,
    /// The product does not know, which is never wrong.
    Unknown,
    /// Right for clients that begin in one way, and there are others.
    Depends,
    Differs(String),
}

/// What the product's verdict claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    Routed,
    Passthrough,
    Blocked,
    Unreachable,
}

pub(super) fn judge(destination: &Destination, expected: &Expected, answer: &Answer) -> Judgement {
    let claim = match answer.verdict.as_str() {
        "mediated" | "misrouted" => Claim::Routed,
        "passthrough" => Claim::Passthrough,
        "blocked" => Claim::Blocked,
        "unreachable" => Claim::Unreachable,
        "unknown" => return Judgement::Unknown,
        other => return Judgement::Differs(format!("the verdict is {other}")),
    };
    let relevant = relevant(expected);
    let wrong: Vec<String> = relevant
        .iter()
        .filter_map(|(says, outcome)| {
            let why = contradiction(claim, answer, &outcome.fate)
                .or_else(|| wrong_name(destination, answer, outcome))?;
            Some(format!("{says}: {why}"))
        })
        .collect();
    if wrong.is_empty() {
        return Judgement::Agrees;
    }
    if wrong.len() < relevant.len() {
        return Judgement::Depends;
    }
    let wrong: BTreeSet<String> = wrong.into_iter().collect();
    Judgement::Differs(wrong.into_iter().collect::<Vec<_>>().join("; "))
}

/// The ways to begin that make sense: what a listener answers with 400 is not what the client speaks.
fn relevant(expected: &Expected) -> Vec<&(Says, Outcome)> {
    let sensible: Vec<_> = expected
        .outcomes
        .iter()
        .filter(|(_, outcome)| outcome.fate != Fate::Answer(400))
        .collect();
    if sensible.is_empty() {
        return expected.outcomes.iter().collect();
    }
    sensible
}

/// What is wrong with it, if anything is.
fn contradiction(claim: Claim, answer: &Answer, fate: &Fate) -> Option<String> {
    let really = match fate {
        Fate::To(clusters) if clusters.contains(PASSTHROUGH) => Claim::Passthrough,
        Fate::To(clusters) if clusters.contains(BLACK_HOLE) => Claim::Blocked,
        Fate::To(clusters) => {
            if claim == Claim::Routed {
                return wrong_cluster(answer, clusters);
            }
            Claim::Routed
        }
        Fate::Answer(502) => Claim::Blocked,
        Fate::Answer(_) | Fate::Missing(_) | Fate::Waits => Claim::Unreachable,
    };
    // What istiod's own answers are about is neither refused nor unreachable to everybody alike.
    let is_answered = matches!(fate, Fate::Answer(status) if *status != 502 && *status != 404);
    let is_right = really == claim
        || is_answered && claim == Claim::Routed
        || claim == Claim::Unreachable && really == Claim::Routed
        || claim == Claim::Blocked && really == Claim::Unreachable;
    (!is_right).then(|| format!("really {really:?}"))
}

fn wrong_cluster(answer: &Answer, clusters: &BTreeSet<String>) -> Option<String> {
    if let Some(cluster) = &answer.cluster {
        return (!clusters.contains(cluster)).then(|| format!("not {cluster}"));
    }
    let host = answer.host.as_ref()?;
    let is_among = clusters
        .iter()
        .any(|cluster| cluster.rsplit('|').next() == Some(host.as_str()));
    (!is_among).then(|| format!("not {host}"))
}

/// Whether it goes to the host that was dialled is told apart since answers name the cluster.
fn wrong_name(destination: &Destination, answer: &Answer, outcome: &Outcome) -> Option<String> {
    let name = destination.name.as_ref()?;
    let Fate::To(clusters) = &outcome.fate else {
        return None;
    };
    let is_of_route = outcome
        .object
        .as_ref()
        .is_some_and(|object| object.kind == "VirtualService");
    // Short names and aliases are other names of the same host.
    if answer.cluster.is_none() || is_of_route || !name.contains(".example.") {
        return None;
    }
    let is_own = clusters.iter().all(|cluster| {
        let host = cluster.rsplit('|').next().unwrap_or_default();
        is_subset(name, host)
    });
    match (answer.verdict.as_str(), is_own) {
        ("mediated", false) => Some("misrouted".to_owned()),
        ("misrouted", true) => Some("not misrouted".to_owned()),
        _ => None,
    }
}
