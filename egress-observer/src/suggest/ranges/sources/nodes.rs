//! Parts of the pods' range that nodes have.

use super::super::{
    cover::merged,
    statement::{RangeOrigin, RangeStatements, Statement},
};
use egress_observer_istio::{
    rules::prefix,
    vocabulary::{Confidence, RangeOf},
};

/// Parts as they are written, and how many nodes have one.
#[derive(Debug, Default)]
pub(super) struct NodeParts<'o> {
    written: Vec<&'o str>,
    n_nodes: usize,
}

impl<'o> NodeParts<'o> {
    /// Takes in those of a node: a list, and the text of nodes that have only one.
    pub(super) fn add(&mut self, listed: &'o [String], single: &'o str) {
        self.written.extend(listed.iter().map(String::as_str));
        self.written.push(single);
        self.n_nodes += usize::from(!single.is_empty() || !listed.is_empty());
    }

    /// Each node has a part of the cluster's range: together they are what is in use today.
    pub(super) fn say(self, said: &mut RangeStatements, origin: RangeOrigin, field: &str) {
        let plural = if self.n_nodes == 1 { "" } else { "s" };
        let source = format!("{field} of {} node{plural}", self.n_nodes);
        let ranges = self.written.iter().filter_map(|text| prefix(text.trim()));
        for range in merged(ranges.filter(|range| range.prefix_len() > 0)) {
            said.statements.push(Statement {
                range,
                of: RangeOf::Pods,
                confidence: Confidence::LowerBound,
                origin,
                source: source.clone(),
            });
        }
    }
}
