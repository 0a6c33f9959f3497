//! What statements amount to: each range once, with the surest that says so; contradictions and
//! gaps.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    Range,
    cover::{Widest, cover, hold, merged},
    sources::{self, Observed, Origin, Said, Statement, observed},
};
use egress_observer_istio::{
    manifests::Object,
    vocabulary::{Confidence, RangeOf},
};

/// The cluster's ranges, as far as objects name them.
#[derive(Debug, Default)]
pub(super) struct Weighed {
    /// Services first, the surest first.
    pub(super) ranges: Vec<Range>,
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
    let Said {
        statements,
        mut notes,
    } = sources::read(objects);
    let in_use = observed(objects);
    let mut all = statements.clone();
    let stray: Vec<_> = in_use
        .iter()
        .filter(|one| !of_kind(&statements, one.of).any(|range| range.contains(&one.ip)))
        .collect();
    for of in RangeOf::ALL {
        let own: Vec<_> = stray.iter().filter(|one| one.of == *of).copied().collect();
        notes.extend(outside(&own, &statements));
        all.extend(covered(&own, *of));
    }
    notes.extend(contradictions(&statements));
    notes.extend(growing(&statements));
    let ranges = ranges(&all, include_observed);
    notes.extend(inside_another(&ranges));
    Weighed {
        gaps: gaps(&statements, &in_use),
        ranges,
        notes,
    }
}

fn of_kind(statements: &[Statement], of: RangeOf) -> impl Iterator<Item = IpNet> {
    let own = statements.iter().filter(move |one| one.of == of);
    own.map(|one| one.range)
}

const fn version(range: &IpNet) -> u8 {
    match range {
        IpNet::V4(_) => 4,
        IpNet::V6(_) => 6,
    }
}

const fn version_of(ip: &IpAddr) -> u8 {
    match ip {
        IpAddr::V4(_) => 4,
        IpAddr::V6(_) => 6,
    }
}

/// Each range once.
fn ranges(all: &[Statement], include_observed: bool) -> Vec<Range> {
    let mut sorted: Vec<&Statement> = all.iter().collect();
    sorted.sort_by_key(|one| (one.confidence, one.origin, one.range));
    let mut ranges: Vec<Range> = Vec::new();
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
            None => ranges.push(Range {
                cidr: statement.range,
                of: statement.of,
                source: statement.source.clone(),
                confidence: statement.confidence,
                also: Vec::new(),
                in_value: statement.origin != Origin::Observed || include_observed,
            }),
        }
    }
    let order = |of| u8::from(of == RangeOf::Pods);
    ranges.sort_by_key(|range| (order(range.of), range.confidence, range.cidr));
    ranges
}

/// The smallest ranges around addresses in use.
fn covered(own: &[&Observed], of: RangeOf) -> Vec<Statement> {
    let cover = cover(own.iter().map(|one| one.ip), widest(of));
    let statement = |range: IpNet| {
        let n = own.iter().filter(|one| range.contains(&one.ip)).count();
        let plural = if n == 1 { "" } else { "es" };
        Statement {
            range,
            of,
            confidence: Confidence::LowerBound,
            origin: Origin::Observed,
            source: format!("{n} address{plural} in use"),
        }
    };
    cover.into_iter().map(statement).collect()
}

/// Addresses that contradict the ranges that are named.
fn outside(own: &[&Observed], statements: &[Statement]) -> Option<String> {
    let named = |one: &&&Observed| {
        let mut ranges = of_kind(statements, one.of);
        ranges.any(|range| version(&range) == version_of(&one.ip))
    };
    let out: Vec<_> = own.iter().filter(named).collect();
    let first = out.first()?;
    let examples: Vec<_> = out
        .iter()
        .take(3)
        .map(|one| format!("{} ({})", one.whose, one.ip))
        .collect();
    let more = match out.len().saturating_sub(3) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    Some(format!(
        "outside every range of {}: {}{more}; there is another range, or one of those named is not \
         this cluster's",
        first.of,
        examples.join(", ")
    ))
}

