//! What a pod's spec says that its rules depend on.

use std::{collections::BTreeMap, net::IpAddr};

use super::names::{AMBIENT_DNS, PROXY};
use crate::{
    objects::{ContainerSpec, PodSpec},
    rules::{Release, Version, ambient::AmbientConfig, flags},
};

/// What says of a proxy that it is another's than a sidecar's: a gateway's, ztunnel's.
pub(super) fn not_a_sidecar(proxy: &ContainerSpec) -> Option<String> {
    match proxy.args.as_slice() {
        [first, role, ..] if first == "proxy" && role != "sidecar" => {
            Some(format!("container {PROXY}: args \"proxy {role}\""))
        }
        _ => None,
    }
}

/// The container of this name in a spec, an init container or not.
pub fn container<'a>(spec: &'a PodSpec, name: &str) -> Option<&'a ContainerSpec> {
    let all = spec.init_containers.iter().chain(&spec.containers);
    all.into_iter().find(|container| container.name == name)
}

/// What istio-cni makes for ztunnel: DNS capture from 1.25 on unless an annotation says otherwise, which
/// nobody read before (`getPodLevelTrafficOverrides` in `cni/pkg/nodeagent/net.go`; `ambient.dnsCapture`
/// in `manifests/charts/istio-cni/values.yaml`), IPv6 always.
pub(super) fn ambient_config(
    annotations: &BTreeMap<String, String>,
    version: Option<Version>,
) -> AmbientConfig {
    let dns = annotations.get(AMBIENT_DNS);
    let dns = dns.and_then(|text| flags::parse_bool(text)).unwrap_or(true);
    AmbientConfig {
        dns: dns && version.is_none_or(|version| version >= Version(25)),
        ..AmbientConfig::default()
    }
}

/// The pod's nameservers as far as its spec tells, and whether there may be others. With
/// `ClusterFirst` the kubelet adds the cluster's, which may be a cache on the node.
pub(super) fn nameservers(spec: &PodSpec, cluster_dns: &[IpAddr]) -> (Vec<IpAddr>, bool) {
    let own = spec
        .dns_config
        .nameservers
        .iter()
        .filter_map(|ip| ip.parse().ok());
    let (cluster, others) = match spec.dns_policy.as_str() {
        "None" => (&[][..], false),
        "Default" => (&[][..], true),
        _ => (cluster_dns, true),
    };
    (cluster.iter().copied().chain(own).collect(), others)
}

/// The value of an environment variable, the last of its name.
pub(super) fn variable(container: &ContainerSpec, name: &str) -> Option<String> {
    let entry = container
        .env
        .iter()
        .rev()
        .find(|entry| entry.name == name)?;
    entry.value_from.is_none().then(|| entry.value.clone())
}

/// Whether an environment variable is true.
pub(super) fn truthy(container: &ContainerSpec, name: &str) -> bool {
    variable(container, name).and_then(|value| flags::parse_bool(&value)) == Some(true)
}

/// Istio's version is that of the first image that is given. `None` for one whose tag does not say.
pub(super) fn version(containers: &[Option<&ContainerSpec>]) -> Option<Version> {
    let mut images = images(containers).peekable();
    if images.peek().is_none() {
        // Files that people write for a try; a pod of a cluster has one.
        return Some(Version::CURRENT);
    }
    images
        .filter(|image| !counts_otherwise(image))
        .find_map(Version::of_image)
}

/// The same with the patch level, where an image says it.
pub(super) fn release(containers: &[Option<&ContainerSpec>]) -> Option<Release> {
    let images = images(containers).filter(|image| !counts_otherwise(image));
    images.into_iter().find_map(Release::of_image)
}

/// `auto` stands for the injector's choice in what people write.
fn images<'a>(containers: &'a [Option<&'a ContainerSpec>]) -> impl Iterator<Item = &'a str> {
    let containers = containers.iter().flatten();
    let images = containers.map(|container| container.image.as_str());
    images.filter(|image| !image.is_empty())
}

/// OpenShift Service Mesh has versions of its own.
fn counts_otherwise(image: &str) -> bool {
    image.contains("openshift-service-mesh") || image.contains("maistra")
}

/// Whether there are IPv6 rules: by the first address, or with dual stack by any
/// (`getLocalIP` in `tools/common/config/config.go`).
pub(super) fn has_ipv6(ips: &[IpAddr], dual_stack: bool) -> bool {
    let looked_at = if dual_stack { ips.len() } else { 1 };
    ips.iter().take(looked_at).any(IpAddr::is_ipv6)
}
