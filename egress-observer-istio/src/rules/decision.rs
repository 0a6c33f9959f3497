//! What the rules do with a connection.

use super::rule::Rule;
use crate::vocabulary::{Expected, Reason};

/// `Decision` is what the rules do with a connection, and which one decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What they do.
    pub expected: Expected,
    /// The kind of rule, or what is missing to tell.
    pub reason: Reason,
    /// The listener that gets a captured connection, where it is known.
    pub port: Option<u16>,
    /// The rule itself.
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

    /// Nothing redirects the connection.
    pub const fn direct(reason: Reason, rule: Rule) -> Self {
        Self {
            expected: Expected::Direct,
            reason,
            port: None,
            rule,
        }
    }

    /// What happens to the connection cannot be told.
    pub const fn unknown(reason: Reason, rule: Rule) -> Self {
        Self {
            expected: Expected::Unknown,
            reason,
            port: None,
            rule,
        }
    }

    /// What is certain when either may be is the common part, and otherwise the reason why it is
    /// open.
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
