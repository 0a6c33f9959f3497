//! Where the sidecar sends a connection, and what the client sees of it.

use super::answer::{Explanation, RoutedTo};
use egress_observer_istio::{
    judgement::Judgement,
    registry::{Fate, Match, Routed},
    vocabulary::{Expected, PortProtocol, Reason, Verdict},
};

const PASSTHROUGH: &str = "PassthroughCluster";
const BLACK_HOLE: &str = "BlackHoleCluster";

/// Where the proxy resolves the `Host` of the request itself.
const DYNAMIC_DNS: &str = "AllowAnyDynamicDNSCluster";

/// The cluster of what the mesh does not know and lets through. With `ALLOW_ANY_DYNAMIC_DNS` that of
/// plaintext HTTP is another one (`buildOutboundCatchAllNetworkFilterChains` in
/// `pilot/pkg/networking/core/listener_builder.go`, `buildCatchAllVirtualHost` in `httproute.go`; 1.31).
pub(super) fn unknown(resolves: bool, port: u16) -> &'static str {
    if resolves && PortProtocol::usual(port) == PortProtocol::Http {
        DYNAMIC_DNS
    } else {
        PASSTHROUGH
    }
}

/// The cluster that the sidecar sends it to, as far as it gets it at all. `otherwise` is that of what
/// the mesh does not know and lets through.
pub(super) fn routed(
    judged: &Judgement<'_>,
    otherwise: &str,
    is_ambient: bool,
) -> Option<RoutedTo> {
    let is_unheard = matches!(
        judged.reason,
        Reason::ProxyNotRunning | Reason::NoListenerForFamily
    );
    if judged.applied.expected != Expected::Captured || is_unheard {
        return None;
    }
    let own = |cluster: String| RoutedTo {
        cluster: Some(cluster),
        ..RoutedTo::default()
    };
    match (judged.routed(), judged.verdict) {
        (Some(routed), _) if is_ambient => Some(RoutedTo {
            cluster: None,
            ..named(&routed)
        }),
        (Some(routed), _) => Some(named(&routed)),
        (None, Verdict::Passthrough) => Some(own(otherwise.to_owned())),
        (None, Verdict::Unreachable) if matches!(judged.matched, Match::Undeclared { .. }) => {
            Some(own(PASSTHROUGH.to_owned()))
        }
        (None, Verdict::Blocked) => Some(own(BLACK_HOLE.to_owned())),
        (None, _) => None,
    }
}

fn named(routed: &Routed<'_>) -> RoutedTo {
    let answers = routed.host.is_empty();
    RoutedTo {
        cluster: (!answers).then(|| routed.cluster()),
        host: (!answers).then(|| routed.host.to_owned()),
        port: (!answers).then_some(routed.port),
        via: routed.via.map(ToString::to_string),
        object: routed.object.map(ToString::to_string),
    }
}

/// What a connection comes to that the mesh knows.
pub(super) fn outcome(explanation: &Explanation, routed: &Routed<'_>) -> String {
    let cluster = routed.cluster();
    let via = match routed.via {
        Some(rule) => format!(" by {rule}"),
        None => String::new(),
    };
    if routed.host.is_empty() {
        return format!("The proxy answers the request itself{via}.");
    }
    let dialled = explanation
        .destination
        .host
        .as_deref()
        .unwrap_or("the address");
    match routed.fate {
        Fate::AsDialled => format!("The sidecar routes it{via}: {cluster}."),
        Fate::ListenerWithoutAddress => format!(
            "The sidecar sends it to {host}, not to {dialled}: {cluster} takes every connection to \
             port {port}, as its entry has a TCP port and no addresses.",
            host = routed.host,
            port = explanation.destination.port,
        ),
        Fate::Route => format!(
            "The sidecar sends it to {host}, not to {dialled}{via}: {cluster}.",
            host = routed.host,
        ),
        Fate::AddressOfAnother => format!(
            "The sidecar sends it to {host}, not to {dialled}: {cluster} has this address.",
            host = routed.host,
        ),
        Fate::NoCluster | Fate::NoEndpoints | Fate::Untold(_) => format!(
            "The sidecar sends it to {cluster}{via}, and has no such cluster: the connection is \
             reset, an HTTP request is answered with 503."
        ),
    }
}

/// What comes of what the mesh does not know and lets through.
pub(super) fn passthrough(explanation: &Explanation) -> String {
    let routed = explanation.routed.as_ref();
    match routed.and_then(|it| it.cluster.as_deref()) {
        Some(proxy) if proxy.starts_with("outbound|") => format!(
            "The sidecar sends it to the egress proxy of its Sidecar, not where it was going: {proxy}."
        ),
        Some(DYNAMIC_DNS) => "The sidecar asks DNS for the Host of the request, and sends it there, \
                              wherever the client was going (AllowAnyDynamicDNSCluster). What is no \
                              plaintext HTTP goes where it was going (PassthroughCluster). It works, and \
                              no policy applies to it."
            .to_owned(),
        Some(_) | None => "The sidecar lets it through to where it was going (PassthroughCluster): it \
                           works, and no policy applies to it."
            .to_owned(),
    }
}

/// What comes of an address that Istio allocates where no listener of the sidecar is reached.
pub(super) fn allocated(explanation: &Explanation) -> String {
    let address = match explanation.destination.ip {
        Some(ip) => ip.to_string(),
        None => "one of 240.240.0.0/16 or 2001:2::/48".to_owned(),
    };
    let way = if explanation.applied.expected == Expected::Captured {
        "The sidecar has no listener at this address and port, and lets it through \
         (PassthroughCluster)"
    } else {
        "It goes around the sidecar"
    };
    format!(
        "{way} to {address}, which Istio allocates to a name and nobody has: it never arrives, the \
         connection fails or times out."
    )
}
