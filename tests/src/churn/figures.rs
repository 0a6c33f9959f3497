//! What came of it: what was made, what the agent made of that, and what it took.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::samples::UsageSample;
use crate::metrics::Scrape;
use egress_observer_fake_apiserver::log::Request;
use egress_observer_fake_apiserver::request::Verb;

/// All of one run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChurnFigures {
    pub made: Made,
    pub outcome: Outcome,
    pub samples: Vec<UsageSample>,
    pub requests: Requests,
    /// What the agent logged.
    #[serde(skip)]
    pub log: String,
}

/// Pods that started; each connected once.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    pub standing: u32,
    /// Connections by `namespace/workload`.
    pub by_workload: BTreeMap<String, u64>,
    pub seconds: f64,
    /// How much later than planned pods started: whether this machine kept up.
    pub late: Spread,
    /// How long a container's cgroup was there.
    pub stayed: Spread,
}

/// Durations in three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    pub median_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

/// What the agent says of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Connections by `namespace/workload`; nobody's are `unknown/unknown`.
    pub by_workload: BTreeMap<String, u64>,
    /// Those whose owner is not known, by what was missing.
    pub unattributed: BTreeMap<String, u64>,
    /// Those that still wait.
    pub pending: u64,
    /// Flows and events that did not fit.
    pub lost: u64,
}

/// What the API server was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Requests {
    /// Until the agent was ready.
    pub at_start: usize,
    /// By path and selectors: watches that began with a list.
    pub streamed_lists: BTreeMap<String, usize>,
    /// Any other list or watch, and whatever was asked after the start.
    pub others: Vec<String>,
}

/// A workload that is not known.
const NOBODY: &str = "unknown/unknown";

impl Made {
    pub fn n_connections(&self) -> u64 {
        self.by_workload.values().sum()
    }
}

impl Spread {
    pub(super) fn of(durations: impl Iterator<Item = Duration>) -> Self {
        let mut all: Vec<_> = durations.map(|one| one.as_secs_f64() * 1e3).collect();
        all.sort_by(f64::total_cmp);
        let [median_ms, p99_ms, max_ms] = [50, 99, 100].map(|percent| {
            let place = all.len().saturating_sub(1) * percent / 100;
            all.get(place).copied().unwrap_or(f64::NAN)
        });
        Self {
            median_ms,
            p99_ms,
            max_ms,
        }
    }
}

impl Outcome {
    pub(super) fn of(scrape: &Scrape) -> Self {
        let mut by_workload = BTreeMap::new();
        for sample in scrape.select("egress_observer_connections_total", &[]) {
            let [namespace, name] =
                ["source_workload_namespace", "source_workload"].map(|label| sample.label(label));
            *by_workload
                .entry(format!("{namespace}/{name}"))
                .or_insert(0) += sample.value as u64;
        }
        by_workload.retain(|_, n| *n > 0);
        let causes = scrape.select("egress_observer_unattributed_connections_total", &[]);
        let causes = causes.map(|sample| (sample.label("cause").to_owned(), sample.value as u64));
        let [pending, flows, events] = [
            "pending_connections",
            "flows_lost_total",
            "events_lost_total",
        ]
        .map(|name| scrape.sum(&format!("egress_observer_{name}"), &[]) as u64);
        Self {
            by_workload,
            unattributed: causes.filter(|(_, n)| *n > 0).collect(),
            pending,
            lost: flows + events,
        }
    }

    pub fn n_counted(&self) -> u64 {
        self.by_workload.values().sum()
    }
}

impl Requests {
    /// The first `at_start` came before the agent was ready.
    pub(super) fn of(all: &[Request], at_start: usize) -> Self {
        let mut requests = Self {
            at_start,
            ..Self::default()
        };
        for (n, one) in all.iter().enumerate() {
            let what = format!("{} {}{}", one.path, one.field_selector, one.label_selector);
            let streamed = one.verb == Some(Verb::Watch) && one.initial_events;
            if n < at_start && streamed {
                *requests.streamed_lists.entry(what).or_insert(0) += 1;
            } else if n >= at_start || matches!(one.verb, Some(Verb::List | Verb::Watch)) {
                requests
                    .others
                    .push(format!("{} {}?{}", one.method, one.path, one.query));
            }
        }
        requests
    }
}

