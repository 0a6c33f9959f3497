//! What is to be known to the mesh.

use std::net::IpAddr;

use super::case::AdviceCase;
use egress_observer_istio::{
    registry::{NearMiss, ObjectKind, Why},
    vocabulary::{Scope, host_name::is_of_cluster},
};

/// What is to be known to the mesh.
#[derive(Clone, Copy, Debug)]
pub(super) struct WantedTarget<'t> {
    pub(super) host: Option<&'t str>,
    pub(super) ip: Option<IpAddr>,
    pub(super) port: u16,
}

/// Whether an entry is for the very host.
pub(super) fn is_for(target: &WantedTarget<'_>, miss: &NearMiss<'_>) -> bool {
    let same = |host: &str| host.eq_ignore_ascii_case(miss.host);
    target.host.is_some_and(same)
}

/// Whether it is inside the cluster, where Services declare what there is: no entry for a ClusterIP or
/// a Service's name is ever a way out.
pub(super) fn is_inside(
    case: &AdviceCase<'_>,
    target: &WantedTarget<'_>,
    near: &[NearMiss<'_>],
) -> bool {
    let domain = case.registry().cluster_domain();
    let service = |miss: &NearMiss<'_>| miss.entry.object.kind == ObjectKind::Service;
    let name = target.host.map(str::to_ascii_lowercase);
    name.is_some_and(|name| is_of_cluster(&name, domain))
        || target
            .ip
            .is_some_and(|ip| case.snapshot.scope(case.pod, ip) == Scope::Cluster)
        || near
            .iter()
            .any(|miss| service(miss) && !matches!(miss.why, Why::OtherHost))
}
