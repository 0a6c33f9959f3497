//! What the agent's metrics say about the one connection of a step.

use std::time::Duration;

use anyhow::Result;

use super::step::{NAMESPACE, Step, Wanted};
use crate::{
    agent::Agent,
    metrics::{Sample, Scrape},
    wait,
};

/// Complete: every connection is in exactly one of its series.
pub const CONNECTIONS: &str = "egress_observer_connections_total";
/// The same connections by destination.
pub const DESTINATIONS: &str = "egress_observer_destination_connections_total";

/// From a connection to its series.
const COUNTED: Duration = Duration::from_secs(10);

/// What the agent's two families say of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    pub path: String,
    pub registry: String,
    pub verdict: String,
    pub reason: String,
    pub service: String,
}

impl Wanted {
    /// What differs, label by label.
    pub(super) fn complaints(&self, observed: &Observed, service: &str) -> Vec<String> {
        let pairs = [
            ("path", self.path, &observed.path),
            ("registry", self.registry, &observed.registry),
            ("verdict", self.verdict, &observed.verdict),
            ("reason", self.reason, &observed.reason),
            ("destination_service", service, &observed.service),
        ];
        let differing = pairs
            .into_iter()
            .filter(|(_, wanted, found)| wanted != found);
        differing
            .map(|(label, wanted, found)| format!("{label} is {found}, not {wanted}"))
            .collect()
    }
}

/// Waits until the agent has counted the step's connection in both families. The inner error is a
/// complaint about what it counted instead.
pub(super) fn observe(
    agent: &mut Agent,
    before: &Scrape,
    step: &Step,
) -> Result<std::result::Result<Observed, String>> {
    let mut last = Vec::new();
    let counted = wait::until("the agent counts the connection", COUNTED, || {
        last = connections_of(&agent.scrape()?.since(before), step);
        Ok(pair(&last))
    });
    match counted {
        Ok(observed) => Ok(Ok(observed)),
        Err(error) if wait::interrupted() => Err(error),
        Err(_) => {
            // An agent that has died is another error than one that counted wrongly.
            agent.scrape()?;
            Ok(Err(format!(
                "not one connection in both families: {}",
                describe(&last)
            )))
        }
    }
}

/// What grew that can be the step's connection: the application's, to the outside, by TCP.
fn connections_of(grown: &[Sample], step: &Step) -> Vec<Sample> {
    let port = step.port.to_string();
    let of_step = grown.iter().filter(|sample| {
        let source = sample.label("source_workload_namespace") == NAMESPACE
            && sample.label("source_workload") == step.workload
            && sample.label("protocol") == "tcp";
        source
            && match sample.name.as_str() {
                CONNECTIONS => {
                    sample.label("actor") == "app" && sample.label("scope") == "external"
                }
                // No actor here; the sidecar's own legs are told apart by their verdict.
                DESTINATIONS => {
                    sample.label("destination_port") == port
                        && sample.label("verdict") != "proxy_upstream"
                }
                _ => false,
            }
    });
    of_step.cloned().collect()
}

/// The two views of the one connection; nothing when there is not exactly one of each.
fn pair(samples: &[Sample]) -> Option<Observed> {
    let [first, second] = samples else {
        return None;
    };
    let (connection, destination) = match (first.name.as_str(), second.name.as_str()) {
        (CONNECTIONS, DESTINATIONS) => (first, second),
        (DESTINATIONS, CONNECTIONS) => (second, first),
        _ => return None,
    };
    let once = count(connection.value) == 1 && count(destination.value) == 1;
    let agree = ["verdict", "path"]
        .iter()
        .all(|label| connection.label(label) == destination.label(label));
    (once && agree).then(|| Observed {
        path: connection.label("path").to_owned(),
        registry: destination.label("registry").to_owned(),
        verdict: connection.label("verdict").to_owned(),
        reason: connection.label("reason").to_owned(),
        service: destination.label("destination_service").to_owned(),
    })
}

fn describe(samples: &[Sample]) -> String {
    if samples.is_empty() {
        return "nothing grew".to_owned();
    }
    let lines = samples
        .iter()
        .map(|s| format!("{} {:?} +{}", s.name, s.labels, s.value));
    lines.collect::<Vec<_>>().join(", ")
}

/// A counter's value. Counters are whole, and far below where an f64 is not.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a counter is whole and not negative"
)]
pub(crate) fn count(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::{super::step::steps, *};

    const SOURCE: &str =
        r#"source_workload_namespace="shop",source_workload="sleep",protocol="tcp""#;

    /// What an agent adds for the first step of the story.
    fn grown(verdict: &str, value: u8) -> Vec<Sample> {
        let text = format!(
            "{CONNECTIONS}{{{SOURCE},actor=\"app\",scope=\"external\",path=\"captured\",\
             verdict=\"{verdict}\",reason=\"included_range\"}} {value}\n\
             {DESTINATIONS}{{{SOURCE},destination_service=\"www.baidu.com\",\
             destination_port=\"80\",path=\"captured\",registry=\"undeclared\",\
             verdict=\"{verdict}\"}} {value}\n"
        );
        Scrape::parse(&text).unwrap().since(&Scrape::default())
    }

    #[test]
    fn one_connection_in_both_families_is_what_was_observed() {
        let step = steps()[0];
        let observed = pair(&connections_of(&grown("blocked", 1), &step)).unwrap();
        assert_eq!(
            step.wanted.complaints(&observed, step.service()),
            [] as [String; 0]
        );
        let wrong = pair(&connections_of(&grown("mediated", 1), &step)).unwrap();
        let complaints = step.wanted.complaints(&wrong, step.service());
        assert_eq!(complaints, ["verdict is mediated, not blocked"]);
    }

    #[test]
    fn anything_but_one_connection_is_not_taken_for_it() {
        let step = steps()[0];
        assert_eq!(pair(&connections_of(&grown("blocked", 2), &step)), None);
        assert_eq!(
            pair(&connections_of(&grown("blocked", 1)[..1], &step)),
            None
        );
        let other = steps()[5];
        assert_eq!(other.workload, "broken");
        assert_eq!(connections_of(&grown("blocked", 1), &other), []);
    }
}
