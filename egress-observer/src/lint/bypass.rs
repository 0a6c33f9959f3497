//! ServiceEntries, and what routes to them, whose connections no sidecar gets.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use ipnet::{IpNet, Ipv4Net};

use super::{
    code::Code,
    finding::Finding,
    hosts::overlap,
    lists::{Lists, Origin, together_hold},
    routing::routed,
    scene::{Entry, Scene},
};
use egress_observer_istio::{
    rules::{CaptureConfig, Dialled, Rule, decide},
    vocabulary::{Expected, Protocol, Reason},
};

const EVERYTHING: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0);

/// Pods that have, or would get, the same rules.
struct Client {
    whom: String,
    /// `None` for pods of any namespace.
    namespace: Option<String>,
    config: CaptureConfig,
}

pub(super) fn findings(scene: &Scene<'_>, lists: &[Lists<'_>]) -> Vec<Finding> {
    let clients = clients(scene, lists);
    let mut findings = Vec::new();
    let mut void: Vec<(&Entry<'_>, BTreeSet<&str>)> = Vec::new();
    for entry in &scene.entries {
        let seen = clients.iter().filter(|client| {
            let namespace = client.namespace.as_deref();
            namespace.is_none_or(|namespace| entry.is_seen_in(namespace))
        });
        let seen: Vec<&Client> = seen.collect();
        findings.extend(by_address(entry, &seen));
        findings.extend(by_name(entry, &seen));
        let lost = seen.iter().filter(|client| client.never_sees(entry));
        let lost: BTreeSet<&str> = lost.map(|client| client.whom.as_str()).collect();
        if !lost.is_empty() {
            void.push((entry, lost));
        }
    }
    findings.extend(routing(scene, &void));
    findings
}

/// Pods as far as their rules are known; for templates whose injection is not known, their
/// annotations; and the mesh's values. Where nothing is captured at all, that is said elsewhere.
fn clients(scene: &Scene<'_>, lists: &[Lists<'_>]) -> Vec<Client> {
    let known = scene.subjects.iter().filter_map(|subject| {
        let config = subject.setup().config()?;
        Some(Client {
            whom: subject.workload(),
            namespace: Some(subject.pod.namespace.to_string()),
            config: config.clone(),
        })
    });
    let written = lists.iter().filter_map(|lists| {
        let mut subjects = scene.subjects.iter();
        let subject = subjects.find(|subject| subject.place == lists.place);
        let told = subject
            .is_some_and(|subject| subject.is_outside() || subject.setup().config().is_some());
        (!told).then(|| Client {
            whom: lists.whom.clone(),
            namespace: (lists.origin != Origin::Mesh).then(|| lists.place.namespace.clone()),
            config: lists.config(),
        })
    });
    known
        .chain(written)
        .filter(Client::captures_something)
        .collect()
}

/// How a client reaches an address.
enum Way {
    Captured,
    /// Direct, because of this.
    Direct(String),
    /// Direct because of the port, which is said where the port is excluded.
    PortExcluded,
}

impl Client {
    fn captures_something(&self) -> bool {
        let config = &self.config;
        let none = !config.include.is_all()
            && config.include.list().is_empty()
            && config.include_ports.list().is_empty();
        !none && !together_hold(config.exclude.list(), &EVERYTHING.into())
    }

    fn way(&self, ip: IpAddr, port: u16) -> Way {
        // Nobody whom a rule names.
        const NOBODY: u32 = 65_534;
        let decision = decide(
            &self.config,
            &Dialled {
                ip,
                port,
                protocol: Protocol::Tcp,
                uid: NOBODY,
                gid: NOBODY,
                own: &[],
                source: None,
                interface: None,
            },
        );
        match (decision.expected, decision.reason, decision.rule) {
            (Expected::Direct, Reason::ExcludedPort, _) => Way::PortExcluded,
            (Expected::Direct, Reason::ExcludedRange, Rule::ExcludedRange(place)) => {
                let range = self.config.exclude.list().get(place as usize);
                Way::Direct(match range {
                    Some(range) => format!("{range} is excluded"),
                    None => "it is excluded".to_owned(),
                })
            }
            (Expected::Direct, Reason::NotIncluded, _) => {
                Way::Direct("no included range holds it".to_owned())
            }
            _ => Way::Captured,
        }
    }

