//! An explanation for people.

use std::{
    collections::HashSet,
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use super::{
    answer::{Advice, ExplainedDestination, Explanation, RoutedTo, Stand},
    destination::To,
    routed, ztunnel,
};
use crate::text::wrapped;
use egress_observer_istio::{
    judgement::Judgement,
    registry::Match,
    vocabulary::{Actor, Expected, Policy, PortProtocol, Protocol, Reason, Verdict},
};

/// What the sidecar does with it and what the client sees. `refused` says that no proxy runs yet,
/// `unheard` that it does not listen for the family.
pub(super) fn outcome(
    explanation: &Explanation,
    judged: &Judgement<'_>,
    (refused, unheard): (bool, bool),
) -> String {
    if refused {
        return "The proxy is not running yet while this container runs, and the rules lead to it: the \
                connection is refused, whatever the policy is."
            .to_owned();
    }
    if unheard {
        return "The rules lead to the proxy, and nobody listens there: by the pod's addresses the proxy \
                has no listener for this family. The connection is refused, whatever the policy is."
            .to_owned();
    }
    let text = match (explanation.applied.expected, explanation.applied.reason) {
        (Expected::Unknown, Reason::AddressNeeded) => {
            "It depends on the address that the name leads to; see the note."
        }
        (Expected::Unknown, _) => "Not known, so neither is what happens to it.",
        (Expected::Direct, _) if explanation.verdict == Verdict::Unreachable => {
            return routed::allocated(explanation);
        }
        (Expected::Direct, _) if explanation.is_ambient => {
            "It leaves the pod as it is. ztunnel does not see it."
        }
        (Expected::Direct, _) => "It leaves the pod as it is. The sidecar does not see it.",
        (Expected::Captured, Reason::DnsCapture) => {
            "The proxy answers the question, or asks the nameserver itself."
        }
        (Expected::Captured, Reason::SelfCall) => "The proxy gets it as if it came from outside.",
        (Expected::Captured, _) => return of_captured(explanation, judged),
    };
    text.to_owned()
}

/// What the sidecar does with what the rules lead to it.
fn of_captured(explanation: &Explanation, judged: &Judgement<'_>) -> String {
    if explanation.is_ambient {
        return ztunnel::outcome(explanation, judged);
    }
    if let Some(routed) = judged.routed() {
        return routed::outcome(explanation, &routed);
    }
    let port = explanation.destination.port;
    match (&judged.matched, explanation.verdict) {
        (_, Verdict::Unreachable) => routed::allocated(explanation),
        (_, Verdict::Passthrough) => routed::passthrough(explanation),
        (Match::Undeclared { http, .. }, Verdict::Blocked) => blocked(port, *http),
        (Match::Refused, _) => "Envoy refuses the listener that Istio makes for this port, as two of its \
                                rules have the same subnet: what takes it is the last listener \
                                that the proxy had there, if it had one."
            .to_owned(),
        (Match::NameNeeded { .. }, _) => match explanation.policy {
            Some(Policy::RegistryOnly) => "Routed if the client asks for a declared host; refused \
                                           otherwise (BlackHoleCluster)."
                .to_owned(),
            Some(Policy::AllowAny) => "Routed if the client asks for a declared host; let through \
                                       otherwise (PassthroughCluster)."
                .to_owned(),
            None => "Routed if the client asks for a declared host.".to_owned(),
        },
        (_, Verdict::Unknown) if explanation.reason == Reason::ServicesNeeded => {
            "It is inside the cluster, and no Service is among the objects: whether the mesh knows it, \
             Services would tell."
                .to_owned()
        }
        (_, Verdict::Unknown) if explanation.reason == Reason::EndpointsNeeded => {
            "It may be a pod of a headless Service with this port: its endpoints would tell.".to_owned()
        }
        _ => "Not known.".to_owned(),
    }
}

/// What REGISTRY_ONLY looks like from the client (`pilot/pkg/networking/core/httproute.go`,
/// `listener_builder.go`).
fn blocked(port: u16, http: bool) -> String {
    let refused = "The sidecar refuses it (BlackHoleCluster): connect() succeeds, and ";
    match (PortProtocol::usual(port), http) {
        (PortProtocol::Tls, _) => format!(
            "{refused}the TLS handshake is cut: curl ends with exit code 35 (connection reset)."
        ),
        (_, true) => format!(
            "{refused}an HTTP request is answered with 502 Bad Gateway (block_all), anything else \
             is closed."
        ),
        (_, false) => format!(
            "{refused}the connection is closed without an answer: curl ends with exit code 52 \
             (empty reply) or 56 (connection reset)."
        ),
    }
}

/// The advice that was told already: what several destinations have in common is told once.
#[derive(Debug, Default)]
pub struct ToldAdvice {
    /// Digests, as there may be thousands.
    told: HashSet<u64>,
}

impl ToldAdvice {
    /// Whether it is new.
    fn is_new(&mut self, advice: &Advice) -> bool {
        let mut digest = DefaultHasher::new();
        advice.hash(&mut digest);
        self.told.insert(digest.finish())
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(&mut ToldAdvice::default()))
    }
}

