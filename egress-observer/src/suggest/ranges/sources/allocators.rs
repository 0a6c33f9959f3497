//! Ranges that addresses are allocated from: ServiceCIDRs, Calico's pools, OpenShift's networks.

use super::super::statement::{RangeOrigin, RangePlace, RangeStatements};
use crate::lint::output::plain;
use egress_observer_istio::{
    objects::addressing::{IpPool, Network, ServiceCidr},
    vocabulary::{Confidence, RangeOf},
};

/// What the API server allocates from. One that is not ready, such as one that is being deleted,
/// is not allocated from.
pub(super) fn service_cidr(said: &mut RangeStatements, object: &ServiceCidr) {
    let mut conditions = object.status.conditions.iter();
    let name = plain(&object.metadata.name);
    if conditions.any(|condition| condition.name == "Ready" && condition.status == "False") {
        let note = format!("ServiceCIDR {name} is not ready: it is not used");
        said.notes.push(note);
        return;
    }
    let place = RangePlace {
        of: RangeOf::Services,
        confidence: Confidence::Exact,
        origin: RangeOrigin::ServiceCidrs,
        source: format!("ServiceCIDR {name}"),
    };
    said.ranges(&place, &object.spec.cidrs.join(","));
}

/// What Calico allocates from. Addresses of a pool that was disabled may still be in use: where
/// they are, pods show it.
pub(super) fn pool(said: &mut RangeStatements, object: &IpPool) {
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
    let place = RangePlace {
        of: RangeOf::Pods,
        confidence: Confidence::High,
        origin: RangeOrigin::Pools,
        source: format!("IPPool {name} spec.cidr"),
    };
    said.ranges(&place, &spec.cidr);
}

/// What OpenShift has, or what it was asked for as long as it says nothing.
pub(super) fn network(said: &mut RangeStatements, object: &Network) {
    if object.metadata.name != "cluster" {
        return;
    }
    let (ranges, field, confidence) = if object.status.service_network.is_empty() {
        (&object.spec, "spec", Confidence::High)
    } else {
        (&object.status, "status", Confidence::Exact)
    };
    let pods: Vec<_> = ranges
        .cluster_network
        .iter()
        .map(|one| &*one.cidr)
        .collect();
    let lists = [
        (RangeOf::Pods, "clusterNetwork", pods.join(",")),
        (
            RangeOf::Services,
            "serviceNetwork",
            ranges.service_network.join(","),
        ),
    ];
    for (of, name, text) in lists {
        let place = RangePlace {
            of,
            confidence,
            origin: RangeOrigin::OpenShift,
            source: format!("Network cluster {field}.{name}"),
        };
        said.ranges(&place, &text);
    }
}
