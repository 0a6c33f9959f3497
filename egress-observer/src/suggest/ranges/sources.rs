//! Which ranges a cluster's objects name. Nothing is weighed here: each statement with where it
//! stands and how sure it is.

mod arguments;
mod config_maps;
mod observed;

use std::net::IpAddr;

use ipnet::IpNet;

pub(super) use self::observed::{Observed, observed};
use super::cover::merged;
use crate::lint::output::plain;
use egress_observer_istio::{
    manifests::Object,
    objects::{
        Metadata,
        addressing::{IpPool, Network, ServiceCidr},
    },
    rules::prefix,
    vocabulary::{Confidence, RangeOf},
};

/// Where a statement stands. Statements of one origin do not contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    ServiceCidrs,
    ApiServer,
    ControllerManager,
    NodeArguments,
    OpenShift,
    Pools,
    Cilium,
    Flannel,
    Terway,
    Kubeadm,
    KubeProxy,
    Nodes,
    CiliumNodes,
    Observed,
}

/// A range that something names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) range: IpNet,
    pub(super) of: RangeOf,
    pub(super) confidence: Confidence,
    pub(super) origin: Origin,
    /// The object and field, for people.
    pub(super) source: String,
}

/// Everything that objects say.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) statements: Vec<Statement>,
    /// What people should know: text that is no range, hints.
    pub(super) notes: Vec<String>,
}

/// Where ranges stand, before they are read.
struct Place {
    of: RangeOf,
    confidence: Confidence,
    origin: Origin,
    source: String,
}

impl Said {
    /// Takes in ranges as they are written, with a comma or blank between two. What is said twice
    /// by one origin is said once.
    fn ranges(&mut self, place: &Place, text: &str) {
        let words = text.split(|c: char| c == ',' || c.is_whitespace());
        for word in words.filter(|word| !word.is_empty()) {
            let (source, of) = (&place.source, place.of);
            let Some(written) = prefix(word).filter(|range| range.prefix_len() > 0) else {
                let word = plain(word);
                self.notes
                    .push(format!("{source}: `{word}` is no range of {of}"));
                continue;
            };
            let range = written.trunc();
            if range != written {
                self.notes.push(format!(
                    "{source} has host bits: {written} is {range}, which is what counts"
                ));
            }
            let statement = Statement {
                range,
                of,
                confidence: place.confidence,
                origin: place.origin,
                source: source.clone(),
            };
            let same = |known: &Statement| {
                (known.range, known.of, known.origin) == (range, of, place.origin)
            };
            if !self.statements.iter().any(same) {
                self.statements.push(statement);
            }
        }
    }
}

/// Reads what objects say.
pub(super) fn read(objects: &[Object]) -> Said {
    let mut said = Said::default();
    let mut nodes: Vec<&str> = Vec::new();
    let mut cilium_nodes: Vec<&str> = Vec::new();
    let mut n_nodes = (0, 0);
    for object in objects {
        match object {
            Object::Pod(pod) => arguments::read(&mut said, pod),
            Object::ConfigMap(map) => config_maps::read(&mut said, map),
            Object::ServiceCidr(object) => service_cidr(&mut said, object),
            Object::IpPool(object) => pool(&mut said, object),
            Object::Network(object) => network(&mut said, object),
            Object::Node(node) => {
                let all = node.spec.pod_cidrs.iter().chain([&node.spec.pod_cidr]);
                nodes.extend(all.map(String::as_str));
                let spec = &node.spec;
                n_nodes.0 += usize::from(!spec.pod_cidr.is_empty() || !spec.pod_cidrs.is_empty());
                arguments::of_node(&mut said, node);
            }
            Object::CiliumNode(node) => {
                let all = &node.spec.ipam.pod_cidrs;
                cilium_nodes.extend(all.iter().map(String::as_str));
                n_nodes.1 += usize::from(!all.is_empty());
            }
            Object::Namespace(_)
            | Object::Service(_)
            | Object::Workload(_)
            | Object::MutatingWebhookConfiguration(_)
            | Object::ServiceEntry(_)
            | Object::Sidecar(_)
            | Object::VirtualService(_)
            | Object::DestinationRule(_)
            | Object::ProxyConfig(_) => {}
        }
    }
    let of = |n: usize| match n {
        1 => "of 1 node".to_owned(),
        n => format!("of {n} nodes"),
    };
    let (source, cilium) = (
        format!("Node spec.podCIDRs {}", of(n_nodes.0)),
        format!("CiliumNode spec.ipam.podCIDRs {}", of(n_nodes.1)),
    );
    per_node(&mut said, Origin::Nodes, source, &nodes);
    per_node(&mut said, Origin::CiliumNodes, cilium, &cilium_nodes);
    said
}

