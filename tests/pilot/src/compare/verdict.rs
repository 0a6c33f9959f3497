//! Whether an answer says what the oracle says.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::expected::Expected;
use super::product::Answer;
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
    // An allocated address leads nowhere, if the sidecar lets it through.
    let claim = match (claim, destination.to.ip()) {
        (Claim::Unreachable, IpAddr::V4(address)) if address.octets()[..2] == [240, 240] => {
            match answer.cluster.as_deref() {
                Some(PASSTHROUGH) => Claim::Passthrough,
                _ => claim,
            }
        }
        _ => claim,
    };
    let relevant = relevant(expected);
    let wrong: Vec<String> = relevant
        .iter()
        .filter_map(|(_, outcome)| {
            contradiction(claim, answer, &outcome.fate)
                .or_else(|| wrong_name(destination, answer, outcome))
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
    if answer.cluster.is_none() || outcome.is_original || is_of_route || !name.contains(".example.")
    {
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

#[cfg(test)]
mod tests {
    use super::super::{Report, expected, judge as judge_all};
    use super::*;
    use crate::generate;

    /// What a product without faults would answer.
    fn right(destination: &Destination, expected: &Expected) -> Answer {
        let (_, outcome) = relevant(expected)[0];
        let (verdict, cluster) = match &outcome.fate {
            Fate::To(clusters) => {
                let cluster = clusters.iter().next().cloned();
                let verdict = match cluster.as_deref() {
                    Some(PASSTHROUGH) => "passthrough",
                    Some(BLACK_HOLE) => "blocked",
                    _ => "mediated",
                };
                (verdict, cluster)
            }
            Fate::Answer(502) => ("blocked", Some(BLACK_HOLE.to_owned())),
            Fate::Answer(_) | Fate::Missing(_) | Fate::Waits => ("unreachable", None),
        };
        let mut answer = Answer {
            verdict: verdict.to_owned(),
            cluster,
            ..Answer::default()
        };
        let is_misrouted =
            wrong_name(destination, &answer, outcome).is_some_and(|why| why == "misrouted");
        if is_misrouted {
            answer.verdict = "misrouted".to_owned();
        }
        answer
    }

    #[test]
    fn right_answers_agree_and_each_wrong_one_is_noticed() {
        let (mut n_certain, mut n_noticed) = (0, 0);
        for case in 0..60 {
            let world = generate::world(5, case);
            let expected = expected(&world);
            let right: Vec<Answer> = world
                .destinations
                .iter()
                .zip(&expected)
                .map(|(destination, expected)| right(destination, expected))
                .collect();
            let mut report = Report::default();
            judge_all(case, &world, right.clone(), &mut report);
            assert!(
                report.disagreements.is_empty(),
                "{:?}",
                report.disagreements
            );
            for ((destination, expected), right) in
                world.destinations.iter().zip(&expected).zip(right)
            {
                if judge(destination, expected, &right) != Judgement::Agrees {
                    continue;
                }
                n_certain += 1;
                let wrong = Answer {
                    verdict: match right.verdict.as_str() {
                        "passthrough" => "blocked",
                        "blocked" => "mediated",
                        _ => "passthrough",
                    }
                    .to_owned(),
                    ..right
                };
                let judged = judge(destination, expected, &wrong);
                n_noticed += usize::from(judged != Judgement::Agrees);
            }
        }
        assert!(n_certain > 1_000, "{n_certain}");
        assert_eq!(n_noticed, n_certain);
    }

    #[test]
    fn another_cluster_is_noticed_and_not_knowing_is_never_wrong() {
        let world = generate::world(5, 1);
        let expected = expected(&world);
        for (destination, expected) in world.destinations.iter().zip(&expected) {
            let answer = Answer {
                verdict: "mediated".to_owned(),
                cluster: Some("outbound|1||nowhere".to_owned()),
                ..Answer::default()
            };
            let judged = judge(destination, expected, &answer);
            assert_ne!(judged, Judgement::Agrees, "{destination}");
            let answer = Answer {
                verdict: "unknown".to_owned(),
                ..Answer::default()
            };
            assert_eq!(judge(destination, expected, &answer), Judgement::Unknown);
        }
    }
}
