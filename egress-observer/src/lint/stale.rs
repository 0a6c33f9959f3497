//! Pods whose rules are not those that they would get today.

use super::{code::LintCode, finding::LintFinding, scene::Scene, subject::once_per_workload};
use egress_observer_istio::{
    injection::setup::{Membership, Setup},
    rules::{CaptureConfig, PortRange, Ports, Ranges},
};

pub(super) fn findings(scene: &Scene<'_>) -> Vec<LintFinding> {
    let subjects = scene.subjects.iter();
    let stale = subjects.filter(|subject| subject.runs && subject.pod.stale() == Some(true));
    once_per_workload(stale, |subject| {
        let pod = &subject.pod;
        let message = format!(
            "the pod keeps what was set up when it started, and today's configuration is another: \
             {} (from {})",
            differences(&pod.applied, &pod.desired).join("; "),
            pod.desired.source
        );
        let fix = format!("restart {}, or take the change back", subject.workload());
        vec![
            subject
                .place
                .finding(LintCode::Stale, "metadata", "", message, fix),
        ]
    })
}

fn differences(applied: &Setup, desired: &Setup) -> Vec<String> {
    let (Some(applied), Some(desired)) = (applied.config(), desired.config()) else {
        let (now, then) = (standing(applied), standing(desired));
        return vec![format!("now {now}, after a restart {then}")];
    };
    let differences: Vec<String> = texts(applied)
        .into_iter()
        .zip(texts(desired))
        .filter(|(now, then)| now != then)
        .map(|((what, now), (_, then))| format!("{what} are {now}, would be {then}"))
        .collect();
    if differences.is_empty() {
        return vec!["settings without a list of their own".to_owned()];
    }
    differences
}

/// What people may have set, as text.
fn texts(config: &CaptureConfig) -> [(&'static str, String); 8] {
    [
        ("included ranges", ranges(&config.include)),
        ("excluded ranges", ranges(&config.exclude)),
        ("included ports", ports(&config.include_ports)),
        ("excluded ports", ports(&config.exclude_ports)),
        ("proxy's port", config.proxy_port.to_string()),
        ("proxy's users", format!("{:?}", config.proxy_uids)),
        ("IPv6 rules", yes(config.ipv6)),
        ("DNS capture", yes(config.dns.is_some())),
    ]
}

const fn standing(setup: &Setup) -> &'static str {
    match setup.membership {
        Membership::Sidecar(_) => "it has a sidecar",
        Membership::NotRedirected => "it has a proxy that nothing is redirected to",
        Membership::Ambient(_) => "it is in ambient mode",
        Membership::Outside(_) => "it is outside the mesh",
        Membership::Unknown(_) => "it is not known",
    }
}

fn yes(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

fn ranges(ranges: &Ranges) -> String {
    if ranges.is_all() {
        return "`*`".to_owned();
    }
    list(ranges.list().iter().map(ToString::to_string))
}

fn ports(ports: &Ports) -> String {
    list(ports.list().iter().map(port_text))
}

fn port_text(range: &PortRange) -> String {
    match (range.start(), range.end()) {
        (start, end) if start == end => start.to_string(),
        (start, end) => format!("{start}:{end}"),
    }
}

fn list(elements: impl Iterator<Item = String>) -> String {
    let elements: Vec<String> = elements.collect();
    if elements.is_empty() {
        "none".to_owned()
    } else {
        format!("`{}`", elements.join(","))
    }
}
