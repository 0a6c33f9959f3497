//! Parts of an answer, out of decisions and judgements.

use super::answer::{OtherEntry, RegistryAnswer, Stand};
use egress_observer_istio::{
    injection::setup::Setup,
    judgement::Judgement,
    registry::{Match, NearMiss},
    rules::{CaptureConfig, Decision, Rule},
    vocabulary::RegistryMatch,
};

/// An entry that does not take it, and why.
pub(super) fn other(miss: &NearMiss<'_>) -> OtherEntry {
    OtherEntry {
        object: miss.entry.object.to_string(),
        host: miss.host.to_string(),
        because: miss.why.to_string(),
    }
}

/// What a setup does with the connection.
pub(super) fn stand(setup: &Setup, decision: Decision) -> Stand {
    let rule = (decision.rule != Rule::None).then(|| match setup.config() {
        Some(config) => decision.rule.text(config),
        None => decision.rule.text(&CaptureConfig::default()),
    });
    Stand {
        expected: decision.expected,
        reason: decision.reason,
        rule,
        source: setup.origin(decision.rule.setting()).to_owned(),
        port: decision.port,
    }
}

/// What the mesh knows of the destination.
pub(super) fn registry(judged: &Judgement<'_>, others: Vec<OtherEntry>) -> RegistryAnswer {
    let (matched, registry) = (&judged.matched, judged.registry);
    let (object, host, by) = match matched {
        Match::Declared(hit) => (
            Some(&hit.entry.object),
            Some(hit.host),
            Some(hit.by.as_str()),
        ),
        Match::AddressNeeded(hit) => (Some(&hit.entry.object), Some(hit.host), None),
        Match::Ruled(_) | Match::Undeclared { .. } | Match::NameNeeded { .. } | Match::Refused => {
            (None, None, None)
        }
    };
    let needs = match matched {
        _ if registry != RegistryMatch::Unknown => Vec::new(),
        Match::NameNeeded { http, tls } => {
            let needs = [http.then_some("http_host"), tls.then_some("tls_sni")];
            needs.into_iter().flatten().collect()
        }
        Match::AddressNeeded(_) => vec!["address"],
        Match::Declared(_) | Match::Ruled(_) | Match::Undeclared { .. } | Match::Refused => {
            Vec::new()
        }
    };
    RegistryAnswer {
        matched: registry,
        kind: object.map(|object| object.kind.as_str()),
        namespace: object.map(|object| object.namespace.to_string()),
        name: object.map(|object| object.name.to_string()),
        host: host.map(ToString::to_string),
        by,
        needs,
        others,
    }
}
