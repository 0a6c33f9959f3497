//! Flows against two states of the cluster.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    net::IpAddr,
    sync::Arc,
};

use thiserror::Error;

use super::{FlowCounts, Group, Judgement, Open, Report, Restart, Stale, Total, When};
use crate::{
    api_version::API_VERSION,
    explain::{Explainer, Unanswered, Who},
    flows::{Caller, RecordedFlow},
};
use egress_observer_istio::{
    injection::{
        pod::Pod,
        restart,
        setup::{Membership, Setup},
    },
    judgement::{self, ClientSocket},
    view::Snapshot,
    vocabulary::{Protocol, Reason, Verdict},
};

/// The cluster as it is and as it would be, and its pods in both.
#[derive(Debug)]
pub(crate) struct World {
    before: Snapshot,
    after: Snapshot,
    /// In the order of their names.
    pods: Vec<Sides>,
    by_name: HashMap<(Arc<str>, Arc<str>), usize>,
    by_workload: HashMap<(Arc<str>, Arc<str>), usize>,
}

/// A pod in three states.
#[derive(Debug)]
struct Sides {
    /// As it is.
    before: Arc<Pod>,
    /// As it runs on after the change: what was set up at its start stays.
    now: Pod,
    /// After the change and a restart.
    restarted: Pod,
    /// Whether it needs a restart as things are.
    stale_already: Option<bool>,
}

impl World {
    /// The pods of today in both states. `after` has them all.
    pub(crate) fn new(before: Snapshot, after: Snapshot) -> Self {
        let after_by_name: HashMap<(&str, &str), &Arc<Pod>> = after
            .pods()
            .map(|pod| ((&*pod.namespace, &*pod.name), pod))
            .collect();
        let mut pods: Vec<Sides> = before
            .pods()
            .filter_map(|pod| {
                let after = after_by_name.get(&(&*pod.namespace, &*pod.name))?;
                Some(Sides::new(pod, after))
            })
            .collect();
        pods.sort_by(|a, b| {
            let key = |sides: &Sides| {
                (
                    Arc::clone(&sides.before.namespace),
                    sides.before.name.to_string(),
                )
            };
            key(a).cmp(&key(b))
        });
        let (mut by_name, mut by_workload) = (HashMap::new(), HashMap::new());
        for (place, Sides { before: pod, .. }) in pods.iter().enumerate() {
            let namespace = || Arc::clone(&pod.namespace);
            by_name.insert((namespace(), Arc::clone(&pod.name)), place);
            by_workload
                .entry((namespace(), Arc::clone(&pod.workload)))
                .or_insert(place);
        }
        Self {
            before,
            after,
            pods,
            by_name,
            by_workload,
        }
    }

    /// Namespace and name of every pod.
    pub(crate) fn names(&self) -> impl Iterator<Item = Caller> {
        self.pods.iter().map(|sides| Caller {
            namespace: sides.before.namespace.to_string(),
            pod: sides.before.name.to_string(),
            workload: sides.before.workload.to_string(),
        })
    }

    /// The pod that a flow comes from, or another one of its workload, which may stand in the place
    /// of the pod's name.
    fn find(&self, from: &Caller) -> Option<usize> {
        let namespace: Arc<str> = from.namespace.as_str().into();
        let pod = (Arc::clone(&namespace), from.pod.as_str().into());
        let of_workload = |name: &str| {
            let workload = (Arc::clone(&namespace), name.into());
            self.by_workload.get(&workload)
        };
        self.by_name
            .get(&pod)
            .or_else(|| of_workload(&from.workload))
            .or_else(|| of_workload(&from.pod))
            .copied()
    }
}

impl Sides {
    fn new(before: &Arc<Pod>, after: &Pod) -> Self {
        Self {
            before: Arc::clone(before),
            now: Pod {
                applied: before.applied.clone(),
                revision: before.revision.clone(),
                declared: before.declared.clone(),
                containers: before.containers.clone(),
                ..after.clone()
            },
            restarted: after.restarted(),
            stale_already: before.stale(),
        }
    }

    /// Whether it is known what a restart would set up.
    fn restart_is_known(&self) -> bool {
        !matches!(self.restarted.applied.membership, Membership::Unknown(_))
    }

    fn who(&self, flow: &RecordedFlow) -> Who {
        let mut declared = self.before.declared.iter();
        let named = || {
            let found = declared.find(|container| Some(container.role.actor) == flow.actor);
            found.map(|container| container.name.clone())
        };
        Who {
            container: flow.container.clone().or_else(named),
            socket: ClientSocket {
                uid: flow.uid,
                gid: flow.gid,
                ..ClientSocket::default()
            },
        }
    }

