//! What statements amount to: each range once, with the surest that says so; contradictions and
//! gaps.

mod notes;

use super::{
    answer::ClusterRange,
    cover::{Widest, cover, version},
    sources::{self, AddressInUse, observed},
    statement::{RangeOrigin, RangeStatements, Statement},
};
use egress_observer_istio::{
    manifests::Object,
    vocabulary::{Confidence, RangeOf},
};

/// The cluster's ranges, as far as objects name them.
#[derive(Debug, Default)]
pub(super) struct Weighed {
    /// Services first, the surest first.
    pub(super) ranges: Vec<ClusterRange>,
    /// Of what no object names a range, by IP version.
    pub(super) gaps: Vec<(RangeOf, u8)>,
    pub(super) notes: Vec<String>,
}

/// How wide the ranges around addresses in use may be: the API server takes no wider Service range
/// (`validateServiceNodePort` and `maxCIDRBits` in its options), and a pod range is rarely wider
/// than a cloud's network.
const fn widest(of: RangeOf) -> Widest {
    match of {
        RangeOf::Services => Widest { v4: 12, v6: 108 },
        RangeOf::Pods => Widest { v4: 16, v6: 56 },
    }
}

/// Weighs what objects say:
///
/// 1. a range that several name is there once, by the surest;
/// 2. a node's part is left out where a range around it is named;
/// 3. nothing that is named is dropped for a contradiction: a range too many costs less than one
///    too few. It is said;
/// 4. addresses in use that no range holds are covered, and are in the value only if asked for.
pub(super) fn weigh(objects: &[Object], include_observed: bool) -> Weighed {
    let RangeStatements {
        statements,
        mut notes,
    } = sources::read(objects);
    let in_use = observed(objects);
    let mut all = statements.clone();
    let stray: Vec<_> = in_use
        .iter()
        .filter(|one| !holds(&statements, one))
        .collect();
    for of in RangeOf::ALL {
        let own: Vec<_> = stray.iter().filter(|one| one.of == *of).copied().collect();
        notes.extend(notes::outside(&own, &statements));
        all.extend(covered(&own, *of));
    }
    notes.extend(notes::contradictions(&statements));
    notes.extend(notes::growing(&statements));
    let ranges = ranges(&all, include_observed);
    notes.extend(notes::inside_another(&ranges));
    Weighed {
        gaps: gaps(&statements, &in_use),
        ranges,
        notes,
    }
}

/// Each range once.
fn ranges(all: &[Statement], include_observed: bool) -> Vec<ClusterRange> {
    let mut sorted: Vec<&Statement> = all.iter().collect();
    sorted.sort_by_key(|one| (one.confidence, one.origin, one.range));
    let mut ranges: Vec<ClusterRange> = Vec::new();
    for statement in sorted {
        let part = statement.confidence == Confidence::LowerBound;
        let around = ranges.iter_mut().find(|known| {
            let same = known.cidr == statement.range
                || part && known.cidr.contains(&statement.range) && known.in_value;
            same && known.of == statement.of
        });
        match around {
            Some(known) if known.source == statement.source => {}
            Some(known) => {
                if !known.also.contains(&statement.source) {
                    known.also.push(statement.source.clone());
                }
            }
            None => ranges.push(ClusterRange {
                cidr: statement.range,
                of: statement.of,
                source: statement.source.clone(),
                confidence: statement.confidence,
                also: Vec::new(),
                in_value: statement.origin != RangeOrigin::Observed || include_observed,
            }),
        }
    }
    ranges.sort_by_key(|range| {
        let pods = range.of == RangeOf::Pods;
        (pods, range.confidence, range.cidr)
    });
    ranges
}

/// The smallest ranges around addresses in use.
fn covered(own: &[&AddressInUse], of: RangeOf) -> Vec<Statement> {
    let cover = cover(own.iter().map(|one| one.ip), widest(of));
    let mut statements = Vec::new();
    for range in cover {
        let n = own.iter().filter(|one| range.contains(&one.ip)).count();
        let plural = if n == 1 { "" } else { "es" };
        statements.push(Statement {
            range,
            of,
            confidence: Confidence::LowerBound,
            origin: RangeOrigin::Observed,
            source: format!("{n} address{plural} in use"),
        });
    }
    statements
}

/// Whether one of the ranges of its kind holds an address.
fn holds(statements: &[Statement], one: &AddressInUse) -> bool {
    let mut own = statements.iter().filter(|said| said.of == one.of);
    own.any(|said| said.range.contains(&one.ip))
}