/// Each node has a part of the cluster's range: together they are what is in use today.
fn per_node(said: &mut Said, origin: Origin, source: String, written: &[&str]) {
    let ranges = written.iter().filter_map(|text| prefix(text.trim()));
    for range in merged(ranges.filter(|range| range.prefix_len() > 0)) {
        said.statements.push(Statement {
            range,
            of: RangeOf::Pods,
            confidence: Confidence::LowerBound,
            origin,
            source: source.clone(),
        });
    }
}

/// What the API server allocates from. One that is not ready, such as one that is being deleted,
/// is not allocated from.
fn service_cidr(said: &mut Said, object: &ServiceCidr) {
    let conditions = &object.status.conditions;
    let not_ready = |name: &str, status: &str| name == "Ready" && status == "False";
    let name = plain(&object.metadata.name);
    if conditions
        .iter()
        .any(|condition| not_ready(&condition.name, &condition.status))
    {
        let note = format!("ServiceCIDR {name} is not ready: it is not used");
        said.notes.push(note);
        return;
    }
    let place = Place {
        of: RangeOf::Services,
        confidence: Confidence::Exact,
        origin: Origin::ServiceCidrs,
        source: format!("ServiceCIDR {name}"),
    };
    said.ranges(&place, &object.spec.cidrs.join(","));
}

/// What Calico allocates from. Addresses of a pool that was disabled may still be in use: where
/// they are, pods show it.
fn pool(said: &mut Said, object: &IpPool) {
    let (name, spec) = (plain(&object.metadata.name), &object.spec);
    let for_pods = spec.allowed_uses.is_empty()
        || spec
            .allowed_uses
            .iter()
            .any(|allowed| allowed == "Workload");
    if spec.disabled {
        let note = format!("IPPool {name} is disabled: no new pod gets an address of it");
        said.notes.push(note);
    }
    if spec.disabled || !for_pods {
        return;
    }
    let place = Place {
        of: RangeOf::Pods,
        confidence: Confidence::High,
        origin: Origin::Pools,
        source: format!("IPPool {name} spec.cidr"),
    };
    said.ranges(&place, &spec.cidr);
}

/// What OpenShift has, or what it was asked for as long as it says nothing.
fn network(said: &mut Said, object: &Network) {
    if object.metadata.name != "cluster" {
        return;
    }
    let (ranges, field, confidence) = if object.status.service_network.is_empty() {
        (&object.spec, "spec", Confidence::High)
    } else {
        (&object.status, "status", Confidence::Exact)
    };
    let place = |of, name: &str| Place {
        of,
        confidence,
        origin: Origin::OpenShift,
        source: format!("Network cluster {field}.{name}"),
    };
    let pods: Vec<_> = ranges
        .cluster_network
        .iter()
        .map(|one| &*one.cidr)
        .collect();
    said.ranges(&place(RangeOf::Pods, "clusterNetwork"), &pods.join(","));
    let services = ranges.service_network.join(",");
    said.ranges(&place(RangeOf::Services, "serviceNetwork"), &services);
}

/// Namespace and name for people.
fn name(metadata: &Metadata) -> String {
    plain(&format!("{}/{}", metadata.namespace, metadata.name))
}

/// An address as objects have it.
fn address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
pub(in crate::suggest::ranges) mod tests {
    use super::*;
    use egress_observer_istio::manifests::Reading;

    /// Objects from YAML.
    pub(in crate::suggest::ranges) fn objects(text: &str) -> Vec<Object> {
        let reading = Reading::of("a.yaml".as_ref(), text);
        reading.complete().unwrap()
    }

    /// `pods 10.0.0.0/8 exact: source`, one a line.
    pub(in crate::suggest::ranges) fn lines(said: &Said) -> Vec<String> {
        let statements = said.statements.iter();
        statements
            .map(|one| {
                format!(
                    "{} {} {}: {}",
                    one.of, one.range, one.confidence, one.source
                )
            })
            .collect()
    }