    /// Why the first of an entry's ports goes direct at a range, at either end of it.
    fn direct(&self, entry: &Entry<'_>, range: &IpNet) -> Option<String> {
        let ends = [range.network(), range.broadcast()];
        let ports = entry.ports();
        ports
            .flat_map(|port| ends.map(|ip| self.way(ip, port)))
            .find_map(|way| match way {
                Way::Direct(why) => Some(why),
                Way::Captured | Way::PortExcluded => None,
            })
    }

    /// Whether hosts whose addresses nobody declares bypass on a port, wherever they are outside
    /// the included ranges.
    fn misses_names(&self, port: u16) -> bool {
        let config = &self.config;
        !config.include.is_all()
            && !together_hold(config.include.list(), &EVERYTHING.into())
            && config.include_ports.first(port).is_none()
            && config.exclude_ports.first(port).is_none()
    }

    /// Whether no connection to an entry comes to the sidecar.
    fn never_sees(&self, entry: &Entry<'_>) -> bool {
        let lost = |port: u16| {
            let reached = entry.reached();
            if self.config.exclude_ports.first(port).is_some() {
                return true;
            }
            if reached.is_empty() {
                return self.misses_names(port);
            }
            let mut ways = reached.iter().map(|range| self.way(range.network(), port));
            ways.all(|way| !matches!(way, Way::Captured))
        };
        entry.ports().next().is_some() && entry.ports().all(lost)
    }
}

/// Addresses that are declared, outside the included ranges or in an excluded one.
fn by_address(entry: &Entry<'_>, clients: &[&Client]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (field, text, range) in entry.declared() {
        let direct = clients
            .iter()
            .filter_map(|client| Some((client.whom.as_str(), client.direct(entry, &range)?)));
        let direct: Vec<(&str, String)> = direct.collect();
        if let Some((_, why)) = direct.first() {
            let whom = direct.iter().map(|(whom, _)| *whom).collect();
            let message = format!(
                "{why}: connections of {} to {text} bypass the sidecar, and the entry counts for \
                 nothing there",
                names(&whom)
            );
            let fix = "include the address, or remove the entry if the bypass is meant";
            findings.push(
                entry
                    .place
                    .finding(Code::DeclaredBypass, field, text, message, fix),
            );
        }
    }
    findings
}

/// Hosts whose addresses nobody declares, where only some ranges are included.
fn by_name(entry: &Entry<'_>, clients: &[&Client]) -> Option<Finding> {
    let spec = &entry.object.spec;
    let inside = spec.location == "MESH_INTERNAL" || spec.workload_selector.is_some();
    if inside || !entry.reached().is_empty() {
        return None;
    }
    let missed = |client: &&&Client| entry.ports().any(|port| client.misses_names(port));
    let whom: BTreeSet<&str> = clients
        .iter()
        .filter(missed)
        .map(|client| client.whom.as_str())
        .collect();
    let host = spec.hosts.first().filter(|_| !whom.is_empty())?;
    let message = format!(
        "only some ranges are included for {}: connections to {host} bypass the sidecar, unless \
         its addresses lie in them",
        names(&whom)
    );
    let fix = "include the host's addresses or all (`*`), or remove the entry if the bypass is \
               meant";
    Some(
        entry
            .place
            .finding(Code::NameBypass, "spec.hosts[0]", host, message, fix),
    )
}

/// Routing for hosts of entries that some sidecar never sees connections to.
fn routing(scene: &Scene<'_>, void: &[(&Entry<'_>, BTreeSet<&str>)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for routed in routed(scene.objects) {
        let mut void = void.iter();
        let found = void.find(|(entry, _)| {
            let mut hosts = entry.object.spec.hosts.iter();
            routed.host != "*" && hosts.any(|host| overlap(host, routed.host))
        });
        if let Some((entry, whom)) = found {
            let message = format!(
                "connections to this host bypass the sidecars of {}, see {}: \
                 nothing of this object applies there",
                names(whom),
                entry.place
            );
            let fix = "have the host's connections captured, or remove the object";
            findings.push(routed.place.finding(
                Code::VoidRouting,
                routed.field,
                routed.host,
                message,
                fix,
            ));
        }
    }
    findings
}

/// A few of them.
fn names(whom: &BTreeSet<&str>) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<&str> = whom.iter().take(SHOWN).copied().collect();
    match whom.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
