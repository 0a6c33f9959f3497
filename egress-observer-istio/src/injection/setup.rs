//! What is set up for a pod: its place in the mesh and the rules in its network namespace.

use std::fmt;

pub use super::{
    names::{
        EXCLUDE, EXCLUDE_PORTS, INCLUDE, INCLUDE_PORTS, INJECT, INTERFACES, TRAFFIC, VALIDATION,
    },
    spec::container,
};
use crate::{
    rules::{
        CaptureConfig, Decision, Dialled, Rule, RuleSetting,
        ambient::{self, AmbientConfig},
        decide,
    },
    vocabulary::Reason,
};

/// `Membership` is where a pod stands to the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// The pod has a sidecar, with rules made from these settings.
    Sidecar(Box<CaptureConfig>),
    /// The pod has a proxy that nothing is redirected to.
    NotRedirected,
    /// ztunnel takes the pod's connections, by rules made from these settings.
    Ambient(AmbientConfig),
    /// The pod is outside the mesh, for this reason.
    Outside(Reason),
    /// Where the pod stands cannot be told, for this reason.
    Unknown(Reason),
}

impl Membership {
    /// The reason for which the pod is outside the mesh; nothing if it is not, or if that cannot be
    /// told.
    pub fn outside(&self) -> Option<Reason> {
        match self {
            Self::Outside(reason) => Some(*reason),
            Self::Sidecar(_) | Self::NotRedirected | Self::Ambient(_) | Self::Unknown(_) => None,
        }
    }
}

/// `Setup` is where a pod stands, and what says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Where the pod stands to the mesh.
    pub membership: Membership,
    /// The settings of the rules as they were made, if annotations were changed after the start.
    pub before_change: Option<Box<CaptureConfig>>,
    /// The object and field that decided, as people read it.
    pub source: String,
    /// Where each setting comes from, as far as that is not `source`.
    pub origins: Vec<(RuleSetting, String)>,
    /// Who would inject the pod, and how; only where that is desired and leads to rules.
    pub injected: Option<Injected>,
    /// What people should know: text that Istio ignores, settings without effect, problems.
    pub notes: Vec<String>,
}

/// `Injected` is who injects a pod, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    /// The control plane's revision, or a tag that stands for it; empty for the default one.
    pub revision: String,
    /// Whether the CNI plugin makes the rules, not `istio-init`.
    pub by_cni: bool,
}

impl Setup {
    /// A setup of which nothing else is known than where the pod stands and what says so.
    pub(super) fn new(membership: Membership, source: impl Into<String>) -> Self {
        Self {
            membership,
            before_change: None,
            source: source.into(),
            origins: Vec::new(),
            injected: None,
            notes: Vec::new(),
        }
    }

    /// A pod with a proxy that nothing is redirected to.
    pub(super) fn not_redirected(source: impl Into<String>) -> Self {
        Self::new(Membership::NotRedirected, source)
    }

    /// A pod outside the mesh.
    pub(super) fn outside(reason: Reason, source: impl Into<String>) -> Self {
        Self::new(Membership::Outside(reason), source)
    }

    /// A pod of which something that would tell is not there.
    pub(super) fn not_synced(source: impl Into<String>) -> Self {
        Self::new(Membership::Unknown(Reason::NotSynced), source)
    }

    /// A pod that would be set up by configuration which is in doubt.
    pub(super) fn in_doubt(reason: Reason, because: &str) -> Self {
        Self {
            notes: vec![because.to_owned()],
            ..Self::new(Membership::Unknown(reason), because)
        }
    }

    /// A pod whose settings cannot be read.
    pub(super) fn unreadable(source: impl Into<String>, problem: &dyn fmt::Display) -> Self {
        let unknown = Membership::Unknown(Reason::UnreadableConfig);
        Self {
            notes: vec![problem.to_string()],
            ..Self::new(unknown, source)
        }
    }

    /// What becomes of a connection that the application dials, by the rules of the setup alone.
    pub fn decide(&self, dialled: &Dialled<'_>) -> Decision {
        match &self.membership {
            Membership::Sidecar(config) => {
                let decision = decide(config, dialled);
                match &self.before_change {
                    Some(before) => {
                        let before = decide(before, dialled);
                        before.or(decision, Reason::AnnotationsChanged, Rule::None)
                    }
                    None => decision,
                }
            }
            Membership::NotRedirected => Decision::direct(Reason::InterceptionNone, Rule::None),
            Membership::Ambient(config) => ambient::decide(*config, dialled, 0),
            Membership::Outside(reason) => Decision::direct(*reason, Rule::None),
            Membership::Unknown(reason) => Decision::unknown(*reason, Rule::None),
        }
    }

    /// The settings of the rules; nothing where the pod has none.
    pub fn config(&self) -> Option<&CaptureConfig> {
        match &self.membership {
            Membership::Sidecar(config) => Some(config),
            Membership::NotRedirected
            | Membership::Ambient(_)
            | Membership::Outside(_)
            | Membership::Unknown(_) => None,
        }
    }

    /// The object and field that a setting comes from, as people read it.
    pub fn origin(&self, setting: RuleSetting) -> &str {
        let found = self.origins.iter().find(|(known, _)| *known == setting);
        found.map_or(self.source.as_str(), |(_, origin)| origin)
    }
}