impl ChurnFigures {
    /// Of a hundred connections, those that the agent knows the workload of.
    pub fn percent_attributed(&self) -> f64 {
        let known = self.outcome.by_workload.iter();
        let known = known.filter(|(workload, _)| *workload != NOBODY);
        let n: u64 = known.map(|(_, n)| n).sum();
        100.0 * n as f64 / self.made.n_connections().max(1) as f64
    }

    /// What is not as it was made: by workload, made and counted.
    pub fn differences(&self) -> BTreeMap<&str, (u64, u64)> {
        let (made, counted) = (&self.made.by_workload, &self.outcome.by_workload);
        let names = made.keys().chain(counted.keys());
        names
            .map(|name| {
                let [made, counted] =
                    [made, counted].map(|by_name| by_name.get(name).copied().unwrap_or(0));
                (name.as_str(), (made, counted))
            })
            .filter(|(_, (made, counted))| made != counted)
            .collect()
    }

    /// One line for people.
    pub fn summary(&self) -> String {
        format!(
            "{} connections of {} pods in {:.0} s, {:.2} % attributed, {:?} by what was missing; \
             containers were there for {:.0} ms (99 %: {:.0}, at most {:.0}); \
             starts late by at most {:.0} ms",
            self.made.n_connections(),
            self.made.n_connections(),
            self.made.seconds,
            self.percent_attributed(),
            self.outcome.unattributed,
            self.made.stayed.median_ms,
            self.made.stayed.p99_ms,
            self.made.stayed.max_ms,
            self.made.late.max_ms,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(made: &[(&str, u64)], scrape: &str) -> ChurnFigures {
        let by_workload = made.iter().map(|(name, n)| ((*name).to_owned(), *n));
        let spread = Spread::of((1..=100).map(Duration::from_millis));
        ChurnFigures {
            made: Made {
                standing: 0,
                by_workload: by_workload.collect(),
                seconds: 1.0,
                late: spread,
                stayed: spread,
            },
            outcome: Outcome::of(&Scrape::parse(scrape).unwrap()),
            samples: Vec::new(),
            requests: Requests::default(),
            log: String::new(),
        }
    }

    #[test]
    fn what_is_nobodys_or_anothers_is_a_difference() {
        let scrape = "egress_observer_connections_total{source_workload_namespace=\"shop\",source_workload=\"a\",path=\"direct\"} 2\n\
            egress_observer_connections_total{source_workload_namespace=\"shop\",source_workload=\"a\",path=\"captured\"} 3\n\
            egress_observer_connections_total{source_workload_namespace=\"unknown\",source_workload=\"unknown\"} 1\n\
            egress_observer_unattributed_connections_total{cause=\"cgroup_unseen\"} 1\n\
            egress_observer_unattributed_connections_total{cause=\"pod_unknown\"} 0\n";
        let figures = figures(&[("shop/a", 5), ("shop/b", 5)], scrape);
        assert_eq!(figures.percent_attributed(), 50.0);
        let expected = BTreeMap::from([("shop/b", (5, 0)), (NOBODY, (0, 1))]);
        assert_eq!(figures.differences(), expected);
        let causes = BTreeMap::from([("cgroup_unseen".to_owned(), 1)]);
        assert_eq!(figures.outcome.unattributed, causes);
        assert_eq!(figures.outcome.n_counted(), 6);
    }

    #[test]
    fn durations_are_told_by_their_middle_and_their_end() {
        let spread = Spread::of((1..=100).rev().map(Duration::from_millis));
        assert_eq!(
            (spread.median_ms, spread.p99_ms, spread.max_ms),
            (50.0, 99.0, 100.0)
        );
    }
}
