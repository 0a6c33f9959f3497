//! Reading the values of one object.

use std::net::IpAddr;

use ipnet::IpNet;

use super::object_ref::{ObjectRef, UnreadableValue};
use crate::vocabulary::Host;

/// Reads the values of one object, and remembers those that it cannot.
pub(super) struct ValueReader {
    object: ObjectRef,
    problems: Vec<UnreadableValue>,
}

impl ValueReader {
    pub(super) fn new(object: ObjectRef) -> Self {
        Self {
            object,
            problems: Vec::new(),
        }
    }

    pub(super) fn into_problems(self) -> Vec<UnreadableValue> {
        self.problems
    }

    pub(super) fn net(&mut self, field: &'static str, text: &str) -> Option<IpNet> {
        let net = text
            .parse()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        self.checked(field, text, "an address or a CIDR", net.ok())
    }

    pub(super) fn ip(&mut self, field: &'static str, text: &str) -> Option<IpAddr> {
        self.checked(field, text, "an address", text.parse().ok())
    }

    pub(super) fn host(&mut self, field: &'static str, text: &str) -> Option<Host> {
        self.checked(field, text, "a host, or `*.` and a host", Host::parse(text))
    }

    pub(super) fn checked<T>(
        &mut self,
        field: &'static str,
        text: &str,
        expected: &'static str,
        read: Option<T>,
    ) -> Option<T> {
        if read.is_none() {
            self.problems.push(UnreadableValue {
                object: self.object.clone(),
                field,
                value: text.to_owned(),
                expected,
            });
        }
        read
    }
}
