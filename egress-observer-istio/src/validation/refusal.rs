//! One reason for which Istio refuses an object.

/// What of an object is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusedPart {
    /// One of `spec.hosts` of a ServiceEntry.
    Host,
    /// Several hosts of a ServiceEntry, where nothing but the address tells them apart.
    SeveralHosts,
    /// One of `spec.addresses` of a ServiceEntry.
    Address,
    /// A range among `spec.addresses`, where hosts are looked up.
    Range,
    /// One of `spec.ports` of a ServiceEntry.
    Port,
    /// Endpoints that a ServiceEntry of its resolution cannot have, or lacks.
    Endpoints,
    /// One of `spec.endpoints` of a ServiceEntry.
    Endpoint,
    /// `spec.exportTo` of a ServiceEntry.
    ExportTo,
    /// What a ServiceEntry has once: resolution, location, selector, annotations.
    Setting,
    /// One of `spec.egress` of a Sidecar.
    Egress,
    /// One of `spec.ingress` of a Sidecar, or its connection pool.
    Ingress,
    /// What a Sidecar has once: selector, outbound policy, annotations.
    Scope,
}

/// One reason for which Istio refuses an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What of the object is at fault.
    pub part: RefusedPart,
    /// The field's path, such as `spec.hosts[0]`.
    pub field: String,
    /// What stands there; empty if nothing does.
    pub value: String,
    /// What is wrong with the value, as people read it.
    pub message: String,
    /// What to do about it, as people read it.
    pub fix: String,
}

/// The reasons that were found so far.
#[derive(Debug, Default)]
pub(super) struct Refusals(Vec<Refusal>);

impl Refusals {
    /// Adds one.
    pub(super) fn add(
        &mut self,
        part: RefusedPart,
        field: impl Into<String>,
        value: impl ToString,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.0.push(Refusal {
            part,
            field: field.into(),
            value: value.to_string(),
            message: message.into(),
            fix: fix.into(),
        });
    }

    /// Adds one of a ServiceEntry's hosts: the one at this place of its list, counted from 0.
    pub(super) fn add_host(
        &mut self,
        at: usize,
        host: &str,
        message: impl Into<String>,
        fix: &str,
    ) {
        self.add(
            RefusedPart::Host,
            format!("spec.hosts[{at}]"),
            host,
            message,
            fix,
        );
    }

    pub(super) fn into_vec(self) -> Vec<Refusal> {
        self.0
    }
}
