//! A range that an object names: where, and how sure it is.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::lint::output::plain;
use egress_observer_istio::{
    objects::Metadata,
    rules::prefix,
    vocabulary::{Confidence, RangeOf},
};

/// Where a statement stands. Statements of one origin do not contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RangeOrigin {
    ServiceCidrs,
    ApiServer,
    ControllerManager,
    NodeArguments,
    OpenShift,
    Pools,
    Cilium,
    Flannel,
    Terway,
    Kubeadm,
    KubeProxy,
    Nodes,
    CiliumNodes,
    Observed,
}

/// A range that something names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) range: IpNet,
    pub(super) of: RangeOf,
    pub(super) confidence: Confidence,
    pub(super) origin: RangeOrigin,
    /// The object and field, for people.
    pub(super) source: String,
}

/// Everything that objects say.
#[derive(Debug, Default)]
pub(super) struct RangeStatements {
    pub(super) statements: Vec<Statement>,
    /// What people should know: text that is no range, hints.
    pub(super) notes: Vec<String>,
}

/// Where ranges stand, before they are read.
pub(super) struct RangePlace {
    pub(super) of: RangeOf,
    pub(super) confidence: Confidence,
    pub(super) origin: RangeOrigin,
    pub(super) source: String,
}

impl Statement {
    /// Whether one origin says the same twice.
    fn is_same(&self, other: &Self) -> bool {
        (self.range, self.of, self.origin) == (other.range, other.of, other.origin)
    }
}

impl RangeStatements {
    /// Takes in ranges as they are written, with a comma or blank between two. What is said twice
    /// by one origin is said once.
    pub(super) fn ranges(&mut self, place: &RangePlace, text: &str) {
        let words = text.split(|c: char| c == ',' || c.is_whitespace());
        for word in words.filter(|word| !word.is_empty()) {
            let (source, of) = (&place.source, place.of);
            let Some(written) = prefix(word).filter(|range| range.prefix_len() > 0) else {
                let word = plain(word);
                self.notes
                    .push(format!("{source}: `{word}` is no range of {of}"));
                continue;
            };
            let range = written.trunc();
            if range != written {
                self.notes.push(format!(
                    "{source} has host bits: {written} is {range}, which is what counts"
                ));
            }
            let statement = Statement {
                range,
                of,
                confidence: place.confidence,
                origin: place.origin,
                source: source.clone(),
            };
            let mut known = self.statements.iter();
            if !known.any(|known| known.is_same(&statement)) {
                self.statements.push(statement);
            }
        }
    }
}

/// Namespace and name for people.
pub(super) fn name(metadata: &Metadata) -> String {
    plain(&format!("{}/{}", metadata.namespace, metadata.name))
}

/// An address as objects have it.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}
