//! VirtualServices and DestinationRules for hosts that the mesh does not know.

use std::{collections::BTreeSet, net::IpAddr};

use super::{
    code::LintCode,
    finding::{LintFinding, ObjectPlace},
    host_index::HostIndex,
    scene::Scene,
};
use egress_observer_istio::manifests::{Located, Object};

/// A host that a VirtualService or a DestinationRule is about.
pub(super) struct RoutedHost<'a> {
    pub(super) place: ObjectPlace,
    pub(super) field: String,
    pub(super) host: &'a str,
}

/// Every host with routing for sidecars.
pub(super) fn routed<'a>(objects: &'a [Located]) -> Vec<RoutedHost<'a>> {
    let mut all = Vec::new();
    for located in objects {
        if let Object::VirtualService(object) = &located.object {
            let gateways = &object.spec.gateways;
            if !gateways.is_empty() && !gateways.iter().any(|name| name == "mesh") {
                continue;
            }
            let hosts = object.spec.hosts.iter().enumerate();
            all.extend(hosts.map(|(at, host)| RoutedHost {
                place: ObjectPlace::of(located, "VirtualService", &object.metadata),
                field: format!("spec.hosts[{at}]"),
                host,
            }));
        } else if let Object::DestinationRule(object) = &located.object {
            all.push(RoutedHost {
                place: ObjectPlace::of(located, "DestinationRule", &object.metadata),
                field: "spec.host".to_owned(),
                host: &object.spec.host,
            });
        }
    }
    all
}

pub(super) fn findings(scene: &Scene<'_>) -> Vec<LintFinding> {
    let namespaces = namespaces(scene);
    let declared = HostIndex::of(&scene.entries);
    let unknown = routed(scene.objects)
        .into_iter()
        .filter(|routed| is_external(routed.host, &namespaces) && !declared.is_about(routed.host));
    unknown
        .map(|routed| {
            let message = if routed.place.kind == "VirtualService" {
                "no ServiceEntry has this host: Istio drops the routes, except on port 80"
            } else {
                "no ServiceEntry has this host: the rule applies to nothing"
            };
            let fix = "declare the host with a ServiceEntry";
            routed.place.finding(
                LintCode::UnknownRoutedHost,
                routed.field,
                routed.host,
                message,
                fix,
            )
        })
        .collect()
}

/// Names of the cluster's own are short, end in `.svc` or `.local`, or in a namespace.
fn is_external(host: &str, namespaces: &BTreeSet<&str>) -> bool {
    let Some((first, rest)) = host.split_once('.') else {
        return false;
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    let of_cluster = rest.split('.').any(|label| label == "svc") || last == "local";
    let in_namespace = first != "*" && namespaces.contains(rest);
    !of_cluster && !in_namespace && host.parse::<IpAddr>().is_err()
}

/// Every namespace that an object names.
fn namespaces<'a>(scene: &'a Scene<'_>) -> BTreeSet<&'a str> {
    let subjects = scene.subjects.iter().map(|subject| &subject.place);
    let entries = scene.entries.iter().map(|entry| &entry.place);
    let services = scene.objects.iter().filter_map(|located| {
        if let Object::Service(service) = &located.object {
            Some(service.metadata.namespace.as_str())
        } else {
            None
        }
    });
    subjects
        .chain(entries)
        .map(|place| place.namespace.as_str())
        .chain(scene.namespaces.keys().copied())
        .chain(services)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_cluster_are_not_external() {
        let namespaces = BTreeSet::from(["prod"]);
        for (host, expected) in [
            ("reviews", false),
            ("reviews.prod", false),
            ("reviews.prod.svc.cluster.local", false),
            ("reviews.prod.svc.example.test", false),
            ("*.local", false),
            ("*", false),
            ("192.0.2.1", false),
            ("httpbin.org", true),
            ("*.example.com", true),
        ] {
            assert_eq!(is_external(host, &namespaces), expected, "{host}");
        }
    }
}
