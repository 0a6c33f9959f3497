//! What is expected against what was seen.

use crate::{
    rules::Decision,
    vocabulary::{Actor, Expected, Path, Policy, Reason, Registry, Verdict},
};

/// What the kernel saw of a connection's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    /// The mesh's listener accepted it.
    Captured,
    /// It went out as it is.
    Direct,
    /// Nothing that proves a path, for this reason.
    Unknown(Reason),
}

impl Observed {
    /// The path without the reason.
    pub const fn path(self) -> Path {
        match self {
            Self::Captured => Path::Captured,
            Self::Direct => Path::Direct,
            Self::Unknown(_) => Path::Unknown,
        }
    }
}

/// What there is to judge of a pod's connection.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Who connected.
    pub actor: Actor,
    /// Why the pod is outside the mesh, if it is.
    pub unmeshed: Option<Reason>,
    /// What its configuration says.
    pub decision: Decision,
    /// What the kernel saw.
    pub observed: Observed,
    /// What the mesh knows of the destination.
    pub registry: Registry,
    /// What would tell more of the destination, where that is unknown.
    pub lacking: Reason,
    /// What the sidecar does with what the mesh does not know, where that is known.
    pub policy: Option<Policy>,
}

/// Judges. The first line that fits decides:
///
/// | actor | in the mesh | path | expected | registry | verdict |
/// |---|---|---|---|---|---|
/// | proxy | | | | | `proxy_upstream` |
/// | | no | | | | `unmeshed` |
/// | | | unknown | | | `unknown` |
/// | | | | unknown | | `unknown` |
/// | | | captured | captured | known | `mediated` |
/// | | | captured | captured | undeclared | by policy: `passthrough`, `blocked` |
/// | | | captured | captured | unknown | `unknown` |
/// | | | direct | captured | | `unexpected_bypass` |
/// | | | captured | direct | | `unexpected_capture` |
/// | | | direct | direct | ServiceEntry | `declared_bypass` |
/// | | | direct | direct | other | `configured_bypass` |
///
/// The reason is the rule that decided what was expected, or what an unknown verdict lacks.
pub fn judge(case: &Case) -> (Verdict, Reason) {
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
        (Observed::Unknown(reason), _) => (Verdict::Unknown, reason),
        (_, Expected::Unknown) => (Verdict::Unknown, decision.reason),
        (Observed::Captured, Expected::Captured) => captured(case),
        (Observed::Direct, Expected::Captured) => (Verdict::UnexpectedBypass, decision.reason),
        (Observed::Captured, Expected::Direct) => (Verdict::UnexpectedCapture, decision.reason),
        (Observed::Direct, Expected::Direct) if registry == Registry::ServiceEntry => {
            (Verdict::DeclaredBypass, decision.reason)
        }
        (Observed::Direct, Expected::Direct) => (Verdict::ConfiguredBypass, decision.reason),
    }
}

/// The judgement over a connection of which it is not known which of two destinations it had: theirs,
/// if it is the same, else that it depends on the name.
pub fn of_either(one: (Verdict, Reason), other: (Verdict, Reason)) -> (Verdict, Reason) {
    if one.0 == other.0 {
        one
    } else {
        (Verdict::Unknown, Reason::AmbiguousName)
    }
}

fn captured(case: &Case) -> (Verdict, Reason) {
    let reason = case.decision.reason;
    match (case.registry, case.policy) {
        (Registry::ServiceEntry | Registry::Cluster, _) => (Verdict::Mediated, reason),
        (Registry::Undeclared, Some(Policy::AllowAny)) => (Verdict::Passthrough, reason),
        (Registry::Undeclared, Some(Policy::RegistryOnly)) => (Verdict::Blocked, reason),
        (Registry::Undeclared, None) => (Verdict::Unknown, Reason::NotSynced),
        (Registry::Unknown, _) => (Verdict::Unknown, case.lacking),
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
        registry: Registry::Undeclared,
        lacking: Reason::NameNeeded,
        policy: Some(Policy::RegistryOnly),
    };
    const DIRECT: Decision = Decision::direct(Reason::NotIncluded, Rule::NotIncluded);
    const OPEN: Decision = Decision::unknown(Reason::DnsCapture, Rule::Dns);

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
                    registry: Registry::ServiceEntry,
                    ..CASE
                },
                (V::Mediated, IncludedRange),
            ),
            (
                Case {
                    registry: Registry::Cluster,
                    ..CASE
                },
                (V::Mediated, IncludedRange),
            ),
            (CASE, (V::Blocked, IncludedRange)),
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
                    registry: Registry::Unknown,
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
                    registry: Registry::ServiceEntry,
                    ..CASE
                },
                (V::DeclaredBypass, NotIncluded),
            ),
        ];
        for (case, expected) in rows {
            assert_eq!(judge(&case), expected, "{case:?}");
        }
    }
}
