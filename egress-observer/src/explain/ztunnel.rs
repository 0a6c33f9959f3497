//! The same for pods in ambient mode, in ztunnel's words: it has no clusters and no policy for unknown
//! hosts, and goes by addresses.

use super::answer::Explanation;
use egress_observer_istio::{
    judgement::Judgement,
    registry::{Fate, ObjectKind, ObjectRef, Routed},
    vocabulary::{Reason, Verdict},
};

/// What becomes of a connection that ztunnel gets.
pub(super) fn outcome(explanation: &Explanation, judged: &Judgement<'_>) -> String {
    if let Some(routed) = judged.routed() {
        return known(explanation, &routed);
    }
    let text = match (explanation.verdict, explanation.reason) {
        (Verdict::Passthrough, _) => {
            "ztunnel knows no Service, ServiceEntry or pod with this address, and lets it through to where \
             it was going: it works, and nothing of the mesh applies to it."
        }
        (Verdict::Mediated, _) => {
            "ztunnel knows the pod that has this address, and sends it there."
        }
        (Verdict::Unreachable, _) => {
            "ztunnel has nothing at this address and port, and lets it through to an address that Istio \
             allocates to a name and nobody has: it never arrives, the connection fails or times out."
        }
        (_, Reason::ServicesNeeded) => {
            "It is inside the cluster, and no Service is among the objects: whether ztunnel knows it, \
             Services would tell."
        }
        (_, Reason::EndpointsNeeded) => {
            "It is inside the cluster and no Service's address. ztunnel knows it if a pod has it, and \
             otherwise lets it through: the pods would tell."
        }
        _ => "Not known.",
    };
    text.to_owned()
}

fn known(explanation: &Explanation, routed: &Routed<'_>) -> String {
    let (host, port) = (routed.host, routed.port);
    let way = match waypoint(routed.via) {
        Some(via) => format!("ztunnel sends it through the waypoint {via}"),
        None => "ztunnel sends it".to_owned(),
    };
    let of = match routed.object {
        Some(object) => format!("{object} ({host})"),
        None => host.to_owned(),
    };
    match routed.fate {
        Fate::AsDialled => format!("{way} to {host}, port {port}, which {of} declares."),
        Fate::AddressOfAnother | Fate::ListenerWithoutAddress | Fate::Route => format!(
            "{way} to {host}, not to {dialled}: it goes by the address, which {of} has.",
            dialled = explanation
                .destination
                .host
                .as_deref()
                .unwrap_or("the address"),
        ),
        Fate::NoEndpoints | Fate::NoCluster => format!(
            "{of} has the address and nothing at port {port}: ztunnel, or the waypoint, takes the \
             connection and closes it."
        ),
        Fate::Untold(Reason::WaypointNeeded) => format!(
            "{of} has the address, and labels name a waypoint for it. Whether there is one, its Gateway \
             with its status would tell."
        ),
        Fate::Untold(_) => format!(
            "{of} has the address, and others have it, too: ztunnel keeps the one that it heard of last."
        ),
    }
}

/// The waypoint, if it is one.
fn waypoint(via: Option<&ObjectRef>) -> Option<String> {
    let via = via.filter(|object| object.kind == ObjectKind::Gateway)?;
    Some(format!("{}/{}", via.namespace, via.name))
}

/// The judgement in a sentence, where the words for sidecars do not fit.
pub(super) fn headline(explanation: &Explanation) -> Option<&'static str> {
    let via = explanation.routed.as_ref().and_then(|to| to.via.as_ref());
    Some(match explanation.verdict {
        Verdict::Mediated if explanation.reason == Reason::DnsCapture => {
            "ztunnel's own DNS gets it: no entry has to declare it."
        }
        Verdict::Mediated if via.is_some() => {
            "ztunnel gets it, and sends it through a waypoint to the host that was dialled."
        }
        Verdict::Mediated => "ztunnel gets it, and sends it to the host that was dialled.",
        Verdict::Misrouted => {
            "ztunnel gets it, and sends it to another host than the one that was dialled."
        }
        Verdict::Passthrough => {
            "ztunnel gets it and lets it through: the mesh does not know the destination."
        }
        Verdict::ConfiguredBypass => "It goes around ztunnel, as ambient mode has it.",
        Verdict::DeclaredBypass => {
            "It goes around ztunnel, as ambient mode has it, although the mesh declares the host."
        }
        Verdict::UnexpectedBypass => "It goes around ztunnel, against the pod's set-up.",
        Verdict::UnexpectedCapture => "ztunnel gets it, against the pod's set-up.",
        Verdict::Unreachable
        | Verdict::Blocked
        | Verdict::Unmeshed
        | Verdict::ProxyUpstream
        | Verdict::Unknown => return None,
    })
}
