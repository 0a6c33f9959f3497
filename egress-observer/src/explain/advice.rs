//! The ways out of "the pod cannot reach it", and out of what goes unseen, each with its price.

mod case;
mod declare;
mod elsewhere;
mod fresh;
mod nowhere;
mod policy;
mod proposal;
mod target;
#[cfg(test)]
mod tests;

use ipnet::IpNet;

pub(super) use self::case::AdviceCase;
use super::answer::{Advice, Explanation, Method};
use crate::install::{RangeList, Spellings};
use egress_observer_istio::{
    injection::pod::{AmbientLabel, Pod},
    vocabulary::{Expected, Reason, RegistryMatch, Verdict},
};

/// What there is to do about a connection, the best first. What can be tried has been: it helps, and
/// takes nothing else away, or says what.
///
/// `policy_doubt` says why the policy is not known, where it is not.
pub(super) fn advice(
    explanation: &Explanation,
    case: &AdviceCase<'_>,
    policy_doubt: Option<&str>,
) -> Vec<Advice> {
    let pod = case.pod;
    let mut advice = Vec::new();
    let at_once = pod.ambient.label == AmbientLabel::Asked;
    if explanation.stale == Some(true) && !at_once {
        advice.push(restart(explanation, pod));
    }
    match explanation.verdict {
        Verdict::Blocked => {
            advice.extend(declare::ways(case));
            advice.extend(policy::open(case));
            advice.push(bypass(explanation, pod));
        }
        Verdict::Passthrough => advice.extend(declare::ways(case)),
        Verdict::Misrouted => advice.extend(elsewhere::ways(case)),
        Verdict::Unreachable => advice.extend(nowhere::ways(explanation, case)),
        // Where a restart does it, nothing else is needed.
        Verdict::DeclaredBypass
            if explanation.desired.expected != Expected::Captured && case.is_known() =>
        {
            advice.push(capture(explanation));
        }
        Verdict::Unmeshed => advice.extend(into_the_mesh(explanation, pod)),
        Verdict::Unknown => advice.extend(find_out(explanation, policy_doubt)),
        Verdict::Mediated
        | Verdict::DeclaredBypass
        | Verdict::ConfiguredBypass
        | Verdict::UnexpectedBypass
        | Verdict::UnexpectedCapture
        | Verdict::ProxyUpstream => {}
    }
    advice
}

/// What there is to do about a container that runs before the proxy does: nothing that the mesh could
/// say of the destination helps.
pub(super) fn before_the_proxy(explanation: &Explanation, pod: &Pod) -> Vec<Advice> {
    let native = Advice {
        method: Method::NativeSidecar,
        what: if pod.proxy_starts_late {
            "Let the proxy start before the init containers: a native sidecar (Istio 1.19 and \
             Kubernetes 1.29, or later)."
        } else {
            "Put the container behind istio-proxy among the init containers: a webhook put it before."
        }
        .to_owned(),
        price: "The workload must be restarted.".to_owned(),
        apply: pod.proxy_starts_late.then(|| {
            format!(
                "# an annotation of the pod template, from Istio 1.24 on; before, ENABLE_NATIVE_SIDECARS of istiod\n\
                 sidecar.istio.io/nativeSidecar: \"true\"\n\
                 {}",
                pod.how_to_restart()
            )
        }),
    };
    let config = pod.applied.config();
    let user = config.and_then(|config| config.proxy_uids.first().copied());
    let as_proxy = user.map(|user| Advice {
        method: Method::ProxyUser,
        what: format!(
            "Run the container as the proxy's user, {user}: the rules let that user through."
        ),
        price: "Everything it dials bypasses the sidecar; its image must allow the user."
            .to_owned(),
        apply: None,
    });
    let excluded = bypass(explanation, pod);
    [native]
        .into_iter()
        .chain(as_proxy)
        .chain([excluded])
        .collect()
}

fn restart(explanation: &Explanation, pod: &Pod) -> Advice {
    let same = explanation.desired.expected == explanation.applied.expected;
    let effect = if same {
        "this connection goes the same way before and after"
    } else {
        "it changes this connection's way"
    };
    Advice {
        method: Method::Restart,
        what: "The pod was set up before the configuration changed. Restart its workload to apply \
               today's."
            .to_owned(),
        price: format!("A rollout; {effect}."),
        apply: Some(pod.how_to_restart()),
    }
}

fn bypass(explanation: &Explanation, pod: &Pod) -> Advice {
    let price = "The sidecar never sees it: no telemetry, no policy, no routing, and ServiceEntries \
                 and VirtualServices for these addresses are void. Only pods made after the change \
                 have it: restart the workloads. A host's addresses change; ranges do not follow.";
    let range = match explanation.destination.ip {
        Some(ip) => IpNet::from(ip).to_string(),
        None => "<CIDR of its addresses>".to_owned(),
    };
    let known = pod.desired.config().or(pod.applied.config());
    let listed = known
        .map(|config| config.exclude.list())
        .unwrap_or_default();
    let all: Vec<_> = listed
        .iter()
        .map(ToString::to_string)
        .chain([range])
        .collect();
    let spelt = Spellings::new(RangeList::Exclude, &all);
    Advice {
        method: Method::Bypass,
        what: "Exclude its addresses from what sidecars get.".to_owned(),
        price: price.to_owned(),
        apply: Some(format!(
            "{}{}# and then, for pods that run:\n{}",
            spelt.commands(),
            spelt.as_annotation(),
            pod.how_to_restart(),
        )),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most reasons are never those of a bypass"
)]
fn capture(explanation: &Explanation) -> Advice {
    let applied = &explanation.applied;
    let source = &applied.source;
    let what = match applied.reason {
        Reason::NotIncluded => format!("Include its addresses again ({source})."),
        Reason::ExcludedRange | Reason::ExcludedPort | Reason::ExcludedInterface => {
            format!("Take the exclusion away ({source}).")
        }
        Reason::ProxyUid => {
            "Run the container as another user and group than the proxy.".to_owned()
        }
        Reason::InitContainer => {
            "Use native sidecars, so that init containers run after the proxy.".to_owned()
        }
        Reason::NoIpv6Rules => "Make IPv6 rules: ISTIO_DUAL_STACK in proxyMetadata.".to_owned(),
        _ => format!("See {source}."),
    };
    Advice {
        method: Method::Capture,
        what,
        price: "The workload must be restarted, and what the mesh says about the host counts \
                again: check its timeouts and authorization first."
            .to_owned(),
        apply: None,
    }
}

