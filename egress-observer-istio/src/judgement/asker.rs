//! Who connects, and what the rules of its pod do with a connection.

use std::{
    cell::RefCell,
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
};

use egress_observer_common::Count;

use super::{anywhere, evidence::Evidence};
use crate::{
    injection::{
        pod::{ContainerRole, Pod, ProxyPresence, Rules},
        setup::Setup,
    },
    registry::{RegistryQuery, Viewer},
    rules::{Decision, Dialled, OwnerGroups, PortKind, Rule},
    view::Snapshot,
    vocabulary::{NameReach, Policy, Protocol, Reason},
};

/// The socket of a connection, as far as the rules look at it. `None` is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClientSocket {
    /// The user that the socket belongs to; where that is not known, it is taken to be none of the
    /// proxy's.
    pub uid: Option<u32>,
    /// The group that the socket belongs to.
    pub gid: Option<u32>,
    /// The name of the device that the connection leaves by.
    pub interface: Option<String>,
    /// The address that the socket is bound to.
    pub source: Option<IpAddr>,
}

/// Where a connection goes, names apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address that the client dials; `None` where only names are known.
    pub ip: Option<IpAddr>,
    /// The port that the client dials.
    pub port: u16,
    /// The transport protocol.
    pub protocol: Protocol,
}

impl Endpoint {
    /// The question to the registry that this endpoint makes with a host's name, or without one.
    pub fn query<'n>(&self, host: Option<&'n str>) -> RegistryQuery<'n> {
        RegistryQuery {
            ip: self.ip,
            host,
            port: self.port,
            protocol: self.protocol,
        }
    }
}

/// Who connects: a process of a pod, with what is the same for all of its connections.
#[derive(Debug)]
pub struct Asker<'a> {
    pub(super) pod: &'a Pod,
    pub(super) role: ContainerRole,
    pub(super) viewer: Viewer<'a>,
    pub(super) policy: Option<Policy>,
    /// Why the policy is not known, if it is not.
    pub(super) policy_lacks: Reason,
    socket: ClientSocket,
    /// Decisions at any address.
    anywhere: RefCell<HashMap<Alike, Decision>>,
}

/// Which of a pod's setups is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The setup that was made when the pod started.
    Applied,
    /// The setup that today's configuration would make.
    Desired,
}

/// What is decided alike where no address is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Alike {
    stage: Stage,
    ports: [PortKind; 2],
    protocol: Protocol,
    reach: NameReach,
}

impl<'a> Asker<'a> {
    /// A process of a container with this role, by whose socket it connects. What it sees of the
    /// mesh is what its pod sees.
    pub fn new(
        snapshot: &'a Snapshot,
        pod: &'a Pod,
        role: ContainerRole,
        socket: ClientSocket,
    ) -> Self {
        Self {
            pod,
            role,
            viewer: snapshot.viewer(pod),
            policy: snapshot.policy(pod),
            policy_lacks: snapshot.policy_lacks(pod),
            socket,
            anywhere: RefCell::default(),
        }
    }

    /// The same process, where its sidecar does something else with what the mesh does not know.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// The role of the process' container in the pod.
    pub fn role(&self) -> ContainerRole {
        self.role
    }

    /// The socket that the process connects by.
    pub fn socket(&self) -> &ClientSocket {
        &self.socket
    }

    /// What the sidecar does with what the mesh does not know; `None` where that is not known.
    pub fn policy(&self) -> Option<Policy> {
        self.policy
    }

