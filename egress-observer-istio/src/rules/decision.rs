//! What the rules do with a connection.

use super::rule::Rule;
use crate::vocabulary::{Expected, Reason};

/// `Decision` is what the rules do with a connection, and which one decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What the rules do with the connection.
    pub expected: Expected,
    /// The kind of rule that decides, or what is missing to tell.
    pub reason: Reason,
    /// The port of the listener that gets a captured connection; `None` where it is not known or
    /// the connection is not captured.
    pub port: Option<u16>,
    /// The rule that decides.
    pub rule: Rule,
}

impl Decision {
    /// The listener at this port gets the connection.
    pub(super) const fn captured(reason: Reason, port: u16, rule: Rule) -> Self {
        Self {
            expected: Expected::Captured,
            reason,
            port: Some(port),
            rule,
        }
    }

    /// The decision that nothing redirects the connection.
    pub const fn direct(reason: Reason, rule: Rule) -> Self {
        Self {
            expected: Expected::Direct,
            reason,
            port: None,
            rule,
        }
    }

    /// The decision that it cannot be told what happens to the connection.
    pub const fn unknown(reason: Reason, rule: Rule) -> Self {
        Self {
            expected: Expected::Unknown,
            reason,
            port: None,
            rule,
        }
    }

    /// The decision where it may be this one or the other: what they have in common is certain, and
    /// the rest is unknown, for the reason `open`.
    pub fn or(self, other: Self, open: Reason, rule: Rule) -> Self {
        if self.expected == other.expected && self.port == other.port {
            return other;
        }
        if self.expected == other.expected {
            return Self {
                port: None,
                reason: open,
                rule,
                ..self
            };
        }
        Self::unknown(open, rule)
    }
}
