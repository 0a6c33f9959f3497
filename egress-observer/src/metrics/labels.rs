//! The labels of the connection families, in the order that they are written in.

use std::{fmt::Display, sync::Arc};

use crate::finding::{FindingKind, Service};
use egress_observer_istio::vocabulary::{
    Actor, ConnectionFailure, ObservedPath, Protocol, Reason, RegistryMatch, Scope, Verdict,
};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WorkloadLabels {
    pub(super) namespace: Arc<str>,
    pub(super) name: Arc<str>,
}

impl WorkloadLabels {
    pub(super) fn of(kind: &FindingKind) -> Self {
        Self {
            namespace: Arc::clone(&kind.namespace),
            name: Arc::clone(&kind.workload),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ConnectionLabels {
    pub(super) workload: WorkloadLabels,
    pub(super) protocol: Protocol,
    pub(super) actor: Actor,
    pub(super) scope: Scope,
    pub(super) path: ObservedPath,
    pub(super) verdict: Verdict,
    pub(super) reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DestinationLabels {
    pub(super) workload: WorkloadLabels,
    pub(super) service: Service,
    /// `None` where many are folded.
    pub(super) port: Option<u16>,
    pub(super) protocol: Protocol,
    pub(super) path: ObservedPath,
    pub(super) registry: RegistryMatch,
    pub(super) verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FailureLabels {
    pub(super) workload: WorkloadLabels,
    pub(super) scope: Scope,
    pub(super) error: ConnectionFailure,
}

/// What a family's labels can do.
pub(super) trait Labels: Ord {
    fn workload(&self) -> &WorkloadLabels;
    /// Names and values, without the workload's, which every family has first.
    fn each(&self, label: &mut dyn FnMut(&str, &dyn Display));
}

impl Labels for WorkloadLabels {
    fn workload(&self) -> &WorkloadLabels {
        self
    }

    fn each(&self, _: &mut dyn FnMut(&str, &dyn Display)) {}
}

impl Labels for ConnectionLabels {
    fn workload(&self) -> &WorkloadLabels {
        &self.workload
    }

    fn each(&self, label: &mut dyn FnMut(&str, &dyn Display)) {
        label("protocol", &self.protocol);
        label("actor", &self.actor);
        label("scope", &self.scope);
        label("path", &self.path);
        label("verdict", &self.verdict);
        label("reason", &self.reason);
    }
}

impl Labels for DestinationLabels {
    fn workload(&self) -> &WorkloadLabels {
        &self.workload
    }

    fn each(&self, label: &mut dyn FnMut(&str, &dyn Display)) {
        label("destination_service", &self.service);
        match self.port {
            Some(port) => label("destination_port", &port),
            None => label("destination_port", &Service::Other),
        }
        label("protocol", &self.protocol);
        label("path", &self.path);
        label("registry", &self.registry);
        label("verdict", &self.verdict);
    }
}

impl Labels for FailureLabels {
    fn workload(&self) -> &WorkloadLabels {
        &self.workload
    }

    fn each(&self, label: &mut dyn FnMut(&str, &dyn Display)) {
        label("scope", &self.scope);
        label("error", &self.error);
    }
}
