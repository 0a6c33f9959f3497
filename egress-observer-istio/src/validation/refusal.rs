//! One reason for which Istio refuses an object.

/// What of an object is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusedPart {
    /// `spec.hosts` of a ServiceEntry.
    Host,
    /// Several hosts, where nothing but the address tells.
    SeveralHosts,
    /// `spec.addresses` of a ServiceEntry.
    Address,
    /// A range, where names are looked up.
    Range,
    /// `spec.ports` of a ServiceEntry.
    Port,
    /// Endpoints that a ServiceEntry cannot have.
    Endpoints,
    /// One of its endpoints.
    Endpoint,
    /// `spec.exportTo` of a ServiceEntry.
    ExportTo,
    /// What a ServiceEntry has once: resolution, location, selector, annotations.
    Setting,
    /// `spec.egress` of a Sidecar.
    Egress,
    /// `spec.ingress` of a Sidecar, and its connection pool.
    Ingress,
    /// What a Sidecar has once: selector, outbound policy, annotations.
    Scope,
}

/// One reason for which Istio refuses an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What of the object is at fault.
    pub part: RefusedPart,
    /// The field's path.
    pub field: String,
    /// What stands there; empty if nothing does.
    pub value: String,
    /// What is wrong with it.
    pub message: String,
    /// What to do about it.
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
