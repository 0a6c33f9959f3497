//! Lists of ranges against the addresses of the cluster: its pods and Services, and those that
//! Istio allocates to hosts.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use super::{
    code::LintCode,
    finding::{LintFinding, ObjectPlace},
    list::{List, together_hold},
    lists::CaptureLists,
    scene::Scene,
};
use egress_observer_istio::manifests::Object;

pub(super) fn findings(scene: &Scene<'_>, lists: &CaptureLists<'_>) -> Vec<LintFinding> {
    excluded(scene, lists)
        .into_iter()
        .chain(not_included(scene, lists))
        .chain(allocated(scene, lists))
        .collect()
}

/// What lies in the cluster, and what it is called.
fn in_cluster(scene: &Scene<'_>) -> Vec<(IpNet, String)> {
    let ranges = scene.settings.cluster_ranges.iter();
    let mut known: Vec<(IpNet, String)> = ranges
        .map(|range| (range.trunc(), format!("the cluster's range {range}")))
        .collect();
    for located in scene.objects {
        if let Object::Service(service) = &located.object {
            let place = ObjectPlace::of(located, "Service", &service.metadata);
            // Letting the API server's address bypass is usual, and harmless.
            if place.namespace == "default" && place.name == "kubernetes" {
                continue;
            }
            let ips = service.spec.cluster_ips.iter();
            let ips = ips.chain([&service.spec.cluster_ip]);
            let ips = ips.filter_map(|ip| ip.parse::<IpAddr>().ok());
            known.extend(ips.map(|ip| (ip.into(), format!("{place} ({ip})"))));
        }
    }
    for subject in &scene.subjects {
        if !subject.is_outside() {
            let ips = subject.pod.ips.iter();
            known.extend(ips.map(|ip| ((*ip).into(), format!("{} ({ip})", subject.place))));
        }
    }
    known
}

fn excluded(scene: &Scene<'_>, lists: &CaptureLists<'_>) -> Vec<LintFinding> {
    let list = &lists.exclude;
    if !list.own {
        return Vec::new();
    }
    let known = in_cluster(scene);
    // That everything is excluded is said elsewhere.
    let ranges = list.ranges().into_iter();
    let mut findings = Vec::new();
    for range in ranges.filter(|range| range.prefix_len() > 0) {
        if let Some((_, what)) = known.iter().find(|(inner, _)| range.contains(inner)) {
            findings.push(lists.finding(
                LintCode::ClusterExcluded,
                list,
                range,
                format!(
                    "{range} holds {what}: calls to it leave the mesh, without mTLS, policy and \
                     telemetry"
                ),
                "exclude addresses outside the cluster only",
            ));
        }
    }
    findings
}

fn not_included(scene: &Scene<'_>, lists: &CaptureLists<'_>) -> Option<LintFinding> {
    let list = &lists.include;
    let included = list.ranges();
    if !list.own || included.is_empty() {
        return None;
    }
    let known = in_cluster(scene).into_iter();
    let missing: Vec<(IpNet, String)> = known
        .filter(|(range, _)| !together_hold(&included, range))
        .collect();
    // The cluster's ranges come first.
    let (range, what) = missing.first()?;
    let others = match missing.len() - 1 {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    Some(lists.finding(
        LintCode::ClusterNotIncluded,
        list,
        list.text,
        format!(
            "the list does not hold {what}{others}: calls there bypass the sidecar, without mTLS, \
             policy and telemetry"
        ),
        format!("add {range}, or the pod and Service ranges of the cluster"),
    ))
}

/// Istio's range for hosts without addresses.
const ALLOCATED: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(240, 240, 0, 0), 16);

fn allocated(scene: &Scene<'_>, lists: &CaptureLists<'_>) -> Option<LintFinding> {
    let (range, why) = in_use(scene)?;
    let (list, outer) = what_leaves_out(lists, &range).filter(|(list, _)| list.own)?;
    let place = match outer {
        Some(outer) if outer.prefix_len() == 0 => return None,
        Some(outer) => format!("{outer} of the excluded ranges holds it"),
        None if list.ranges().is_empty() => return None,
        None => "no included range holds it".to_owned(),
    };
    Some(lists.finding(
        LintCode::AllocatedNotCaptured,
        list,
        list.text,
        format!(
            "{why}, and {place}: connections to it go direct, where nothing has such an address, \
             and fail"
        ),
        match outer {
            Some(_) => format!("exclude less: {ALLOCATED} has to stay captured"),
            None => format!("add {ALLOCATED} to the list"),
        },
    ))
}

/// The list by which a range is not captured, and the excluded range that holds it.
fn what_leaves_out<'l, 'a>(
    lists: &'l CaptureLists<'a>,
    range: &IpNet,
) -> Option<(&'l List<'a>, Option<IpNet>)> {
    let config = lists.config();
    let mut excluded = config.exclude.list().iter();
    if let Some(outer) = excluded.find(|outer| outer.contains(range)) {
        return Some((&lists.exclude, Some(*outer)));
    }
    let captured = config.include.is_all() || together_hold(config.include.list(), range);
    (!captured).then_some((&lists.include, None))
}

/// Allocated addresses that are in use, and what says so.
fn in_use(scene: &Scene<'_>) -> Option<(IpNet, String)> {
    let entries = scene.entries.iter();
    let mut allocated = entries.flat_map(|entry| {
        let addresses = entry.object.status.addresses.iter();
        addresses.map(move |address| (entry, address))
    });
    let given = allocated.find_map(|(entry, address)| {
        let ip: IpAddr = address.value.parse().ok().filter(IpAddr::is_ipv4)?;
        Some((
            ip.into(),
            format!("{} has the allocated address {ip}", entry.place),
        ))
    });
    given.or_else(|| {
        let mut meshes = scene.meshes.iter();
        let allocates = meshes.any(|mesh| {
            mesh.is_on("ISTIO_META_DNS_CAPTURE") && mesh.is_on("ISTIO_META_DNS_AUTO_ALLOCATE")
        });
        allocates.then(|| {
            (
                ALLOCATED.into(),
                format!("the mesh allocates addresses of {ALLOCATED} to hosts"),
            )
        })
    })
}