/// Origins that name other ranges of the same kind and neither of which holds the other's.
fn contradictions(statements: &[Statement]) -> Vec<String> {
    // Objects of these kinds are several on purpose.
    let group = |one: &Statement| {
        let several = matches!(one.origin, Origin::ServiceCidrs | Origin::Pools);
        let source = if several { "" } else { &one.source };
        (one.origin, source.to_owned())
    };
    let mut groups: Vec<_> = statements
        .iter()
        .map(|one| (one.of, version(&one.range), group(one)))
        .collect();
    groups.sort();
    groups.dedup();
    let all_of = |wanted: &(RangeOf, u8, (Origin, String))| {
        let own = statements
            .iter()
            .filter(|one| (one.of, version(&one.range), group(one)) == *wanted);
        let source = own.clone().map(|one| one.source.as_str()).next();
        let ranges = merged(own.map(|one| one.range));
        (source.unwrap_or_default().to_owned(), ranges)
    };
    let mut notes = Vec::new();
    for (place, a) in groups.iter().enumerate() {
        for b in groups.iter().skip(place + 1) {
            if (a.0, a.1) != (b.0, b.1) {
                continue;
            }
            let ((source, ranges), (other, others)) = (all_of(a), all_of(b));
            let within =
                |inner: &[IpNet], outer: &[IpNet]| inner.iter().all(|range| hold(outer, range));
            if !within(&ranges, &others) && !within(&others, &ranges) {
                notes.push(format!(
                    "two ranges of {}: {source} says {}, {other} says {}; both are in the value, ask \
                     which one is used",
                    a.0,
                    joined(&ranges),
                    joined(&others)
                ));
            }
        }
    }
    notes
}

/// Pod ranges of which only the parts of today's nodes are known.
fn growing(statements: &[Statement]) -> Vec<String> {
    let parts = |one: &&Statement| one.confidence == Confidence::LowerBound;
    let whole = merged(
        statements
            .iter()
            .filter(|one| one.of == RangeOf::Pods && one.confidence != Confidence::LowerBound)
            .map(|one| one.range),
    );
    let alone = statements
        .iter()
        .filter(parts)
        .filter(|one| !hold(&whole, &one.range));
    let mut sources: Vec<_> = alone.map(|one| one.source.as_str()).collect();
    sources.dedup();
    sources
        .into_iter()
        .map(|source| {
            format!(
                "{source}: exact for these nodes, and a part of the cluster's range: a new node gets \
                 another part, which the value would leave out"
            )
        })
        .collect()
}

/// Ranges of one kind within those of another: they are written once.
fn inside_another(ranges: &[Range]) -> Vec<String> {
    let mut notes = Vec::new();
    for range in ranges.iter().filter(|range| range.in_value) {
        let around = ranges.iter().find(|other| {
            other.in_value && other.of != range.of && other.cidr.contains(&range.cidr)
        });
        if let Some(other) = around
            && (other.cidr != range.cidr || range.of == RangeOf::Services)
        {
            notes.push(format!(
                "{} ({}) lies in {} ({}): the value has it once",
                range.cidr, range.of, other.cidr, other.of
            ));
        }
    }
    notes
}

/// What no object names: where a cluster has IPv4 or IPv6 addresses at all, it has both pods and
/// Services of it.
fn gaps(statements: &[Statement], in_use: &[Observed]) -> Vec<(RangeOf, u8)> {
    let named: Vec<_> = statements
        .iter()
        .map(|one| (one.of, version(&one.range)))
        .collect();
    let used = in_use.iter().map(|one| version_of(&one.ip));
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

fn joined(ranges: &[IpNet]) -> String {
    let texts: Vec<_> = ranges.iter().map(ToString::to_string).collect();
    texts.join(",")
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
