//! What was set up for a pod when it started, from its own spec.

mod cni_plugin;
mod init;

use std::{collections::BTreeMap, net::IpAddr};

use super::{
    names::{INIT, INTERCEPTION_MODE, NETWORKS, PROXY, REDIRECTION, STATUS, VALIDATION},
    setup::{Membership, Setup},
    spec::{ambient_config, container, nameservers, not_a_sidecar, truthy, variable},
    today::Today,
};
use crate::{
    mesh::Mesh,
    objects::{ContainerSpec, PodObject, PodSpec},
    vocabulary::Reason,
};

/// What was applied to the pod is told from its own spec, in this order:
///
/// 1. the node's network: never injected;
/// 2. ambient, if istio-cni says that ztunnel took it: it takes every pod that has not been injected, one
///    with a proxy of its own among them (`podHasSidecar` in `cni/pkg/util/podutil.go`); else, without a
///    proxy, outside;
/// 3. a proxy that is no sidecar (`proxy router`), or none that would take connections
///    (`DISABLE_ENVOY`): nothing is redirected;
/// 4. `istio-init`: what its command line and environment say, unless it failed;
/// 5. `interceptionMode: NONE`: nothing is redirected;
/// 6. `istio-validation`, or the annotations that the injector writes for the CNI plugin, one that has
///    Multus call it among them: what these say;
/// 7. nothing of that: nothing is redirected.
pub(super) fn applied(object: &PodObject, ips: &[IpAddr], today: Today<'_>) -> Setup {
    let spec = &object.spec;
    let annotations = &object.metadata.annotations;
    if spec.host_network {
        return Setup::outside(Reason::HostNetwork, "spec.hostNetwork: true");
    }
    if let Some(ambient) = taken_by_ztunnel(annotations, today.mesh) {
        return ambient;
    }
    let Some(proxy) = container(spec, PROXY) else {
        return match other_mesh(spec) {
            Some(problem) => Setup::unreadable(format!("no container {PROXY}"), &problem),
            None => Setup::outside(Reason::NoSidecar, format!("no container {PROXY}")),
        };
    };
    if let Some(source) = not_a_sidecar(proxy) {
        return Setup::not_redirected(source);
    }
    if truthy(proxy, "DISABLE_ENVOY") {
        return Setup::not_redirected(format!("container {PROXY}: DISABLE_ENVOY"));
    }
    let nameservers = nameservers(spec, today.cluster_dns);
    if let Some(init) = container(spec, INIT) {
        return if init::failed(object) {
            let problem = format!("{INIT} failed: the pod has no complete rules");
            Setup::unreadable(init::source(), &problem)
        } else {
            init::setup(init, proxy, ips, nameservers)
        };
    }
    let mode = interception_mode(annotations, proxy);
    if mode.as_deref() == Some("NONE") {
        return Setup::not_redirected(format!("annotation {INTERCEPTION_MODE} \"NONE\""));
    }
    let validation = container(spec, VALIDATION);
    let by_cni = annotations.contains_key(STATUS)
        && (annotations.contains_key(INTERCEPTION_MODE) || multus_calls_it(annotations));
    if validation.is_none() && !by_cni {
        return Setup::not_redirected(format!("no {INIT}, and nothing for the CNI plugin"));
    }
    if let Some(skipped) = cni_plugin::skips(object) {
        return Setup::not_redirected(format!("the CNI plugin skips it: {skipped}"));
    }
    cni_plugin::setup(object, proxy, validation, ips)
}

/// The setup of a pod that istio-cni has made rules for ztunnel in (`AddPodToMesh` in
/// `cni/pkg/nodeagent/net_linux.go`).
fn taken_by_ztunnel(annotations: &BTreeMap<String, String>, mesh: &Mesh) -> Option<Setup> {
    let state = annotations.get(REDIRECTION).map(String::as_str)?;
    if !["enabled", "pending"].contains(&state) || annotations.contains_key(STATUS) {
        return None;
    }
    let mut setup = Setup::new(
        Membership::Ambient(ambient_config(annotations, mesh.istiods_version(""))),
        format!("annotation {REDIRECTION} {state:?}"),
    );
    if state == "pending" {
        setup.notes.push(
            "istio-cni has made the rules, and ztunnel has not taken the pod yet: until it does, what is \
             captured is refused"
                .to_owned(),
        );
    }
    Some(setup)
}

/// Whether Multus calls the CNI plugin, as on OpenShift (`files/injection-template.yaml`): one of the
/// networks is `istio-cni`, in Service Mesh 2 with its version before it.
fn multus_calls_it(annotations: &BTreeMap<String, String>) -> bool {
    let networks = annotations.get(NETWORKS).map_or("", String::as_str);
    let mut names = networks.split(|c: char| !(c.is_ascii_alphanumeric() || "-.".contains(c)));
    names.any(|name| name == "istio-cni" || name.ends_with("-istio-cni"))
}

/// The mode as the injector wrote it where nobody can change it, else the annotation.
fn interception_mode(
    annotations: &BTreeMap<String, String>,
    proxy: &ContainerSpec,
) -> Option<String> {
    variable(proxy, "ISTIO_META_INTERCEPTION_MODE")
        .or_else(|| annotations.get(INTERCEPTION_MODE).cloned())
}

/// Containers by which other meshes are known.
const OTHER_MESHES: [(&str, &str); 6] = [
    ("linkerd-proxy", "Linkerd"),
    ("kuma-sidecar", "Kuma"),
    ("consul-dataplane", "Consul"),
    ("consul-connect-envoy-sidecar", "Consul"),
    ("osm-init", "Open Service Mesh"),
    ("proxyinit", "App Mesh"),
];

/// Another mesh may have its own rules in the pod.
fn other_mesh(spec: &PodSpec) -> Option<String> {
    let mut all = OTHER_MESHES.iter();
    let (own, mesh) = all.find(|(name, _)| container(spec, name).is_some())?;
    Some(format!(
        "container {own}: the pod is in a mesh of {mesh}, whose rules are not Istio's"
    ))
}
