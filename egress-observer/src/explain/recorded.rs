//! The destinations that a pod has in recorded flows.

use std::{cmp::Reverse, collections::BTreeMap};

use super::destination::To;
use crate::flows::RecordedFlow;
use egress_observer_istio::{injection::pod::Pod, vocabulary::Actor};

/// Whose destinations are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whose<'a> {
    pub(crate) pod: &'a Pod,
    /// Which part of it.
    pub(crate) actor: Actor,
    /// The container, if one is asked for.
    pub(crate) container: Option<&'a str>,
}

/// Takes flows in, one after the other.
#[derive(Debug)]
pub(crate) struct Recorded<'a> {
    whose: Whose<'a>,
    /// Connections by the destinations of which one is meant.
    found: BTreeMap<Vec<To>, u64>,
}

impl Whose<'_> {
    /// Whether a flow is of the pod, or of another pod of its workload.
    fn has(&self, flow: &RecordedFlow) -> bool {
        let from = &flow.from;
        let workload = &*self.pod.workload;
        from.namespace == *self.pod.namespace
            && (from.pod == *self.pod.name || from.workload == workload || from.pod == workload)
            && flow.actor.is_none_or(|actor| actor == self.actor)
            && (flow.container.is_none()
                || self.container.is_none()
                || flow.container.as_deref() == self.container)
    }
}

impl<'a> Recorded<'a> {
    pub(crate) fn new(whose: Whose<'a>) -> Self {
        Self {
            whose,
            found: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, flow: RecordedFlow) {
        if !self.whose.has(&flow) {
            return;
        }
        let mut meant = flow.meant();
        meant.sort();
        meant.dedup();
        let n = self.found.entry(meant).or_default();
        *n = n.saturating_add(flow.n);
    }

    /// What each of them may mean, those with the most connections first. Never empty.
    pub(crate) fn destinations(self) -> Vec<Vec<To>> {
        let mut found: Vec<_> = self.found.into_iter().collect();
        found.sort_by_key(|(_, n)| Reverse(*n));
        found.into_iter().map(|(meant, _)| meant).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::flows;
    use egress_observer_istio::{
        manifests::Object,
        view::{Snapshot, live::Live},
    };

    fn snapshot() -> Snapshot {
        let pod = json!({
            "metadata": {"name": "sleep-1", "namespace": "shop", "labels": {"pod-template-hash": "x"},
                "ownerReferences": [{"kind": "ReplicaSet", "name": "sleep-x", "controller": true}]},
            "spec": {"containers": [{"name": "sleep"}, {"name": "istio-proxy"}]},
        });
        let pod = Object::Pod(serde_json::from_value(pod).unwrap());
        Live::of(vec![pod], &[]).into_snapshot()
    }

    fn destinations(container: Option<&str>, lines: &[serde_json::Value]) -> Vec<Vec<String>> {
        let snapshot = snapshot();
        let mut recorded = Recorded::new(Whose {
            pod: snapshot.pods().next().unwrap(),
            actor: Actor::App,
            container,
        });
        for line in lines {
            recorded.add(flows::parse(line.to_string().as_bytes()).unwrap());
        }
        let texts = |all: Vec<To>| all.iter().map(To::to_string).collect();
        recorded.destinations().into_iter().map(texts).collect()
    }

    #[test]
    fn flows_of_the_pod_and_its_workload_count_and_no_others() {
        let flow = |from: serde_json::Value, host: &str, n: u64| {
            let mut flow = from;
            flow["destination"] = json!({"host": host, "port": 443});
            flow["count"] = n.into();
            flow
        };
        let lines = [
            flow(json!({"pod": "shop/sleep-1"}), "once.test", 1),
            flow(json!({"pod": "shop/sleep-1"}), "often.test", 2),
            flow(
                json!({"pod": "shop/gone", "workload": "sleep"}),
                "often.test",
                u64::MAX,
            ),
            flow(json!({"pod": "shop/sleep"}), "twice.test", 2),
            flow(json!({"pod": "bank/sleep-1"}), "other.test", 9),
            flow(json!({"pod": "shop/other"}), "other.test", 9),
            flow(
                json!({"pod": "shop/sleep-1", "source": {"actor": "proxy"}}),
                "other.test",
                9,
            ),
        ];
        let expected = [["often.test:443"], ["twice.test:443"], ["once.test:443"]];
        assert_eq!(destinations(None, &lines), expected);
    }

    #[test]
    fn where_several_names_lead_to_it_all_are_meant() {
        let line = |names: &[&str]| {
            json!({"pod": "shop/sleep-1", "source": {"container": "sleep"},
                "destination": {"ip": "192.0.2.1", "port": 443, "names": names}})
        };
        let lines = [
            line(&["b.test", "a.test"]),
            line(&["a.test", "b.test"]),
            line(&[]),
        ];
        let expected = [
            vec!["192.0.2.1:443"],
            vec!["a.test@192.0.2.1:443", "b.test@192.0.2.1:443"],
        ];
        let mut found = destinations(Some("sleep"), &lines);
        found.reverse();
        assert_eq!(found, expected);
        assert!(destinations(Some("istio-proxy"), &lines).is_empty());
    }
}
