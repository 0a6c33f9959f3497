//! Pods and templates: who in them bypasses the sidecar, and who cannot reach anything.

use super::{
    code::LintCode,
    finding::LintFinding,
    scene::Scene,
    start_order,
    subject::{LintSubject, once_per_workload},
};
use egress_observer_istio::{
    injection::{
        pod::{INIT, PROXY},
        setup::{INJECT, Membership, TRAFFIC, VALIDATION},
    },
    objects::ContainerSpec,
    rules::Backend,
};

pub(super) fn findings(scene: &Scene<'_>) -> Vec<LintFinding> {
    // What a template says is said there.
    let subjects = scene.subjects.iter();
    let written = subjects.filter(|subject| !subject.has_template);
    let mut findings = once_per_workload(written, |subject| {
        proxy_users(subject)
            .into_iter()
            .chain(host_network(scene, subject))
            .chain(without_effect(subject))
            .collect()
    });
    findings.extend(once_per_workload(scene.subjects.iter(), |subject| {
        ipv6(subject)
            .into_iter()
            .chain(start_order::findings(subject))
            .collect()
    }));
    findings
}

const ISTIO: [&str; 3] = [PROXY, INIT, VALIDATION];

/// Containers of the application that run as long as the pod, with the place of each.
fn applications<'a>(
    subject: &'a LintSubject<'_>,
) -> impl Iterator<Item = (String, &'a ContainerSpec)> {
    let main = subject.spec.containers.iter().enumerate();
    let init = subject.spec.init_containers.iter().enumerate();
    main.map(|(at, container)| (format!("containers[{at}]"), container))
        .chain(
            init.filter(|(_, container)| container.restart_policy == "Always")
                .map(|(at, container)| (format!("initContainers[{at}]"), container)),
        )
        .filter(|(_, container)| !ISTIO.contains(&container.name.as_str()))
}

fn proxy_users(subject: &LintSubject<'_>) -> Vec<LintFinding> {
    if subject.is_outside() {
        return Vec::new();
    }
    let (users, groups) = match subject.setup().config() {
        Some(config) => (config.proxy_uids.clone(), config.proxy_gids.clone()),
        None => (vec![1337], vec![1337]),
    };
    let pod = &subject.spec.security_context;
    let mut findings = Vec::new();
    for (place, container) in applications(subject) {
        let own = &container.security_context;
        let ids = [
            (
                "runAsUser",
                "user",
                own.run_as_user,
                pod.run_as_user,
                &users,
            ),
            (
                "runAsGroup",
                "group",
                own.run_as_group,
                pod.run_as_group,
                &groups,
            ),
        ];
        for (field, what, own, of_pod, proxy) in ids {
            let field = match own {
                Some(_) => format!("{place}.securityContext.{field}"),
                None => format!("securityContext.{field}"),
            };
            if let Some(id) = own.or(of_pod).filter(|id| proxy.contains(id)) {
                findings.push(subject.place.finding(
                    LintCode::ProxyUser,
                    subject.spec_field(&field),
                    id,
                    format!(
                        "container {} runs as {what} {id}, the proxy's: the rules let that {what} \
                         through, and all it dials bypasses the sidecar",
                        container.name
                    ),
                    format!("run it as another {what}"),
                ));
            }
        }
    }
    findings
}

fn host_network(scene: &Scene<'_>, subject: &LintSubject<'_>) -> Option<LintFinding> {
    let namespace = scene.namespaces.get(&*subject.pod.namespace);
    let by_namespace = namespace.is_some_and(|namespace| {
        let enabled = namespace.labels.get("istio-injection");
        enabled.map(String::as_str) == Some("enabled")
            || namespace.labels.contains_key("istio.io/rev")
    });
    let own = subject.metadata.labels.get(INJECT).map(String::as_str);
    let wanted = own == Some("true") || by_namespace && own != Some("false");
    (subject.spec.host_network && wanted).then(|| {
        subject.place.finding(
            LintCode::HostNetwork,
            subject.spec_field("hostNetwork"),
            true,
            "injection is on here, and pods on the node's network are never injected: all \
             connections bypass the mesh",
            format!(
                "do without the node's network, or say that it is meant: label {INJECT}: \"false\""
            ),
        )
    })
}

/// Annotations for rules that the pod does not get.
fn without_effect(subject: &LintSubject<'_>) -> Option<LintFinding> {
    let keys = subject.metadata.annotations.keys();
    let key = keys.into_iter().find(|key| key.starts_with(TRAFFIC))?;
    // After a restart it may have one.
    let desired = &subject.pod.desired;
    let later = matches!(
        desired.membership,
        Membership::Sidecar(_) | Membership::Unknown(_)
    );
    if !subject.is_outside() || later {
        return None;
    }
    let why = match desired.membership {
        Membership::Ambient(_) => "the pod is in ambient mode, where these annotations are ignored",
        Membership::NotRedirected => "the pod has a proxy that nothing is redirected to",
        Membership::Outside(_) | Membership::Sidecar(_) | Membership::Unknown(_) => {
            "the pod gets no sidecar"
        }
    };
    let value = subject.metadata.annotations.get(key);
    Some(subject.place.finding(
        LintCode::AnnotationWithoutEffect,
        subject.annotation_field(key),
        value.map_or("", String::as_str),
        format!("{why} ({}): it does nothing", desired.source),
        "remove it, or have the pod injected",
    ))
}

fn ipv6(subject: &LintSubject<'_>) -> Option<LintFinding> {
    let config = subject.setup().config()?;
    let ip = subject.pod.ips.iter().find(|ip| ip.is_ipv6())?;
    (!config.ipv6 && config.backend == Backend::Iptables).then(|| {
        subject.place.finding(
            LintCode::Ipv6Direct,
            "status.podIPs",
            ip,
            "the pod has an IPv6 address, but its first one is IPv4 and ISTIO_DUAL_STACK is not \
             set: there are no IPv6 rules, and everything it dials over IPv6 goes direct",
            "set ISTIO_DUAL_STACK: \"true\" in the mesh's defaultConfig.proxyMetadata",
        )
    })
}
