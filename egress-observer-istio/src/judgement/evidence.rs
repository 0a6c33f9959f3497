//! What there is to tell a connection's path by.

use egress_observer_common::Count;

use crate::{
    rules::Decision,
    vocabulary::{Expected, ObservedPath, Protocol, Reason, Scope},
};

/// What is known of the path that a connection took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The kernel saw the connection end like this.
    Kernel(Count),
    /// Nobody saw a connection: the kernel is taken to do what the pod was set up for.
    AsApplied,
}

/// What the evidence proves of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Observed {
    /// The mesh's listener accepted the connection.
    Captured,
    /// The connection went out as it is.
    Direct,
    /// Nothing proves a path, for this reason.
    Unknown(Reason),
}

impl Observed {
    /// The path without the reason.
    pub(super) const fn path(self) -> ObservedPath {
        match self {
            Self::Captured => ObservedPath::Captured,
            Self::Direct => ObservedPath::Direct,
            Self::Unknown(_) => ObservedPath::Unknown,
        }
    }
}

impl Evidence {
    /// Which path this proves of a connection that the rules decide so.
    pub(super) fn observed(self, applied: Decision, protocol: Protocol, scope: Scope) -> Observed {
        match self {
            Self::AsApplied => as_applied(applied),
            // Nothing proves that the proxy got a datagram.
            Self::Kernel(_)
                if protocol == Protocol::Udp && applied.expected != Expected::Direct =>
            {
                Observed::Unknown(applied.reason)
            }
            Self::Kernel(count) => seen(count, scope),
        }
    }

    /// Which path an ending proves of a connection of nobody who is known.
    pub fn of_nobody(count: Count, scope: Scope) -> ObservedPath {
        seen(count, scope).path()
    }
}

fn as_applied(applied: Decision) -> Observed {
    match applied.expected {
        Expected::Captured => Observed::Captured,
        Expected::Direct => Observed::Direct,
        Expected::Unknown => Observed::Unknown(applied.reason),
    }
}

/// UDP has no ending to prove a path by: the mesh has no listener for it, so it goes out as it is
/// (DNS, where the proxy may answer it, apart).
fn seen(count: Count, scope: Scope) -> Observed {
    match count {
        Count::Attempt | Count::Direct => Observed::Direct,
        Count::Captured => Observed::Captured,
        // To an address of the pod itself, another listener is where it wanted to go.
        Count::OtherListener if scope == Scope::Local => Observed::Direct,
        Count::OtherListener => Observed::Unknown(Reason::OtherListener),
        Count::Unproven => Observed::Unknown(Reason::ListenerUnseen),
        Count::OutcomeLost => Observed::Unknown(Reason::OutcomeLost),
        Count::Refused
        | Count::TimedOut
        | Count::Unreachable
        | Count::Closed
        | Count::OtherError
        | Count::NotSent => Observed::Unknown(Reason::NotEstablished),
    }
}