    /// Who it is after a restart: a process that has the user and group of its container's spec
    /// follows a change of these.
    fn who_restarted(&self, who: &Who) -> Who {
        let container = |pod: &Pod| {
            let mut declared = pod.declared.iter();
            let found = declared.find(|container| Some(&container.name) == who.container.as_ref());
            found.map(|container| (container.uid, container.gid))
        };
        let (Some(was), Some(is)) = (container(&self.before), container(&self.restarted)) else {
            return who.clone();
        };
        let follow = |given: Option<u32>, was: Option<u32>, is: Option<u32>| {
            let own = was.is_some() && given != was;
            if own || was == is { given } else { is }
        };
        let Who { container, socket } = who.clone();
        Who {
            container,
            socket: ClientSocket {
                uid: follow(socket.uid, was.0, is.0),
                gid: follow(socket.gid, was.1, is.1),
                ..socket
            },
        }
    }
}

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

/// The fate of connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Fate {
    namespace: Arc<str>,
    workload: Arc<str>,
    destination: Destination,
    port: u16,
    protocol: Protocol,
    before: Judgement,
    now: Judgement,
    restarted: Judgement,
    when: When,
    stale_already: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Destination {
    Host(Arc<str>),
    Ip(IpAddr),
}

/// What the flows of a pod say.
#[derive(Clone, Copy, Debug, Default)]
struct Effect {
    n_flows: u64,
    /// Flows and connections that a restart changes.
    n_changed_flows: u64,
    n_changed: u64,
}

/// Takes flows in, one after the other.
pub(crate) struct Comparison<'a> {
    world: &'a World,
    processes: HashMap<(usize, Who), Process<'a>>,
    /// Flows and connections.
    fates: HashMap<Fate, (u64, u64)>,
    /// As the pods of the world.
    effects: Vec<Effect>,
    n_unplaced: u64,
}