/// What no object names: where a cluster has IPv4 or IPv6 addresses at all, it has both pods and
/// Services of it.
fn gaps(statements: &[Statement], in_use: &[AddressInUse]) -> Vec<(RangeOf, u8)> {
    let named: Vec<_> = statements
        .iter()
        .map(|one| (one.of, version(&one.range)))
        .collect();
    let used = in_use.iter().map(|one| version(&one.ip.into()));
    let mut versions: Vec<u8> = named
        .iter()
        .map(|(_, version)| *version)
        .chain(used)
        .collect();
    versions.sort_unstable();
    versions.dedup();
    if versions.is_empty() {
        versions.push(4);
    }
    let mut gaps = Vec::new();
    for version in versions {
        let open = RangeOf::ALL.iter().map(|of| (*of, version));
        gaps.extend(open.filter(|gap| !named.contains(gap)));
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::{super::sources::tests::objects, *};

    fn rows(weighed: &Weighed) -> Vec<String> {
        let rows = weighed.ranges.iter().map(|range| {
            let marker = if range.in_value {
                ""
            } else {
                " (not in the value)"
            };
            let also = match range.also.as_slice() {
                [] => String::new(),
                also => format!("; also {}", also.join(", ")),
            };
            format!(
                "{} {} {}: {}{also}{marker}",
                range.of, range.cidr, range.confidence, range.source
            )
        });
        rows.collect()
    }

    const SERVICES: &str = "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\n\
                            metadata: {name: kubernetes}\nspec: {cidrs: [10.96.0.0/12]}\n---\n";
    const KUBEADM: &str = "kind: ConfigMap\nmetadata: {name: kubeadm-config, namespace: kube-system}\n\
                           data: {ClusterConfiguration: \"networking: {podSubnet: 10.244.0.0/16, \
                           serviceSubnet: 10.96.0.0/12}\"}\n---\n";
    const NODES: &str = "kind: Node\nmetadata: {name: a}\nspec: {podCIDR: 10.244.1.0/24}\n---\n";

    #[test]
    fn a_range_is_there_once_by_the_surest_and_holds_the_nodes_parts() {
        let weighed = weigh(&objects(&[SERVICES, KUBEADM, NODES].concat()), false);
        let expected = [
            "services 10.96.0.0/12 exact: ServiceCIDR kubernetes; also ConfigMap \
             kube-system/kubeadm-config ClusterConfiguration networking.serviceSubnet",
            "pods 10.244.0.0/16 high: ConfigMap kube-system/kubeadm-config ClusterConfiguration \
             networking.podSubnet; also Node spec.podCIDRs of 1 node",
        ];
        assert_eq!(rows(&weighed), expected);
        assert_eq!(weighed.notes, [""; 0]);
        assert_eq!(weighed.gaps, []);
    }

    #[test]
    fn parts_of_nodes_alone_are_in_the_value_and_said_to_grow() {
        let weighed = weigh(&objects(&[SERVICES, NODES].concat()), false);
        assert_eq!(
            rows(&weighed)[1],
            "pods 10.244.1.0/24 lower_bound: Node spec.podCIDRs of 1 node"
        );
        assert!(weighed.notes[0].contains("a new node gets another part"));
    }

    #[test]
    fn addresses_in_use_are_no_range_unless_asked_for() {
        let text = "kind: Service\nmetadata: {name: a}\nspec: {clusterIP: 10.96.0.10}\n---\n\
                    kind: Service\nmetadata: {name: b}\nspec: {clusterIP: 10.104.1.1}\n---\n\
                    kind: Pod\nmetadata: {name: c}\nstatus: {podIP: 10.244.1.5}\n";
        let weighed = weigh(&objects(text), false);
        let expected = [
            "services 10.96.0.0/12 lower_bound: 2 addresses in use (not in the value)",
            "pods 10.244.1.5/32 lower_bound: 1 address in use (not in the value)",
        ];
        assert_eq!(rows(&weighed), expected);
        assert_eq!(weighed.gaps, [(RangeOf::Pods, 4), (RangeOf::Services, 4)]);
        let weighed = weigh(&objects(text), true);
        assert!(weighed.ranges.iter().all(|range| range.in_value));
    }

    #[test]
    fn addresses_outside_every_range_are_told_with_whose_they_are() {
        let text = "kind: Service\nmetadata: {name: a, namespace: shop}\nspec: {clusterIP: 172.20.0.10}\n---\n\
                    kind: Pod\nmetadata: {name: c, namespace: shop}\nstatus: {podIP: 10.1.0.5}\n";
        let weighed = weigh(&objects(&[SERVICES, KUBEADM, text].concat()), false);
        let said = weighed.notes.join("\n");
        for expected in [
            "outside every range of services: Service shop/a (172.20.0.10);",
            "outside every range of pods: Pod shop/c (10.1.0.5);",
        ] {
            assert!(said.contains(expected), "{said}");
        }
        assert_eq!(rows(&weighed).len(), 4);
        assert_eq!(weighed.gaps, []);
    }

    #[test]
    fn two_ranges_that_contradict_each_other_are_both_there_and_said() {
        let pod = "kind: Pod\nmetadata: {name: api, namespace: kube-system}\nspec: {containers: \
                   [{name: kube-apiserver, command: [kube-apiserver, --service-cluster-ip-range=172.20.0.0/16]}]}\n";
        let weighed = weigh(&objects(&[KUBEADM, pod].concat()), false);
        assert!(
            weighed.notes[0].starts_with(
                "two ranges of services: Pod kube-system/api --service-cluster-ip-range says \
                 172.20.0.0/16, ConfigMap kube-system/kubeadm-config"
            ),
            "{:?}",
            weighed.notes
        );
        assert!(weighed.ranges.iter().all(|range| range.in_value));
    }

    #[test]
    fn several_ranges_of_one_kind_of_object_do_not_contradict_each_other() {
        let more = SERVICES
            .replace("kubernetes", "more")
            .replace("10.96.0.0/12", "10.200.0.0/16");
        let weighed = weigh(&objects(&[SERVICES, &more, KUBEADM].concat()), false);
        assert_eq!(weighed.notes, [""; 0]);
    }

    #[test]
    fn a_dual_stack_cluster_has_ranges_of_both_families() {
        let text = SERVICES.replace("10.96.0.0/12", "10.96.0.0/12, \"fd00:10:96::/112\"");
        let weighed = weigh(&objects(&[&text, KUBEADM].concat()), false);
        assert_eq!(weighed.gaps, [(RangeOf::Pods, 6)]);
        assert_eq!(weighed.notes, [""; 0]);
    }
}
