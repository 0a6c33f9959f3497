//! Where a pod stands to the mesh, from its own spec: what was applied when it started.

use std::net::IpAddr;

use super::{
    objects::{self, Container},
    pod::{INIT, PROXY},
};
use crate::{
    capture::{CaptureConfig, RangeError, flags, parse_ports, parse_ranges},
    model::Reason,
};

/// Where a pod stands to the mesh, as applied when it started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// A sidecar, with rules made from this.
    Sidecar(CaptureConfig),
    /// A proxy that nothing is redirected to.
    NotRedirected,
    /// ztunnel.
    Ambient,
    /// Outside the mesh, for this reason.
    Outside(Reason),
    /// A sidecar whose settings cannot be read.
    Unreadable,
}

const VALIDATION: &str = "istio-validation";
const STATUS: &str = "sidecar.istio.io/status";
const INTERCEPTION_MODE: &str = "sidecar.istio.io/interceptionMode";

/// What was applied to the pod, from its own spec, in this order:
///
/// 1. the node's network: never injected;
/// 2. no proxy: ambient, if ztunnel took it, else outside;
/// 3. a proxy that is no sidecar (`proxy router`): nothing is redirected;
/// 4. `istio-init`: what its command line says;
/// 5. `istio-validation`, or the annotations that the injector writes for the CNI plugin: what
///    these say;
/// 6. nothing of that: nothing is redirected.
pub(super) fn membership(object: &objects::Pod, ips: &[IpAddr]) -> Result<Membership, String> {
    let spec = &object.spec;
    let annotations = &object.metadata.annotations;
    if spec.host_network {
        return Ok(Membership::Outside(Reason::HostNetwork));
    }
    let named = |name: &str| {
        spec.init_containers
            .iter()
            .chain(&spec.containers)
            .find(|c| c.name == name)
    };
    let Some(proxy) = named(PROXY) else {
        let ambient = annotations.get("ambient.istio.io/redirection");
        return Ok(match ambient.map(String::as_str) {
            Some("enabled" | "pending") => Membership::Ambient,
            _ => Membership::Outside(Reason::NoSidecar),
        });
    };
    if let [first, role, ..] = proxy.args.as_slice()
        && first == "proxy"
        && role != "sidecar"
    {
        return Ok(Membership::NotRedirected);
    }
    // Which addresses the program looks at: the first, or with dual stack any.
    let dual_stack = truthy(proxy, "ISTIO_DUAL_STACK");
    let ipv6 = ips
        .iter()
        .take(if dual_stack { usize::MAX } else { 1 })
        .any(IpAddr::is_ipv6);
    let dns_capture = truthy(proxy, "ISTIO_META_DNS_CAPTURE");
    let sidecar = |config: CaptureConfig| {
        let dns_capture = config.dns_capture || dns_capture;
        Membership::Sidecar(CaptureConfig {
            ipv6,
            dns_capture,
            ..config
        })
    };
    if let Some(init) = named(INIT) {
        let line: Vec<_> = init.command.iter().chain(&init.args).cloned().collect();
        let start = line
            .iter()
            .position(|word| word == "istio-iptables")
            .map_or(0, |at| at + 1);
        return flags::parse(&line[start..])
            .map(sidecar)
            .map_err(|error| error.to_string());
    }
    let mode = annotations.get(INTERCEPTION_MODE).map(String::as_str);
    let by_cni = named(VALIDATION).is_some() || annotations.contains_key(STATUS) && mode.is_some();
    if by_cni && mode != Some("NONE") {
        return cni_config(object, proxy)
            .map(sidecar)
            .map_err(|error| error.to_string());
    }
    Ok(Membership::NotRedirected)
}

fn truthy(container: &Container, variable: &str) -> bool {
    let value = container.env.iter().find(|entry| entry.name == variable);
    value.is_some_and(|entry| {
        matches!(
            entry.value.as_str(),
            "true" | "True" | "TRUE" | "t" | "T" | "1"
        )
    })
}

/// What the CNI plugin reads, with its own defaults
/// (`cni/pkg/plugin/sidecar_redirect.go`): an annotation that is there counts even if empty.
fn cni_config(object: &objects::Pod, proxy: &Container) -> Result<CaptureConfig, RangeError> {
    let annotation = |name: &str, default: &'static str| {
        let key = format!("traffic.sidecar.istio.io/{name}");
        object
            .metadata
            .annotations
            .get(&key)
            .map_or(default, String::as_str)
    };
    let id = |id: Option<u32>| vec![id.filter(|id| *id != 0).unwrap_or(1337)];
    Ok(CaptureConfig {
        proxy_uids: id(proxy.security_context.run_as_user),
        proxy_gids: id(proxy.security_context.run_as_group),
        include: parse_ranges(annotation("includeOutboundIPRanges", "*"))?,
        exclude: parse_ranges(annotation("excludeOutboundIPRanges", ""))?,
        include_ports: parse_ports(annotation("includeOutboundPorts", ""))?,
        exclude_ports: parse_ports(annotation("excludeOutboundPorts", "15020"))?,
        ..CaptureConfig::default()
    })
}