impl<'a> Comparison<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Self {
            world,
            processes: HashMap::new(),
            fates: HashMap::new(),
            effects: vec![Effect::default(); world.pods.len()],
            n_unplaced: 0,
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
        let sides = &self.world.pods[place];
        let to = flow.to.endpoint(Protocol::Tcp);
        let names = flow.names_meant();
        let process = self.process(place, sides.who(flow))?;
        let [before, now, restarted] = [&process.before, &process.now, &process.restarted]
            .map(|explainer| explainer.judged(&to, names));
        let when = when(&before, &now, &restarted, sides.restart_is_known());
        let host = now.host.or(before.host).cloned();
        let destination = match (host, &flow.to.host, flow.to.ip) {
            (Some(host), _, _) => Destination::Host(host),
            (None, Some(host), _) => Destination::Host(host.as_str().into()),
            (None, None, ip) => {
                Destination::Ip(ip.unwrap_or(std::net::Ipv4Addr::UNSPECIFIED.into()))
            }
        };
        let fate = Fate {
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
        let (n_flows, n_connections) = self.fates.entry(fate).or_default();
        *n_flows += 1;
        *n_connections = n_connections.saturating_add(flow.n);
        let effect = &mut self.effects[place];
        effect.n_flows += 1;
        if matches!(when, When::AfterRestart | When::Twice) {
            effect.n_changed_flows += 1;
            effect.n_changed = effect.n_changed.saturating_add(flow.n);
        }
        Ok(())
    }

    fn process(&mut self, place: usize, who: Who) -> Result<&Process<'a>, Unplaced> {
        let world = self.world;
        match self.processes.entry((place, who)) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(vacant) => {
                let who = &vacant.key().1;
                let sides = &world.pods[place];
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
    pub(crate) fn report(self, change: Vec<String>, n_bad_lines: u64, all: bool) -> Report {
        let mut flows = FlowCounts {
            unplaced: self.n_unplaced,
            bad_lines: n_bad_lines,
            ..FlowCounts::default()
        };
        let mut totals: BTreeMap<Verdict, Total> = BTreeMap::new();
        for (fate, (n_flows, n)) in &self.fates {
            flows.flows += n_flows;
            flows.connections = flows.connections.saturating_add(*n);
            if fate.when != When::Never {
                flows.changed = flows.changed.saturating_add(*n);
            }
            let mut count = |judgement: Judgement, field: fn(&mut Total) -> &mut u64| {
                let verdict = judgement.verdict;
                let total = field(totals.entry(verdict).or_insert(Total {
                    verdict,
                    before: 0,
                    now: 0,
                    restarted: 0,
                }));
                *total = total.saturating_add(*n);
            };
            count(fate.before, |total| &mut total.before);
            count(fate.now, |total| &mut total.now);
            count(fate.restarted, |total| &mut total.restarted);
        }
        let (restarts, unknown) = self.restarts();
        Report {
            api_version: API_VERSION,
            kind: "WhatIf",
            change,
            flows,
            totals: totals.into_values().collect(),
            groups: groups(self.fates, all),
            restarts,
            unknown,
        }
    }

    /// Pods to restart, and those of which that is not known, by workload.
    fn restarts(&self) -> (Vec<Restart>, Vec<Open>) {
        type Workload = (Arc<str>, Arc<str>);
        let mut restarts: BTreeMap<(Stale, Workload, Option<String>), (u64, Effect)> =
            BTreeMap::new();
        let mut open: BTreeMap<(Workload, Reason, String), u64> = BTreeMap::new();
        for (sides, effect) in self.world.pods.iter().zip(&self.effects) {
            let pod = &sides.before;
            let workload = (Arc::clone(&pod.namespace), Arc::clone(&pod.workload));
            let stale = sides.now.stale();
            if stale == Some(true) || effect.n_changed_flows > 0 {
                let stale = if sides.stale_already == Some(true) {
                    Stale::Already
                } else {
                    Stale::ByThisChange
                };
                let key = (stale, workload, pod.workload_kind.clone());
                let (n_pods, sum) = restarts.entry(key).or_default();
                *n_pods += 1;
                sum.n_flows += effect.n_flows;
                sum.n_changed_flows += effect.n_changed_flows;
                sum.n_changed = sum.n_changed.saturating_add(effect.n_changed);
            } else if stale.is_none() {
                let (reason, because) = missing(&sides.now);
                *open.entry((workload, reason, because)).or_default() += 1;
            }
        }
        let restarts =
            restarts
                .into_iter()
                .map(
                    |((stale, (namespace, workload), kind), (pods, effect))| Restart {
                        stale,
                        command: restart::command(&namespace, &workload, kind.as_deref()),
                        namespace: namespace.to_string(),
                        workload: workload.to_string(),
                        kind,
                        pods,
                        effect: (effect.n_flows > 0).then_some(effect.n_changed_flows > 0),
                        connections: effect.n_changed,
                    },
                );
        let open = open
            .into_iter()
            .map(|(((namespace, workload), reason, because), pods)| Open {
                namespace: namespace.to_string(),
                workload: workload.to_string(),
                pods,
                reason,
                because,
            });
        (restarts.collect(), open.collect())
    }
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

fn outcome(judged: &judgement::Judgement<'_>) -> Judgement {
    Judgement {
        verdict: judged.verdict,
        reason: judged.reason,
    }
}

/// What is not known of a restart is no change: the report says so once for the pod.
fn when(
    before: &judgement::Judgement<'_>,
    now: &judgement::Judgement<'_>,
    restarted: &judgement::Judgement<'_>,
    restart_is_known: bool,
) -> When {
    let at_once = before.verdict != now.verdict;
    let later = restart_is_known && now.verdict != restarted.verdict;
    match (at_once, later) {
        (true, true) => When::Twice,
        (true, false) => When::AtOnce,
        (false, true) => When::AfterRestart,
        (false, false) => When::Never,
    }
}

/// Those that change first, then the largest.
fn groups(fates: HashMap<Fate, (u64, u64)>, all: bool) -> Vec<Group> {
    let fates = fates.into_iter();
    let mut groups: Vec<Group> = fates
        .filter(|(fate, _)| all || fate.when != When::Never)
        .map(|(fate, (flows, connections))| Group {
            when: fate.when,
            namespace: fate.namespace.to_string(),
            workload: fate.workload.to_string(),
            destination: match fate.destination {
                Destination::Host(host) => host.to_string(),
                Destination::Ip(ip) => ip.to_string(),
            },
            port: fate.port,
            protocol: fate.protocol,
            before: fate.before,
            now: fate.now,
            restarted: fate.restarted,
            stale_already: fate.stale_already,
            flows,
            connections,
        })
        .collect();
    groups.sort_by(|a, b| {
        let size = (a.when, b.connections).cmp(&(b.when, a.connections));
        size.then_with(|| order(a).cmp(&order(b)))
    });
    groups
}

/// The order of groups that are alike in size: by name, then by whatever tells them apart.
fn order(group: &Group) -> impl Ord {
    let names = (&group.namespace, &group.workload, &group.destination);
    let judgements = [group.before, group.now, group.restarted];
    (
        names,
        group.port,
        group.protocol,
        judgements,
        group.stale_already,
    )
}

/// What is missing to tell whether a pod needs a restart.
fn missing(pod: &Pod) -> (Reason, String) {
    let open = |setup: &Setup| {
        let Membership::Unknown(reason) = setup.membership else {
            return None;
        };
        // What was read and is wrong says more than where it stands.
        let because = match (reason, setup.notes.as_slice()) {
            (Reason::UnreadableConfig, notes @ [_, ..]) => notes.join("; "),
            _ => setup.source.clone(),
        };
        Some((reason, because))
    };
    open(&pod.applied)
        .or_else(|| open(&pod.desired))
        .unwrap_or((Reason::NotSynced, String::new()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{flows, what_if::change::Change};
    use egress_observer_istio::{manifests::Object, view::live::Live};

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
            let said = |judgement: Judgement| (judgement.verdict, judgement.reason);
            assert_eq!(said(group.before), blocked, "{entries:?}");
            assert_eq!(said(group.now), expected, "{entries:?}");
        }
    }

    fn report(today: Vec<Object>, settings: &[String], flow: &str) -> Report {
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
            let ip = std::net::Ipv4Addr::from(ip);
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