    #[test]
    fn every_kind_of_object_says_what_it_knows() {
        let cases: [(&str, &[&str]); 6] = [
            (
                "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: kubernetes}\n\
                 spec: {cidrs: [10.96.0.0/12, \"fd00:10:96::/112\"]}\n\
                 status: {conditions: [{type: Ready, status: \"True\"}]}\n",
                &[
                    "services 10.96.0.0/12 exact: ServiceCIDR kubernetes",
                    "services fd00:10:96::/112 exact: ServiceCIDR kubernetes",
                ],
            ),
            (
                "apiVersion: networking.k8s.io/v1beta1\nkind: ServiceCIDR\nmetadata: {name: old}\n\
                 spec: {cidrs: [10.200.0.0/16]}\n\
                 status: {conditions: [{type: Ready, status: \"False\", reason: Terminating}]}\n",
                &[],
            ),
            (
                "apiVersion: crd.projectcalico.org/v1\nkind: IPPool\nmetadata: {name: a}\n\
                 spec: {cidr: 192.168.0.0/16, ipipMode: Always, natOutgoing: true}\n---\n\
                 apiVersion: crd.projectcalico.org/v1\nkind: IPPool\nmetadata: {name: b}\n\
                 spec: {cidr: 10.1.0.0/16, disabled: true}\n---\n\
                 apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: c}\n\
                 spec: {cidr: 10.2.0.0/16, allowedUses: [Tunnel]}\n",
                &["pods 192.168.0.0/16 high: IPPool a spec.cidr"],
            ),
            (
                "apiVersion: config.openshift.io/v1\nkind: Network\nmetadata: {name: cluster}\n\
                 spec: {clusterNetwork: [{cidr: 10.0.0.0/8, hostPrefix: 23}]}\n\
                 status:\n  clusterNetwork: [{cidr: 10.128.0.0/14, hostPrefix: 23}]\n  \
                 serviceNetwork: [172.30.0.0/16]\n  networkType: OVNKubernetes\n",
                &[
                    "pods 10.128.0.0/14 exact: Network cluster status.clusterNetwork",
                    "services 172.30.0.0/16 exact: Network cluster status.serviceNetwork",
                ],
            ),
            (
                "apiVersion: v1\nkind: NodeList\nitems:\n\
                 - {metadata: {name: a}, spec: {podCIDR: 10.4.0.0/24, podCIDRs: [10.4.0.0/24]}}\n\
                 - {metadata: {name: b}, spec: {podCIDR: 10.4.1.0/24, podCIDRs: [10.4.1.0/24]}}\n\
                 - {metadata: {name: c}, spec: {podCIDR: 10.4.8.0/24}}\n",
                &[
                    "pods 10.4.0.0/23 lower_bound: Node spec.podCIDRs of 3 nodes",
                    "pods 10.4.8.0/24 lower_bound: Node spec.podCIDRs of 3 nodes",
                ],
            ),
            (
                "apiVersion: cilium.io/v2\nkind: CiliumNode\nmetadata: {name: a}\n\
                 spec: {ipam: {podCIDRs: [10.0.1.0/24], pools: {}}}\n",
                &["pods 10.0.1.0/24 lower_bound: CiliumNode spec.ipam.podCIDRs of 1 node"],
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(lines(&read(&objects(text))), expected, "{text}");
        }
    }

    #[test]
    fn host_bits_are_taken_off_and_what_is_no_range_is_told() {
        let text = "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: a}\n\
                    spec: {cidrs: [10.0.0.1/24, 10.0.0.0, 0.0.0.0/0, \"\\e[31m\"]}\n";
        let said = read(&objects(text));
        assert_eq!(lines(&said), ["services 10.0.0.0/24 exact: ServiceCIDR a"]);
        let notes = [
            "ServiceCIDR a has host bits: 10.0.0.1/24 is 10.0.0.0/24, which is what counts",
            "ServiceCIDR a: `10.0.0.0` is no range of services",
            "ServiceCIDR a: `0.0.0.0/0` is no range of services",
            "ServiceCIDR a: `\\u{1b}[31m` is no range of services",
        ];
        assert_eq!(said.notes, notes);
    }
}
