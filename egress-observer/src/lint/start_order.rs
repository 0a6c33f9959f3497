//! Init containers that run before the rules are made, or before the proxy runs.

use super::{code::LintCode, finding::LintFinding, subject::LintSubject};
use egress_observer_istio::{
    injection::pod::{INIT, PROXY, ProxyPresence, Rules},
    objects::ContainerSpec,
    rules::CaptureConfig,
};

/// Init containers of a pod with a proxy, each with its place.
pub(super) fn findings(subject: &LintSubject<'_>) -> Vec<LintFinding> {
    let Some(config) = subject.setup().config() else {
        return Vec::new();
    };
    let init = subject.spec.init_containers.iter().enumerate();
    init.filter_map(|(at, container)| {
        let mut declared = subject.pod.declared.iter();
        let declared = declared.find(|declared| declared.name == container.name)?;
        let early = declared.role.rules == Rules::NotYet;
        let refused_all = declared.role.proxy == ProxyPresence::Never;
        if !(early || refused_all) {
            return None;
        }
        let field = subject.spec_field(&format!("initContainers[{at}]"));
        if early {
            Some(bypass(subject, field, container))
        } else {
            let exempt = declared
                .uid
                .is_some_and(|id| config.proxy_uids.contains(&id))
                || declared
                    .gid
                    .is_some_and(|id| config.proxy_gids.contains(&id));
            (!exempt).then(|| refused(subject, field, container, config))
        }
    })
    .collect()
}

fn bypass(subject: &LintSubject<'_>, field: String, container: &ContainerSpec) -> LintFinding {
    let name = &container.name;
    let message =
        format!("{name} runs before {INIT} makes the rules: what it dials bypasses the mesh");
    let fix = "nothing, if that is acceptable; else use native sidecars";
    let place = &subject.place;
    place.finding(LintCode::InitBypass, field, name, message, fix)
}

fn refused(
    subject: &LintSubject<'_>,
    field: String,
    container: &ContainerSpec,
    config: &CaptureConfig,
) -> LintFinding {
    let name = &container.name;
    let mut init = subject.spec.init_containers.iter();
    let maker = if init.any(|container| container.name == INIT) {
        INIT
    } else {
        "the CNI plugin"
    };
    let order = if subject.pod.proxy_starts_late {
        "use native sidecars".to_owned()
    } else {
        format!("have it injected before {PROXY} is, so that it stands behind it")
    };
    let user = config.proxy_uids.first();
    let user = user.map_or_else(String::new, |user| {
        format!(", or run it as the proxy's user ({user})")
    });
    subject.place.finding(
        LintCode::InitRefused,
        field,
        name,
        format!(
            "{maker} made the rules before {name} runs, and the proxy starts after it: what it dials \
             over TCP is captured and refused"
        ),
        format!("{order}{user}"),
    )
}
