//! The table of verdicts: what is expected against what was seen.

use super::evidence::Observed;
use crate::{
    registry::Fate,
    rules::Decision,
    vocabulary::{Actor, Expected, Policy, Reason, RegistryMatch, Verdict},
};

/// What there is to judge of a pod's connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    /// Who connected.
    pub(super) actor: Actor,
    /// Why the pod is outside the mesh, if it is.
    pub(super) unmeshed: Option<Reason>,
    /// What its configuration says.
    pub(super) decision: Decision,
    /// What the kernel saw.
    pub(super) observed: Observed,
    /// What the mesh knows of the destination.
    pub(super) registry: RegistryMatch,
    /// Where the mesh sends it, if it knows it.
    pub(super) fate: Option<Fate>,
    /// Whether the address is one that Istio allocates, which nobody has.
    pub(super) allocated: bool,
    /// Why nobody hears it, if nobody does.
    pub(super) unheard: Option<Reason>,
    /// Whether it may be of before the rules were made.
    pub(super) before_rules: bool,
    /// What would tell more of the destination, where that is unknown.
    pub(super) lacking: Reason,
    /// What the sidecar does with what the mesh does not know, where that is known.
    pub(super) policy: Option<Policy>,
    /// Why that is not known, if it is not.
    pub(super) policy_lacks: Reason,
}

/// Judges. The first line that fits decides:
///
/// | actor | in the mesh | path | expected | registry | verdict |
/// |---|---|---|---|---|---|
/// | proxy | | | | | `proxy_upstream` |
/// | | no | | | | `unmeshed` |
/// | | | failed | it cannot arrive: nobody hears it, or has the allocated address | | `unreachable` |
/// | | | unknown | | | `unknown` |
/// | | | | unknown | | `unknown` |
/// | | | captured | captured, and no proxy hears it | | `unreachable` |
/// | | | captured | captured by the proxy's DNS | | `mediated` |
/// | | | captured | captured | known, no cluster or no endpoint | `unreachable` |
/// | | | captured | captured | known, and what it is sent to cannot be told | `unknown` |
/// | | | captured | captured | known, of another host | `misrouted` |
/// | | | captured | captured | known | `mediated` |
/// | | | captured | captured | undeclared | by policy: `passthrough`, `blocked`; `unreachable`, if it would pass to an allocated address |
/// | | | captured | captured | unknown | `unknown` |
/// | | | direct | captured, and the rules may have been made later | | `unknown` |
/// | | | direct | captured | | `unexpected_bypass` |
/// | | | captured | direct | | `unexpected_capture` |
/// | | | direct | direct | any, at an allocated address | `unreachable` |
/// | | | direct | direct | ServiceEntry | `declared_bypass` |
/// | | | direct | direct | other | `configured_bypass` |
///
/// The reason is the rule that decided what was expected, or what an unknown verdict lacks. What the
/// proxy's DNS gets is asked of no registry and refused by no policy: it answers, or asks a nameserver
/// (`ServeDNS` in `pkg/dns/client/dns.go`).
pub(super) fn judge(case: &Case) -> (Verdict, Reason) {
    let Case {
        decision, registry, ..
    } = *case;
    if case.actor == Actor::Proxy {
        return (Verdict::ProxyUpstream, Reason::ProxyUid);
    }
    if let Some(reason) = case.unmeshed {
        return (Verdict::Unmeshed, reason);
    }
    match (case.observed, decision.expected) {
        (Observed::Unknown(Reason::NotEstablished), Expected::Direct) if case.allocated => {
            (Verdict::Unreachable, Reason::AllocatedAddress)
        }
        (Observed::Unknown(Reason::NotEstablished), Expected::Captured)
            if case.unheard.is_some() =>
        {
            captured(case)
        }
        (Observed::Unknown(reason), _) => (Verdict::Unknown, reason),
        (_, Expected::Unknown) => (Verdict::Unknown, decision.reason),
        (Observed::Captured, Expected::Captured) => captured(case),
        (Observed::Direct, Expected::Captured) if case.before_rules => {
            (Verdict::Unknown, Reason::StartedBeforeRules)
        }
        (Observed::Direct, Expected::Captured) => (Verdict::UnexpectedBypass, decision.reason),
        (Observed::Captured, Expected::Direct) => (Verdict::UnexpectedCapture, decision.reason),
        (Observed::Direct, Expected::Direct) if case.allocated => {
            (Verdict::Unreachable, Reason::AllocatedAddress)
        }
        (Observed::Direct, Expected::Direct) if registry == RegistryMatch::ServiceEntry => {
            (Verdict::DeclaredBypass, decision.reason)
        }
        (Observed::Direct, Expected::Direct) => (Verdict::ConfiguredBypass, decision.reason),
    }
}