    /// The view of the registry that the pod has.
    pub fn viewer(&self) -> &Viewer<'a> {
        &self.viewer
    }

    /// What one of the pod's setups does with a connection. Without an address it is what holds at
    /// every one that the name may have, and without a group what holds for all, as far as owner groups
    /// are concerned.
    pub fn decide(&self, stage: Stage, to: &Endpoint, reach: NameReach) -> Decision {
        let setup = match stage {
            Stage::Applied => &self.pod.applied,
            Stage::Desired => &self.pod.desired,
        };
        if to.ip.is_some() {
            return self.in_any_group(setup, to, reach);
        }
        let configs = [setup.config(), setup.before_change.as_deref()];
        let key = Alike {
            stage,
            ports: configs.map(|config| PortKind::new(config, to.port)),
            protocol: to.protocol,
            reach,
        };
        if let Some(known) = self.anywhere.borrow().get(&key) {
            return *known;
        }
        let decision = self.in_any_group(setup, to, reach);
        self.anywhere.borrow_mut().insert(key, decision);
        decision
    }

    /// Whether what is decided holds only as the name leads to no link-local address.
    pub fn rests_on_name(&self, stage: Stage, to: &Endpoint, reach: NameReach) -> bool {
        to.ip.is_none()
            && reach == NameReach::Public
            && self.decide(stage, to, reach) != self.decide(stage, to, NameReach::Anywhere)
    }

    /// Why a captured connection to an address is refused, whatever the policy: no proxy runs yet, or
    /// it has no listener for the family.
    pub(super) fn unheard(&self, ip: Option<IpAddr>, evidence: Evidence) -> Option<Reason> {
        if self.has_no_proxy(evidence) {
            Some(Reason::ProxyNotRunning)
        } else {
            let unheard = ip.is_some_and(|ip| !self.pod.hears(ip));
            unheard.then_some(Reason::NoListenerForFamily)
        }
    }

    /// Whether no proxy ran, which is not so if it was seen to accept. Where it starts later, only a
    /// refusal is of before: what the rules capture is refused by nobody but this pod's own kernel. If the
    /// rules were made later, too, the destination may have refused as well.
    fn has_no_proxy(&self, evidence: Evidence) -> bool {
        match self.role.proxy {
            ProxyPresence::Runs => false,
            ProxyPresence::StartsLater => {
                self.role.rules == Rules::Made && evidence == Evidence::Kernel(Count::Refused)
            }
            ProxyPresence::Never => evidence != Evidence::Kernel(Count::Captured),
        }
    }

    fn in_any_group(&self, setup: &Setup, to: &Endpoint, reach: NameReach) -> Decision {
        match (self.socket.gid, setup.config()) {
            (Some(gid), _) => self.in_group(setup, to, gid, reach),
            (None, Some(config)) => {
                let [one, other] = unknown_group(&config.owner_groups);
                let [one, other] = [one, other].map(|gid| self.in_group(setup, to, gid, reach));
                other.or(one, Reason::OwnerGroup, Rule::OwnerGroup)
            }
            (None, None) => self.in_group(setup, to, u32::MAX, reach),
        }
    }

    fn in_group(&self, setup: &Setup, to: &Endpoint, gid: u32, reach: NameReach) -> Decision {
        match self.role.rules {
            Rules::NotYet if setup.config().is_some() => {
                Decision::direct(Reason::InitContainer, Rule::None)
            }
            Rules::Unknown if setup.config().is_some() => {
                Decision::unknown(Reason::NotAttributed, Rule::None)
            }
            Rules::Made | Rules::MadeLater | Rules::NotYet | Rules::Unknown => {
                let dialled = self.dialled(to, gid);
                match to.ip {
                    Some(_) => setup.decide(&dialled),
                    None => anywhere::decide(setup, &dialled, reach),
                }
            }
        }
    }

    /// The connection as the rules see it, in this group.
    fn dialled(&self, to: &Endpoint, gid: u32) -> Dialled<'_> {
        Dialled {
            ip: to.ip.unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
            port: to.port,
            protocol: to.protocol,
            uid: self.socket.uid.unwrap_or(u32::MAX),
            gid,
            own: &self.pod.ips,
            source: self.socket.source,
            interface: self.socket.interface.as_deref(),
        }
    }

    /// What the setup that was applied does at another address than the one asked for.
    pub fn applied_at(&self, ip: IpAddr, to: &Endpoint) -> Decision {
        let gid = self.socket.gid.unwrap_or(u32::MAX);
        let dialled = self.dialled(to, gid);
        self.pod.applied.decide(&Dialled { ip, ..dialled })
    }
}

/// Two groups that stand for all when it is not known which one it is: one that nothing is about, and
/// one that owner groups are about, if there are any.
fn unknown_group(groups: &OwnerGroups) -> [u32; 2] {
    let listed = groups.include.as_ref().unwrap_or(&groups.exclude);
    [u32::MAX, listed.first().copied().unwrap_or(u32::MAX)]
}
