//! Whose a connection is, and whether it is too early to say.

use std::{sync::Arc, time::Duration};

use egress_observer_common::FlowKey;

use crate::cgroup::{CgroupPlace, Cgroups};
use egress_observer_istio::{
    injection::pod::{ContainerRole, Pod, Rules},
    view::Snapshot,
    vocabulary::{Reason, Unattributed},
};

/// Whose connection it is.
#[derive(Clone, Debug)]
pub enum FlowOwner<'a> {
    /// A pod's.
    Pod {
        /// The pod.
        pod: &'a Arc<Pod>,
        /// Id of the container that connected, if it is one's.
        container: Option<&'a str>,
        /// What it is.
        role: ContainerRole,
    },
    /// The node's own, not a pod's.
    Node,
    /// A pod's, or nobody knows whose.
    Unknown(Unattributed),
}

impl FlowOwner<'_> {
    /// What is missing to know the owner, if it matters.
    pub fn lacks(&self) -> Option<Unattributed> {
        match self {
            Self::Pod { role, .. } if role.rules == Rules::Unknown => {
                Some(Unattributed::ContainerUnknown)
            }
            Self::Pod { .. } | Self::Node => None,
            Self::Unknown(cause) => Some(*cause),
        }
    }
}

/// Finds the owner of a flow.
pub fn attribute<'a>(snapshot: &'a Snapshot, cgroups: &'a Cgroups, key: &FlowKey) -> FlowOwner<'a> {
    match cgroups.place(key.cgroup) {
        Some(CgroupPlace::Pod { uid, container }) => match snapshot.pod(uid) {
            Some(pod) => FlowOwner::Pod {
                pod,
                container: container.as_deref(),
                role: pod.role(container.as_deref(), key.uid, key.gid),
            },
            None => FlowOwner::Unknown(Unattributed::PodUnknown),
        },
        Some(CgroupPlace::Outside) => FlowOwner::Node,
        None => FlowOwner::Unknown(Unattributed::CgroupUnseen),
    }
}

/// What is known when connections are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Arrivals {
    /// Everything that connections are judged by was known once.
    pub settled: bool,
    /// A pod that is not known does not exist.
    pub pods: bool,
    /// There is room for connections that wait.
    pub room: bool,
}

impl Arrivals {
    /// What is not known now never will be.
    pub const NOTHING_ARRIVES: Self = Self {
        settled: true,
        pods: true,
        room: false,
    };
}

/// Why connections of a source have to wait, if they have to; `waited` is how long they have. What
/// is missing may still arrive: the cluster's state, the pod, the name of its container.
pub fn wait_for(
    source: &FlowOwner<'_>,
    known: Arrivals,
    waited: Duration,
    patience: Duration,
) -> Option<Reason> {
    if !known.room || matches!(source, FlowOwner::Node) {
        return None;
    }
    if !known.settled {
        return Some(Reason::NotSynced);
    }
    source.lacks()?;
    if !known.pods {
        return Some(Reason::NotSynced);
    }
    (waited < patience).then_some(Reason::NotAttributed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Arrivals = Arrivals {
        settled: true,
        pods: true,
        room: true,
    };

    /// With a patience of 30 seconds.
    fn wait(source: &FlowOwner<'_>, arrivals: Arrivals, waited: u64) -> Option<Reason> {
        let [waited, patience] = [waited, 30].map(Duration::from_secs);
        wait_for(source, arrivals, waited, patience)
    }

    #[test]
    fn connections_wait_for_what_may_still_arrive() {
        let unknown = FlowOwner::Unknown(Unattributed::PodUnknown);
        let unseen = FlowOwner::Unknown(Unattributed::CgroupUnseen);
        let node = FlowOwner::Node;
        assert_eq!(wait(&unknown, ALL, 29), Some(Reason::NotAttributed));
        assert_eq!(wait(&unknown, ALL, 30), None);
        assert_eq!(wait(&node, ALL, 0), None);
        // While the cluster's state is not known there is no hurry,
        let unsettled = Arrivals {
            settled: false,
            ..ALL
        };
        assert_eq!(wait(&unseen, unsettled, 9_999), Some(Reason::NotSynced));
        let cut_off = Arrivals { pods: false, ..ALL };
        assert_eq!(wait(&unknown, cut_off, 9_999), Some(Reason::NotSynced));
        // What the node does itself waits for nothing.
        assert_eq!(wait(&node, unsettled, 0), None);
        // But there has to be room.
        let full = Arrivals {
            room: false,
            ..unsettled
        };
        assert_eq!(wait(&unknown, full, 0), None);
    }
}