/// The judgement over a connection of which it is not known which of two destinations it had: theirs,
/// if it is the same, else that it depends on the name.
pub(super) fn of_either(one: (Verdict, Reason), other: (Verdict, Reason)) -> (Verdict, Reason) {
    if one.0 == other.0 {
        one
    } else {
        (Verdict::Unknown, Reason::AmbiguousName)
    }
}

fn captured(case: &Case) -> (Verdict, Reason) {
    let reason = case.decision.reason;
    if let Some(unheard) = case.unheard {
        return (Verdict::Unreachable, unheard);
    }
    if reason == Reason::DnsCapture {
        return (Verdict::Mediated, reason);
    }
    if let Some(fate) = case.fate {
        return match fate {
            Fate::AsDialled => (Verdict::Mediated, reason),
            Fate::ListenerWithoutAddress => (Verdict::Misrouted, Reason::ListenerWithoutAddress),
            Fate::Route => (Verdict::Misrouted, Reason::Route),
            Fate::AddressOfAnother => (Verdict::Misrouted, Reason::AddressOfAnother),
            Fate::NoCluster => (Verdict::Unreachable, Reason::NoCluster),
            Fate::NoEndpoints => (Verdict::Unreachable, Reason::NoEndpoints),
            Fate::Untold(lacking) => (Verdict::Unknown, lacking),
        };
    }
    match (case.registry, case.policy) {
        (RegistryMatch::ServiceEntry | RegistryMatch::Cluster, _) => (Verdict::Mediated, reason),
        (RegistryMatch::Undeclared, Some(Policy::AllowAny)) if case.allocated => {
            (Verdict::Unreachable, Reason::AllocatedAddress)
        }
        (RegistryMatch::Undeclared, Some(Policy::AllowAny)) => (Verdict::Passthrough, reason),
        (RegistryMatch::Undeclared, Some(Policy::RegistryOnly)) => (Verdict::Blocked, reason),
        (RegistryMatch::Undeclared, None) => (Verdict::Unknown, case.policy_lacks),
        (RegistryMatch::Unknown, _) => (Verdict::Unknown, case.lacking),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rule;

    const CASE: Case = Case {
        actor: Actor::App,
        unmeshed: None,
        decision: Decision {
            expected: Expected::Captured,
            reason: Reason::IncludedRange,
            port: Some(15_001),
            rule: Rule::IncludedAll,
        },
        observed: Observed::Captured,
        registry: RegistryMatch::Undeclared,
        fate: None,
        allocated: false,
        unheard: None,
        before_rules: false,
        lacking: Reason::NameNeeded,
        policy: Some(Policy::RegistryOnly),
        policy_lacks: Reason::NotSynced,
    };
    const ANSWERED: Decision = Decision {
        reason: Reason::DnsCapture,
        port: Some(15_053),
        rule: Rule::Dns,
        ..CASE.decision
    };
    const DIRECT: Decision = Decision::direct(Reason::NotIncluded, Rule::NotIncluded);
    const OPEN: Decision = Decision::unknown(Reason::DnsCapture, Rule::Dns);

    /// Those of misrouted and unreachable.
    fn rows_of_what_really_happens() -> Vec<(Case, (Verdict, Reason))> {
        let known = |fate| Case {
            registry: RegistryMatch::ServiceEntry,
            fate: Some(fate),
            ..CASE
        };
        let allocated = Case {
            allocated: true,
            policy: Some(Policy::AllowAny),
            ..CASE
        };
        let unheard = Case {
            unheard: Some(Reason::ProxyNotRunning),
            ..CASE
        };
        let failed = Observed::Unknown(Reason::NotEstablished);
        let at = |case, decision, observed| Case {
            decision,
            observed,
            ..case
        };
        let misrouted = |reason| (Verdict::Misrouted, reason);
        let unreachable = |reason| (Verdict::Unreachable, reason);
        vec![
            (
                known(Fate::AsDialled),
                (Verdict::Mediated, Reason::IncludedRange),
            ),
            (
                known(Fate::ListenerWithoutAddress),
                misrouted(Reason::ListenerWithoutAddress),
            ),
            (known(Fate::Route), misrouted(Reason::Route)),
            (
                known(Fate::AddressOfAnother),
                misrouted(Reason::AddressOfAnother),
            ),
            (known(Fate::NoCluster), unreachable(Reason::NoCluster)),
            (known(Fate::NoEndpoints), unreachable(Reason::NoEndpoints)),
            (
                known(Fate::Untold(Reason::WaypointNeeded)),
                (Verdict::Unknown, Reason::WaypointNeeded),
            ),
            (allocated, unreachable(Reason::AllocatedAddress)),
            (
                Case {
                    policy: Some(Policy::RegistryOnly),
                    ..allocated
                },
                (Verdict::Blocked, Reason::IncludedRange),
            ),
            (
                at(allocated, DIRECT, Observed::Direct),
                unreachable(Reason::AllocatedAddress),
            ),
            (
                at(allocated, DIRECT, failed),
                unreachable(Reason::AllocatedAddress),
            ),
            (unheard, unreachable(Reason::ProxyNotRunning)),
            (
                at(unheard, CASE.decision, failed),
                unreachable(Reason::ProxyNotRunning),
            ),
            (
                at(CASE, CASE.decision, failed),
                (Verdict::Unknown, Reason::NotEstablished),
            ),
        ]
    }

    /// One row per line of the table in the documentation of `judge`.
    #[test]
    fn every_line_of_the_table_holds() {
        use Reason::{
            DnsCapture, IncludedRange, NameNeeded, NoSidecar, NotEstablished, NotIncluded,
        };
        use Verdict as V;
        let rows = [
            (
                Case {
                    actor: Actor::Proxy,
                    ..CASE
                },
                (V::ProxyUpstream, Reason::ProxyUid),
            ),
            (
                Case {
                    unmeshed: Some(NoSidecar),
                    ..CASE
                },
                (V::Unmeshed, NoSidecar),
            ),
            (
                Case {
                    observed: Observed::Unknown(NotEstablished),
                    ..CASE
                },
                (V::Unknown, NotEstablished),
            ),
            (
                Case {
                    decision: OPEN,
                    ..CASE
                },
                (V::Unknown, DnsCapture),
            ),
            (
                Case {
                    registry: RegistryMatch::ServiceEntry,
                    ..CASE
                },
                (V::Mediated, IncludedRange),
            ),
            (
                Case {
                    registry: RegistryMatch::Cluster,
                    ..CASE
                },
                (V::Mediated, IncludedRange),
            ),
            (CASE, (V::Blocked, IncludedRange)),
            (
                Case {
                    decision: ANSWERED,
                    ..CASE
                },
                (V::Mediated, DnsCapture),
            ),
            (
                Case {
                    policy: Some(Policy::AllowAny),
                    ..CASE
                },
                (V::Passthrough, IncludedRange),
            ),
            (
                Case {
                    policy: None,
                    ..CASE
                },
                (V::Unknown, Reason::NotSynced),
            ),
            (
                Case {
                    registry: RegistryMatch::Unknown,
                    ..CASE
                },
                (V::Unknown, NameNeeded),
            ),
            (
                Case {
                    observed: Observed::Direct,
                    ..CASE
                },
                (V::UnexpectedBypass, IncludedRange),
            ),
            (
                Case {
                    observed: Observed::Direct,
                    before_rules: true,
                    ..CASE
                },
                (V::Unknown, Reason::StartedBeforeRules),
            ),
            (
                Case {
                    decision: DIRECT,
                    ..CASE
                },
                (V::UnexpectedCapture, NotIncluded),
            ),
            (
                Case {
                    decision: DIRECT,
                    observed: Observed::Direct,
                    ..CASE
                },
                (V::ConfiguredBypass, NotIncluded),
            ),
            (
                Case {
                    decision: DIRECT,
                    observed: Observed::Direct,
                    registry: RegistryMatch::ServiceEntry,
                    ..CASE
                },
                (V::DeclaredBypass, NotIncluded),
            ),
        ];
        for (case, expected) in rows.into_iter().chain(rows_of_what_really_happens()) {
            assert_eq!(judge(&case), expected, "{case:?}");
        }
    }
}
