//! What people should know of statements: contradictions, parts that grow, ranges within others.

use ipnet::IpNet;

use super::super::{
    answer::ClusterRange,
    cover::{hold, joined, merged, version},
    sources::AddressInUse,
    statement::{RangeOrigin, Statement},
};
use egress_observer_istio::vocabulary::{Confidence, RangeOf};

/// Addresses that contradict the ranges that are named.
pub(super) fn outside(own: &[&AddressInUse], statements: &[Statement]) -> Option<String> {
    let out: Vec<_> = own.iter().filter(|one| is_named(one, statements)).collect();
    let first = out.first()?;
    let examples: Vec<_> = out
        .iter()
        .take(3)
        .map(|one| format!("{} ({})", one.whose, one.ip))
        .collect();
    let more = match out.len().saturating_sub(3) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    Some(format!(
        "outside every range of {}: {}{more}; there is another range, or one of those named is not \
         this cluster's",
        first.of,
        examples.join(", ")
    ))
}

/// Whether a range of an address's kind and version is named.
fn is_named(one: &AddressInUse, statements: &[Statement]) -> bool {
    let of_its_kind = (one.of, version(&one.ip.into()));
    statements
        .iter()
        .any(|said| (said.of, version(&said.range)) == of_its_kind)
}

/// Statements that belong together: they do not contradict each other.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct StatementGroup<'s> {
    of: RangeOf,
    version: u8,
    origin: RangeOrigin,
    /// Empty where objects of a kind are several on purpose.
    source: &'s str,
}

impl<'s> StatementGroup<'s> {
    fn new(one: &'s Statement) -> Self {
        let several = matches!(one.origin, RangeOrigin::ServiceCidrs | RangeOrigin::Pools);
        Self {
            of: one.of,
            version: version(&one.range),
            origin: one.origin,
            source: if several { "" } else { &one.source },
        }
    }

    /// The first source, and all ranges.
    fn ranges(&self, statements: &'s [Statement]) -> (&'s str, Vec<IpNet>) {
        let own: Vec<&Statement> = statements
            .iter()
            .filter(|one| StatementGroup::new(one) == *self)
            .collect();
        let source = own.first().map_or("", |one| one.source.as_str());
        (source, merged(own.iter().map(|one| one.range)))
    }
}

/// Origins that name other ranges of the same kind and neither of which holds the other's.
pub(super) fn contradictions(statements: &[Statement]) -> Vec<String> {
    let mut groups: Vec<_> = statements.iter().map(StatementGroup::new).collect();
    groups.sort();
    groups.dedup();
    let mut notes = Vec::new();
    for (place, a) in groups.iter().enumerate() {
        for b in groups.iter().skip(place + 1) {
            if (a.of, a.version) != (b.of, b.version) {
                continue;
            }
            let (source, ranges) = a.ranges(statements);
            let (other, others) = b.ranges(statements);
            if !within(&ranges, &others) && !within(&others, &ranges) {
                notes.push(format!(
                    "two ranges of {}: {source} says {}, {other} says {}; both are in the value, ask \
                     which one is used",
                    a.of,
                    joined(&ranges, ","),
                    joined(&others, ",")
                ));
            }
        }
    }
    notes
}

/// Whether ranges that are merged hold all of others.
fn within(inner: &[IpNet], outer: &[IpNet]) -> bool {
    inner.iter().all(|range| hold(outer, range))
}

/// Pod ranges of which only the parts of today's nodes are known.
pub(super) fn growing(statements: &[Statement]) -> Vec<String> {
    let whole = merged(
        statements
            .iter()
            .filter(|one| one.of == RangeOf::Pods && one.confidence != Confidence::LowerBound)
            .map(|one| one.range),
    );
    let alone = statements
        .iter()
        .filter(|one| one.confidence == Confidence::LowerBound && !hold(&whole, &one.range));
    let mut sources: Vec<_> = alone.map(|one| one.source.as_str()).collect();
    sources.dedup();
    sources
        .into_iter()
        .map(|source| {
            format!(
                "{source}: exact for these nodes, and a part of the cluster's range: a new node gets \
                 another part, which the value would leave out"
            )
        })
        .collect()
}

/// Ranges of one kind within those of another: they are written once.
pub(super) fn inside_another(ranges: &[ClusterRange]) -> Vec<String> {
    let mut notes = Vec::new();
    for range in ranges.iter().filter(|range| range.in_value) {
        let around = ranges.iter().find(|other| {
            other.in_value && other.of != range.of && other.cidr.contains(&range.cidr)
        });
        if let Some(other) = around
            && (other.cidr != range.cidr || range.of == RangeOf::Services)
        {
            notes.push(format!(
                "{} ({}) lies in {} ({}): the value has it once",
                range.cidr, range.of, other.cidr, other.of
            ));
        }
    }
    notes
}