/// Names come from manifests: none of them may steer a terminal.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Lines of a label and text.
fn line(out: &mut String, label: &str, text: &str) {
    wrapped(out, &format!("  {label:<10}"), text);
}

impl Explanation {
    /// The answer for people, after others: of advice that was told, only what it says to do.
    pub fn told(&self, told: &mut ToldAdvice) -> String {
        plain(&self.text(told))
    }

    /// The same on one line.
    pub fn brief(&self) -> String {
        let verdict = format!("{} ({})", self.verdict, self.reason);
        let way = match (&self.routed, self.applied.expected) {
            (Some(routed), _) => routed_text(routed),
            (None, Expected::Captured) if self.is_ambient => "to ztunnel".to_owned(),
            (None, Expected::Direct) if self.is_ambient => "around ztunnel".to_owned(),
            (None, Expected::Captured) => "to the sidecar".to_owned(),
            (None, Expected::Direct) => "around the sidecar".to_owned(),
            (None, Expected::Unknown) => "not known".to_owned(),
        };
        let to = self.destination.brief();
        plain(&format!("{to}  {verdict}  {way}")).replace('\n', "\\n")
    }

    fn text(&self, told: &mut ToldAdvice) -> String {
        let mut out = format!("{} -> {}\n\n", self.pod, self.destination_text());
        let verdict = format!("{} ({})", self.verdict, self.reason);
        line(&mut out, "verdict", &verdict);
        line(&mut out, "", self.headline());
        line(&mut out, "outcome", &self.outcome);
        self.stands_text(&mut out);
        line(&mut out, "registry", &self.registry_text());
        for other in &self.registry.others {
            let text = format!("not {} ({}): {}", other.object, other.host, other.because);
            line(&mut out, "", &text);
        }
        if let Some(routed) = &self.routed {
            line(&mut out, "routed", &routed_text(routed));
        }
        line(&mut out, "policy", &self.policy_text());
        for object in &self.void {
            line(&mut out, "void", object);
        }
        for note in &self.notes {
            line(&mut out, "note", note);
        }
        self.advice_text(&mut out, told);
        out
    }

    fn stands_text(&self, out: &mut String) {
        let same = self.applied.is_like(&self.desired);
        let applied = stand(&self.applied);
        if same {
            line(out, "applied", &format!("{applied}; desired: the same"));
        } else {
            line(out, "applied", &applied);
        }
        from(out, &self.applied);
        if !same {
            line(out, "desired", &stand(&self.desired));
            from(out, &self.desired);
        }
        let stale = match self.stale {
            Some(true) => {
                "yes: today's configuration would set the pod up otherwise; it needs a restart"
            }
            Some(false) if same => return,
            Some(false) => "no: today's configuration would set the pod up the same way",
            None => "not known",
        };
        line(out, "stale", stale);
    }

    fn policy_text(&self) -> String {
        let source = self.policy_source.as_deref();
        let source = source.unwrap_or("no ConfigMap istio is given");
        match self.policy {
            Some(policy) => format!("{policy} ({source})"),
            None => format!("not known ({source})"),
        }
    }

    fn advice_text(&self, out: &mut String, told: &mut ToldAdvice) {
        for (advice, number) in self.advice.iter().zip(1..) {
            out.push('\n');
            if !told.is_new(advice) {
                line(
                    out,
                    &format!("{number}."),
                    &format!("As above: {}", advice.what),
                );
                continue;
            }
            line(out, &format!("{number}."), &advice.what);
            if !advice.price.is_empty() {
                line(out, "", &format!("Price: {}", advice.price));
            }
            for text in advice.apply.iter().flat_map(|text| text.lines()) {
                // Ready to copy: never broken.
                out.extend(["    ", text, "\n"]);
            }
        }
    }

