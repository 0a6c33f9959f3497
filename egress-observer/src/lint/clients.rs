//! Pods by the rules that they have, or would get, and how they reach what entries declare.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use super::{
    entry::PlacedEntry,
    list::together_hold,
    lists::{CaptureLists, ListOrigin},
    scene::Scene,
};
use egress_observer_istio::{
    registry::Viewer,
    rules::{CaptureConfig, Dialled, Rule, decide},
    vocabulary::{Expected, Protocol, Reason},
};

const EVERYTHING: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0);

/// Pods that have, or would get, the same rules.
pub(super) struct LintClient<'s> {
    whom: String,
    /// `None` for pods of any namespace.
    viewer: Option<Viewer<'s>>,
}

/// Clients whose rules are made from the same: what becomes of a connection is asked once for all.
pub(super) struct ClientGroup<'s> {
    config: CaptureConfig,
    clients: Vec<LintClient<'s>>,
}

/// Pods as far as their rules are known; for templates whose injection is not known, their
/// annotations; and the mesh's values. Where nothing is captured at all, that is said elsewhere.
pub(super) fn client_groups<'s>(
    scene: &'s Scene<'_>,
    lists: &'s [CaptureLists<'_>],
) -> Vec<ClientGroup<'s>> {
    let mut groups: Vec<ClientGroup<'s>> = Vec::new();
    for subject in &scene.subjects {
        if let Some(config) = subject.setup().config() {
            let viewer = Some(scene.viewer(subject));
            add(&mut groups, config, subject.workload(), viewer);
        }
    }
    for lists in lists {
        let mut subjects = scene.subjects.iter();
        let subject = subjects.find(|subject| subject.place == lists.place);
        let told = subject
            .is_some_and(|subject| subject.is_outside() || subject.setup().config().is_some());
        let viewer = match lists.origin {
            ListOrigin::Mesh => None,
            ListOrigin::Annotations | ListOrigin::Arguments => {
                subject.map(|subject| scene.viewer(subject))
            }
        };
        if !told {
            add(&mut groups, &lists.config(), lists.whom.clone(), viewer);
        }
    }
    groups.retain(ClientGroup::captures_something);
    groups
}

fn add<'s>(
    groups: &mut Vec<ClientGroup<'s>>,
    config: &CaptureConfig,
    whom: String,
    viewer: Option<Viewer<'s>>,
) {
    let client = LintClient { whom, viewer };
    match groups.iter_mut().find(|group| group.config == *config) {
        Some(group) => group.clients.push(client),
        None => groups.push(ClientGroup {
            config: config.clone(),
            clients: vec![client],
        }),
    }
}

/// How a client reaches an address.
enum Way {
    Captured,
    /// Direct, because of this.
    Direct(String),
    /// Direct because of the port, which is said where the port is excluded.
    PortExcluded,
}

impl LintClient<'_> {
    /// Whether it sees an entry, as far as it is known who it is.
    fn sees(&self, scene: &Scene<'_>, entry: &PlacedEntry<'_>) -> bool {
        let registry = &scene.snapshot.registry;
        match &self.viewer {
            Some(viewer) => registry.shows(viewer, entry.object),
            None => !registry.export_of(entry.object).is_to_nobody(),
        }
    }
}

impl ClientGroup<'_> {
    /// Those that see an entry.
    pub(super) fn who_sees(
        &self,
        scene: &Scene<'_>,
        entry: &PlacedEntry<'_>,
    ) -> impl Iterator<Item = &str> {
        let seeing = self.clients.iter();
        let seeing = seeing.filter(|client| client.sees(scene, entry));
        seeing.map(|client| client.whom.as_str())
    }

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
    pub(super) fn direct(&self, entry: &PlacedEntry<'_>, range: &IpNet) -> Option<String> {
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
    pub(super) fn misses_names(&self, port: u16) -> bool {
        let config = &self.config;
        !config.include.is_all()
            && !together_hold(config.include.list(), &EVERYTHING.into())
            && config.include_ports.first(port).is_none()
            && config.exclude_ports.first(port).is_none()
    }

    /// Whether no connection to an entry comes to the sidecar.
    pub(super) fn never_gets(&self, entry: &PlacedEntry<'_>) -> bool {
        let mut ports = entry.ports().peekable();
        ports.peek().is_some() && ports.all(|port| self.loses(entry, port))
    }

    fn loses(&self, entry: &PlacedEntry<'_>, port: u16) -> bool {
        if self.config.exclude_ports.first(port).is_some() {
            return true;
        }
        let reached = entry.reached();
        if reached.is_empty() {
            return self.misses_names(port);
        }
        let mut ways = reached.iter().map(|range| self.way(range.network(), port));
        ways.all(|way| !matches!(way, Way::Captured))
    }
}
