//! Which ranges a cluster's objects name. Nothing is weighed here: each statement with where it
//! stands and how sure it is.

mod allocators;
mod arguments;
mod config_maps;
mod nodes;
mod observed;

use self::nodes::NodeParts;
pub(super) use self::observed::{AddressInUse, observed};
use super::statement::{RangeOrigin, RangeStatements};
use egress_observer_istio::manifests::Object;

/// Reads what objects say.
pub(super) fn read(objects: &[Object]) -> RangeStatements {
    let mut said = RangeStatements::default();
    let (mut nodes, mut cilium_nodes) = (NodeParts::default(), NodeParts::default());
    for object in objects {
        match object {
            Object::Pod(pod) => arguments::read(&mut said, pod),
            Object::ConfigMap(map) => config_maps::read(&mut said, map),
            Object::ServiceCidr(object) => {
                allocators::service_cidr(&mut said, object);
            }
            Object::IpPool(object) => allocators::pool(&mut said, object),
            Object::Network(object) => {
                allocators::network(&mut said, object);
            }
            Object::Node(node) => {
                nodes.add(&node.spec.pod_cidrs, &node.spec.pod_cidr);
                arguments::of_node(&mut said, node);
            }
            Object::CiliumNode(node) => {
                cilium_nodes.add(&node.spec.ipam.pod_cidrs, "");
            }
            Object::Namespace(_)
            | Object::Service(_)
            | Object::Workload(_)
            | Object::MutatingWebhookConfiguration(_)
            | Object::ServiceEntry(_)
            | Object::Sidecar(_)
            | Object::VirtualService(_)
            | Object::DestinationRule(_)
            | Object::ProxyConfig(_)
            | Object::Gateway(_) => {}
        }
    }
    nodes.say(&mut said, RangeOrigin::Nodes, "Node spec.podCIDRs");
    let field = "CiliumNode spec.ipam.podCIDRs";
    cilium_nodes.say(&mut said, RangeOrigin::CiliumNodes, field);
    said
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
    pub(in crate::suggest::ranges) fn lines(said: &RangeStatements) -> Vec<String> {
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
