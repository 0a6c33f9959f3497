//! Flows against two states of the cluster.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::Ipv4Addr,
    sync::Arc,
};

use thiserror::Error;

use super::{
    WhatIfReport, When,
    fates::{self, FateCounts, FateDestination, FlowFate, outcome},
    restarts::{self, Effect},
    world::World,
};
use crate::{
    api_version::API_VERSION,
    declared::declared_host,
    explain::{Explainer, Unanswered, Who},
    flows::{Caller, RecordedFlow},
};
use egress_observer_istio::vocabulary::Protocol;

/// Why a flow cannot be judged.
#[derive(Debug, Error)]
pub(crate) enum Unplaced {
    #[error("there is no pod {namespace}/{pod}, nor one of its workload, among the manifests")]
    Pod { namespace: String, pod: String },
    #[error("there is no pod of the workload {namespace}/{workload} among the manifests")]
    Workload { namespace: String, workload: String },
    #[error(transparent)]
    Container(#[from] Unanswered),
}

/// What is the same for all flows of a pod's process.
struct Process<'a> {
    before: Explainer<'a>,
    now: Explainer<'a>,
    restarted: Explainer<'a>,
}

/// Takes flows in, one after the other.
pub(crate) struct Comparison<'a> {
    world: &'a World,
    processes: HashMap<(usize, Who), Process<'a>>,
    fates: HashMap<FlowFate, FateCounts>,
    /// As the pods of the world.
    effects: Vec<Effect>,
    n_unplaced: u64,
    /// A name whose verdict rests on its being public, if there is one.
    public_name: Option<String>,
}

impl<'a> Comparison<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Self {
            world,
            processes: HashMap::new(),
            fates: HashMap::new(),
            effects: vec![Effect::default(); world.sides.len()],
            n_unplaced: 0,
            public_name: None,
        }
    }

    /// Judges a flow three times.
    pub(crate) fn add(&mut self, flow: &RecordedFlow) -> Result<(), Unplaced> {
        let placed = self.judge(flow);
        self.n_unplaced += u64::from(placed.is_err());
        placed
    }

    fn judge(&mut self, flow: &RecordedFlow) -> Result<(), Unplaced> {
        let place = self
            .world
            .find(&flow.from)
            .ok_or_else(|| unplaced(&flow.from))?;
        let sides = &self.world.sides[place];
        let to = flow.to.endpoint(Protocol::Tcp);
        let names = flow.names_meant();
        let process = self.process(place, sides.who(flow))?;
        let [before, now, restarted] = [&process.before, &process.now, &process.restarted]
            .map(|explainer| explainer.judged(&to, names));
        let rests_on_name = [&before, &now, &restarted]
            .iter()
            .any(|it| it.rests_on_name);
        let when = fates::when(&before, &now, &restarted, sides.restart_is_known());
        let host = declared_host(&now).or(declared_host(&before)).cloned();
        let destination = match (host, &flow.to.host, flow.to.ip) {
            (Some(host), _, _) => FateDestination::Host(host),
            (None, Some(host), _) => FateDestination::Host(host.as_str().into()),
            (None, None, Some(ip)) => FateDestination::Ip(ip),
            (None, None, None) => FateDestination::Ip(Ipv4Addr::UNSPECIFIED.into()),
        };
        let fate = FlowFate {
            namespace: Arc::clone(&sides.before.namespace),
            workload: Arc::clone(&sides.before.workload),
            destination,
            port: to.port,
            protocol: to.protocol,
            before: outcome(&before),
            now: outcome(&now),
            restarted: outcome(&restarted),
            when,
            stale_already: sides.stale_already,
        };
        if rests_on_name && self.public_name.is_none() {
            self.public_name = names.first().cloned();
        }
        let counts = self.fates.entry(fate).or_default();
        counts.n_flows += 1;
        counts.n_connections = counts.n_connections.saturating_add(flow.n);
        let changed = matches!(when, When::AfterRestart | When::Twice);
        self.effects[place].add(flow.n, changed);
        Ok(())
    }

    fn process(&mut self, place: usize, who: Who) -> Result<&Process<'a>, Unplaced> {
        let world = self.world;
        match self.processes.entry((place, who)) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(vacant) => {
                let who = &vacant.key().1;
                let sides = &world.sides[place];
                let restarted = sides.who_restarted(who);
                let process = Process {
                    before: Explainer::new(&world.before, &sides.before, who.clone())?,
                    now: Explainer::new(&world.after, &sides.now, who.clone())?,
                    restarted: Explainer::new(&world.after, &sides.restarted, restarted)?,
                };
                Ok(vacant.insert(process))
            }
        }
    }

    /// The report on all flows taken in. Groups that do not change are in it if `all` are.
    pub(crate) fn report(self, change: Vec<String>, n_bad_lines: u64, all: bool) -> WhatIfReport {
        let (mut flows, totals) = fates::totals(self.fates.iter());
        flows.unplaced = self.n_unplaced;
        flows.bad_lines = n_bad_lines;
        let pods = self.world.sides.iter().zip(&self.effects);
        let (restarts, unknown) = restarts::restarts(pods);
        WhatIfReport {
            api_version: API_VERSION,
            kind: "WhatIf",
            change,
            flows,
            totals,
            groups: fates::groups(self.fates.into_iter(), all),
            restarts,
            unknown,
            notes: self.public_name.map(note).into_iter().collect(),
        }
    }
}

/// What verdicts rest on where rules have another answer for link-local addresses.
fn note(public: String) -> String {
    format!(
        "rests on this: public names, such as {public}, lead to no link-local address \
         (169.254.0.0/16, fe80::/10)"
    )
}

