//! Lists of ranges by themselves: empty, written oddly, one against the other.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{
    code::LintCode,
    finding::LintFinding,
    list::{List, together_hold},
    lists::{CaptureLists, ListOrigin},
    scene::Scene,
};

pub(super) fn findings(_scene: &Scene<'_>, lists: &CaptureLists<'_>) -> Vec<LintFinding> {
    let both = [&lists.include, &lists.exclude];
    let own = both.into_iter().filter(|list| list.own);
    own.flat_map(|list| {
        host_bits(lists, list)
            .into_iter()
            .chain(repeated(lists, list))
    })
    .chain(empty(lists))
    .chain(never_captured(lists))
    .chain(one_family(lists))
    .chain(loopback(lists))
    .chain(everything_excluded(lists))
    .collect()
}

fn everything() -> [IpNet; 2] {
    [
        Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0).into(),
        Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0).into(),
    ]
}

fn empty(lists: &CaptureLists<'_>) -> Option<LintFinding> {
    let list = &lists.include;
    let only_ports = list.elements().next().is_none() && !lists.include_ports.text.is_empty();
    let is_empty = list.own && !list.is_star() && list.elements().next().is_none();
    if !is_empty || only_ports {
        return None;
    }
    if lists.origin == ListOrigin::Mesh && lists.cni {
        return Some(lists.finding(
            LintCode::EmptyUnderCni,
            list,
            list.text,
            "the injector writes no annotation for an empty value, and the CNI plugin's default is \
             `*`: everything is captured, and not nothing as with istio-init",
            "say what is meant: `*`, or the ranges to capture",
        ));
    }
    let whom = match lists.origin {
        ListOrigin::Mesh => "every pod without an annotation of its own",
        ListOrigin::Annotations | ListOrigin::Arguments => "the pod",
    };
    Some(lists.finding(
        LintCode::NothingCaptured,
        list,
        list.text,
        format!(
            "an empty list is not \"all\": nothing is captured, {whom} bypasses its sidecar, and \
             the mesh does nothing for it"
        ),
        "write `*` to capture everything, or the cluster's own ranges; to leave the mesh, switch \
         injection off",
    ))
}

fn host_bits(lists: &CaptureLists<'_>, list: &List<'_>) -> Vec<LintFinding> {
    let ranges = list.elements().filter_map(|(_, range)| range);
    ranges
        .filter(|range| range.addr() != range.network())
        .map(|range| {
            let meant = range.trunc();
            let message = format!("{range} acts as {meant}: bits behind the length do not count");
            let fix = format!("write {meant}, or {} for one address", host(range));
            lists.finding(LintCode::HostBits, list, range, message, fix)
        })
        .collect()
}

fn host(range: IpNet) -> IpNet {
    IpNet::from(range.addr())
}

/// Ranges that lie in another one of the same list; of two equal ones, the second.
fn repeated(lists: &CaptureLists<'_>, list: &List<'_>) -> Vec<LintFinding> {
    let ranges = list.ranges();
    let found = ranges.iter().enumerate();
    found
        .filter_map(|(at, range)| Some((range, outer_of(&ranges, at, range)?)))
        .map(|(range, outer)| {
            let message = format!("{range} lies in {outer} of the same list and changes nothing");
            lists.finding(LintCode::Redundant, list, range, message, "remove it")
        })
        .collect()
}

/// The range that makes the one at a place redundant.
fn outer_of<'r>(ranges: &'r [IpNet], at: usize, range: &IpNet) -> Option<&'r IpNet> {
    let mut others = ranges.iter().enumerate();
    let found = others.find(|(other, outer)| {
        let equal = outer.trunc() == range.trunc();
        *other != at && outer.contains(range) && (!equal || *other < at)
    });
    found.map(|(_, outer)| outer)
}

fn never_captured(lists: &CaptureLists<'_>) -> Vec<LintFinding> {
    let (include, exclude) = (&lists.include, &lists.exclude);
    let list = if include.own { include } else { exclude };
    let excluded = exclude.ranges();
    let everything = everything();
    let mut findings = Vec::new();
    for range in include.ranges() {
        let outer = excluded.iter().find(|outer| outer.contains(&range));
        // That everything is excluded is said there.
        if let Some(outer) = outer.filter(|outer| list.own && !everything.contains(outer)) {
            findings.push(lists.finding(
                LintCode::NeverCaptured,
                list,
                range,
                format!(
                    "{range} is included and lies in the excluded {outer}: excluded ranges win, \
                     and nothing of it is captured"
                ),
                "remove it from one of the two lists",
            ));
        }
    }
    findings
}

fn one_family(lists: &CaptureLists<'_>) -> Option<LintFinding> {
    let list = &lists.include;
    let ranges = list.ranges();
    let [v4, v6] = everything();
    let held = [v4, v6].map(|all| together_hold(&ranges, &all));
    let (range, other) = match (list.own, held) {
        (true, [true, false]) => (v4, "IPv6"),
        (true, [false, true]) => (v6, "IPv4"),
        _ => return None,
    };
    Some(lists.finding(
        LintCode::OneFamily,
        list,
        range,
        format!("{range} is not `*`: {other} is not in the list, and goes direct"),
        "write `*`",
    ))
}

fn loopback(lists: &CaptureLists<'_>) -> Option<LintFinding> {
    let list = &lists.include;
    let range = list
        .ranges()
        .into_iter()
        .find(|range| range.addr().is_loopback());
    let range = range.filter(|_| list.own)?;
    Some(lists.finding(
        LintCode::LoopbackIncluded,
        list,
        range,
        format!(
            "with {range} among the included ranges the rule that keeps a pod's calls to itself \
             direct is not made: what it dials at its own address goes through the sidecar, too"
        ),
        "remove it, unless just that is meant",
    ))
}

fn everything_excluded(lists: &CaptureLists<'_>) -> Option<LintFinding> {
    let list = &lists.exclude;
    let ranges = list.ranges();
    let all = everything()
        .into_iter()
        .find(|all| together_hold(&ranges, all));
    let all = all.filter(|_| list.own)?;
    Some(lists.finding(
        LintCode::AllExcluded,
        list,
        list.text,
        format!(
            "the list holds all of {all}, and excluded ranges win over included ports and ranges: \
             nothing of it is captured, in the cluster neither"
        ),
        "exclude what has to bypass the sidecar; to let init containers out, run them as user \
         1337 or use native sidecars",
    ))
}