    fn destination_text(&self) -> String {
        let destination = &self.destination;
        let port = destination.port;
        let mut text = match (&destination.host, destination.ip) {
            (Some(host), Some(ip)) => format!("{host} ({ip}) port {port}"),
            (Some(host), None) => format!("{host} port {port}"),
            (None, Some(ip)) => format!("{ip} port {port}"),
            (None, None) => format!("port {port}"),
        };
        if destination.protocol == Protocol::Udp {
            text.push_str(", UDP");
        }
        if self.source.actor != Actor::App || self.source.uid.is_some() {
            let container = self.source.container.as_deref().unwrap_or("?");
            text.push_str(&format!(", from container {container}"));
        }
        text
    }

    fn headline(&self) -> &'static str {
        if let Some(own) = ztunnel::headline(self).filter(|_| self.is_ambient) {
            return own;
        }
        match self.verdict {
            Verdict::Mediated if self.reason == Reason::DnsCapture => {
                "The proxy's own DNS gets it: no entry has to declare it, and no policy refuses it."
            }
            Verdict::Mediated if self.routed.as_ref().is_some_and(|to| to.via.is_some()) => {
                "The sidecar gets it, and sends it where a VirtualService for the host says."
            }
            Verdict::Mediated => "The sidecar gets it, and sends it to the host that was dialled.",
            Verdict::Misrouted => {
                "The sidecar gets it, and sends it to another host than the one that was dialled."
            }
            Verdict::Unreachable => "It cannot arrive, whatever the policy.",
            Verdict::Passthrough => {
                "The sidecar gets it and lets it through: the mesh does not know the destination."
            }
            Verdict::Blocked => {
                "The sidecar gets it and refuses it: the mesh does not know the host."
            }
            Verdict::ConfiguredBypass => "It goes around the sidecar, as configured.",
            Verdict::DeclaredBypass => {
                "It goes around the sidecar, as configured, although the mesh declares the host."
            }
            Verdict::UnexpectedBypass => "It goes around the sidecar, against its configuration.",
            Verdict::UnexpectedCapture => "The sidecar gets it, against its configuration.",
            Verdict::Unmeshed => "The pod is not in the mesh.",
            Verdict::ProxyUpstream => "The proxy's own connection.",
            Verdict::Unknown => "It cannot be told from what is given.",
        }
    }

    fn registry_text(&self) -> String {
        let registry = &self.registry;
        let mut text = registry.matched.to_string();
        if let (Some(kind), Some(namespace), Some(name)) =
            (registry.kind, &registry.namespace, &registry.name)
        {
            text.push_str(&format!(": {kind} {namespace}/{name}"));
        }
        if let (Some(host), Some(by)) = (&registry.host, registry.by) {
            text.push_str(&format!(", host {host}, by {by}"));
        }
        if !registry.needs.is_empty() {
            text.push_str(&format!("; would tell: {}", registry.needs.join(", ")));
        }
        text
    }
}

impl Stand {
    /// Whether another configuration does the same, by the same rule.
    fn is_like(&self, other: &Self) -> bool {
        (self.expected, self.reason, &self.rule, self.port)
            == (other.expected, other.reason, &other.rule, other.port)
    }
}

impl ExplainedDestination {
    /// As it is asked for.
    fn brief(&self) -> String {
        let to = To {
            host: self.host.clone(),
            ip: self.ip,
            port: self.port,
            protocol: None,
        };
        match self.protocol {
            Protocol::Tcp => to.to_string(),
            Protocol::Udp => format!("{to}/udp"),
        }
    }
}

fn routed_text(routed: &RoutedTo) -> String {
    let mut text = match (&routed.cluster, &routed.host, routed.port) {
        (Some(cluster), _, _) => cluster.clone(),
        (None, Some(host), Some(port)) => format!("{host}, port {port}"),
        (None, _, _) => "answered by the proxy itself".to_owned(),
    };
    for (word, object) in [(", declared by", &routed.object), (", via", &routed.via)] {
        if let Some(object) = object {
            text.push_str(&format!("{word} {object}"));
        }
    }
    text
}

fn stand(stand: &Stand) -> String {
    match stand.port {
        Some(port) => format!(
            "{} by the listener on {port} ({})",
            stand.expected, stand.reason
        ),
        None => format!("{} ({})", stand.expected, stand.reason),
    }
}

fn from(out: &mut String, stand: &Stand) {
    if let Some(rule) = &stand.rule {
        line(out, "", &format!("rule: {rule}"));
    }
    line(out, "", &format!("from: {}", stand.source));
}