fn unplaced(from: &Caller) -> Unplaced {
    let namespace = from.namespace.clone();
    if from.pod.is_empty() {
        let workload = from.workload.clone();
        return Unplaced::Workload {
            namespace,
            workload,
        };
    }
    let pod = from.pod.clone();
    Unplaced::Pod { namespace, pod }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        flows,
        what_if::{ReasonedVerdict, Stale, change::Change},
    };
    use egress_observer_istio::{
        manifests::Object,
        view::{Snapshot, live::Live},
        vocabulary::{Reason, Verdict},
    };

    fn snapshot(objects: Vec<Object>) -> Snapshot {
        Live::of(objects, &[]).into_snapshot()
    }

    /// A mesh with these values, and a pod that was made with others.
    fn objects(include: &str, ports: &str, mode: &str, dns: &str) -> Vec<Object> {
        let values = json!({"global": {"proxy": {
            "includeIPRanges": include, "excludeOutboundPorts": ports,
        }}});
        let mesh = json!({
            "outboundTrafficPolicy": {"mode": mode},
            "defaultConfig": {"proxyMetadata": {"ISTIO_META_DNS_CAPTURE": dns}},
        });
        let map = |name: &str, key: &str, text: String| {
            Object::ConfigMap(
                serde_json::from_value(json!({"metadata": {"name": name}, "data": {key: text}}))
                    .unwrap(),
            )
        };
        let pod = json!({
            "metadata": {"name": "a", "namespace": "shop"},
            "spec": {
                "initContainers": [{"name": "istio-init", "args": ["istio-iptables", "-i", "*"]}],
                "containers": [{"name": "a"}, {"name": "istio-proxy", "args": ["proxy", "sidecar"]}],
            },
        });
        vec![
            map("istio-sidecar-injector", "values", values.to_string()),
            map("istio", "mesh", mesh.to_string()),
            Object::Pod(serde_json::from_value(pod).unwrap()),
        ]
    }

    #[test]
    fn a_name_that_is_not_known_matters_only_where_it_makes_a_difference() {
        let today = objects("*", "", "REGISTRY_ONLY", "false");
        let entry = |name: &str, host: &str| {
            let entry = json!({
                "metadata": {"name": name, "namespace": "shop"},
                "spec": {"hosts": [host], "ports": [{"number": 443, "protocol": "TLS"}]},
            });
            Object::ServiceEntry(serde_json::from_value(entry).unwrap())
        };
        let flow = json!({"pod": "shop/a", "count": 3,
            "destination": {"ip": "198.18.0.9", "port": 443, "names": ["b.test", "a.test"]}});
        let flow = flows::parse(flow.to_string().as_bytes()).unwrap();
        let blocked = (Verdict::Blocked, Reason::IncludedRange);
        let mediated = (Verdict::Mediated, Reason::IncludedRange);
        let open = (Verdict::Unknown, Reason::AmbiguousName);
        let cases = [
            (vec![], blocked),
            (vec![entry("a", "a.test")], open),
            (vec![entry("c", "c.test")], blocked),
            (vec![entry("a", "a.test"), entry("b", "b.test")], mediated),
            (vec![entry("all", "*.test")], mediated),
        ];
        for (entries, expected) in cases {
            let after = [today.clone(), entries.clone()].concat();
            let world = World::new(snapshot(today.clone()), snapshot(after));
            let mut comparison = Comparison::new(&world);
            comparison.add(&flow).unwrap();
            let report = comparison.report(Vec::new(), 0, true);
            let [group] = &report.groups[..] else {
                panic!("{report:?}")
            };
            let said = |judgement: ReasonedVerdict| (judgement.verdict, judgement.reason);
            assert_eq!(said(group.before), blocked, "{entries:?}");
            assert_eq!(said(group.now), expected, "{entries:?}");
        }
    }

    fn report(today: Vec<Object>, settings: &[String], flow: &str) -> WhatIfReport {
        let set = settings.iter().map(|text| text.parse().unwrap()).collect();
        let change = Change {
            set,
            ..Change::default()
        };
        let after = change.make(&today).unwrap();
        let world = World::new(snapshot(today), snapshot(after));
        let mut comparison = Comparison::new(&world);
        let flow = flows::parse(flow.as_bytes()).unwrap();
        comparison.add(&flow).unwrap();
        comparison.report(Vec::new(), 0, true)
    }

    fn range() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("*".to_owned()),
            Just(String::new()),
            "10\\.[0-9]{1,2}\\.0\\.0/16(,192\\.0\\.2\\.0/24)?",
            "[a-z0-9./,]{0,12}",
        ]
    }

    proptest! {
        #[test]
        fn setting_what_stands_changes_nothing(
            include in range(), ports in "(22|443)?(,80)?",
            mode in "ALLOW_ANY|REGISTRY_ONLY", dns in "true|false", ip in any::<u32>(), port in 1_u16..,
        ) {
            let today = objects(&include, &ports, &mode, &dns);
            let settings = [
                format!("includeIPRanges={include}"),
                format!("global.proxy.excludeOutboundPorts={ports}"),
                format!("outboundTrafficPolicy.mode={mode}"),
                format!("meshConfig.defaultConfig.proxyMetadata.ISTIO_META_DNS_CAPTURE={dns}"),
            ];
            let ip = Ipv4Addr::from(ip);
            let flow = json!({"pod": "shop/a", "destination": {"ip": ip, "port": port}});
            let same = report(today, &settings, &flow.to_string());
            // A restart may change it, as it does without a change.
            for group in &same.groups {
                prop_assert_eq!(group.before, group.now);
            }
            prop_assert!(same.restarts.iter().all(|restart| restart.stale == Stale::Already));
        }
    }
}