/// The way in for a pod outside the mesh: that of its namespace.
fn into_the_mesh(explanation: &Explanation, pod: &Pod) -> Option<Advice> {
    let (method, what, price, apply) = match pod.ambient.label {
        AmbientLabel::OptedOut => (
            Method::Inject,
            "The namespace is in ambient mode, and the pod's own label keeps it out: take \
             istio.io/dataplane-mode=none off.",
            "Takes effect at once for the pod that runs; take it off the pod template as well, for those to come.",
            Some(format!(
                "kubectl label pod -n {} {} istio.io/dataplane-mode-",
                pod.namespace, pod.name
            )),
        ),
        AmbientLabel::Asked => (
            Method::FindOut,
            "Labels ask for ambient mode, which needs no restart, and istio-cni has not taken the pod in: \
             it has no annotation ambient.istio.io/redirection. Look at istio-cni on its node.",
            "",
            None,
        ),
        AmbientLabel::No | AmbientLabel::Unknown
            if explanation.desired.reason == Reason::NoSidecar =>
        {
            return Some(inject(pod));
        }
        AmbientLabel::No | AmbientLabel::Unknown => return None,
    };
    Some(Advice {
        method,
        what: what.to_owned(),
        price: price.to_owned(),
        apply,
    })
}

fn inject(pod: &Pod) -> Advice {
    Advice {
        method: Method::Inject,
        what: "Bring the pod into the mesh.".to_owned(),
        price: "A sidecar for each pod, and a restart.".to_owned(),
        apply: Some(format!(
            "kubectl label namespace {} istio-injection=enabled\n{}",
            pod.namespace,
            pod.how_to_restart(),
        )),
    }
}

/// Which observation would settle it.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "there is something to find out for a few reasons only"
)]
fn find_out(explanation: &Explanation, policy_doubt: Option<&str>) -> Option<Advice> {
    let registry = &explanation.registry;
    let by_address =
        registry.needs.contains(&"address") || explanation.applied.reason == Reason::AddressNeeded;
    let (what, apply) = match explanation.reason {
        _ if by_address => {
            let host = explanation.destination.host.as_deref().unwrap_or("HOST");
            let port = explanation.destination.port;
            let what = "The address decides. Give the one that the pod resolves the name to.";
            (what.to_owned(), Some(format!("--to {host}@IP:{port}")))
        }
        Reason::NameNeeded if registry.matched == RegistryMatch::Unknown => {
            let port = explanation.destination.port;
            let what = "The sidecar goes by the name that the client asks for (HTTP Host, TLS SNI), \
                        which the address does not tell. Give the name.";
            (what.to_owned(), Some(format!("--to HOST@IP:{port}")))
        }
        Reason::ExcludedInterface => {
            let what = "It depends on the device that the connection leaves by. Give it.";
            (what.to_owned(), Some("--interface DEVICE".to_owned()))
        }
        Reason::DnsCapture => {
            let what = "The proxy answers questions to the nameservers of the pod's \
                        /etc/resolv.conf, which the manifests do not show completely.";
            (what.to_owned(), None)
        }
        Reason::OwnerGroup => {
            let what = "It depends on the group of the process. Give it.";
            (what.to_owned(), Some("--gid GID".to_owned()))
        }
        Reason::NotSynced | Reason::ConfigRefused
            if explanation.applied.expected != Expected::Unknown =>
        {
            let doubt = policy_doubt.unwrap_or("objects that the mesh knows are not given");
            (format!("{}.", capitalized(doubt)), None)
        }
        reason => {
            let (what, apply) = missing_objects(reason)?;
            (what.to_owned(), apply.map(str::to_owned))
        }
    };
    Some(Advice {
        method: Method::FindOut,
        what,
        price: String::new(),
        apply,
    })
}

/// Which objects would settle it, and the command that gets them.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "objects would settle a few reasons only"
)]
fn missing_objects(reason: Reason) -> Option<(&'static str, Option<&'static str>)> {
    Some(match reason {
        Reason::ServicesNeeded => (
            "An address of the cluster's ranges is one that the mesh knows if a Service has it. Give \
             the Services, too.",
            Some("kubectl get services -A -o yaml > services.yaml"),
        ),
        Reason::EndpointsNeeded => (
            "Whether it is known depends on which pods there are: a sidecar knows those of a headless \
             Service with this port, ztunnel knows all. Give the pods, too.",
            Some("kubectl get pods -A -o yaml > pods.yaml"),
        ),
        Reason::WaypointNeeded => (
            "Labels name a waypoint, and no Gateway tells whether it is there. Give the Gateways, as \
             the cluster has them.",
            Some("kubectl get gateways.gateway.networking.k8s.io -A -o yaml > gateways.yaml"),
        ),
        Reason::SharedAddress => (
            "Give each host an address of its own: ztunnel goes by addresses alone.",
            None,
        ),
        _ => return None,
    })
}

fn capitalized(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(rest).collect()
}
