//! Whose a connection is, and whether it is too early to say.

use std::{sync::Arc, time::Duration};

use egress_observer_common::FlowKey;

use crate::cgroup::{Cgroups, Place};
use egress_observer_istio::{
    injection::pod::{ContainerRole, Pod, Rules},
    view::Snapshot,
    vocabulary::{Reason, Unattributed},
};

/// Whose connection it is.
#[derive(Clone, Debug)]
pub enum Source<'a> {
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

impl Source<'_> {
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
pub fn attribute<'a>(snapshot: &'a Snapshot, cgroups: &'a Cgroups, key: &FlowKey) -> Source<'a> {
    match cgroups.place(key.cgroup) {
        Some(Place::Pod { uid, container }) => match snapshot.pod(uid) {
            Some(pod) => Source::Pod {
                pod,
                container: container.as_deref(),
                role: pod.role(container.as_deref(), key.uid, key.gid),
            },
            None => Source::Unknown(Unattributed::PodUnknown),
        },
        Some(Place::Outside) => Source::Node,
        None => Source::Unknown(Unattributed::CgroupUnseen),
    }
}

/// What is known when connections are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Everything that connections are judged by was known once.
    pub settled: bool,
    /// A pod that is not known does not exist.
    pub pods: bool,
    /// There is room for connections that wait.
    pub room: bool,
}

impl Known {
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
    source: &Source<'_>,
    known: Known,
    waited: Duration,
    patience: Duration,
) -> Option<Reason> {
    if !known.room || matches!(source, Source::Node) {
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

    const ALL: Known = Known {
        settled: true,
        pods: true,
        room: true,
    };

    #[test]
    fn connections_wait_for_what_may_still_arrive() {
        let patience = Duration::from_secs(30);
        let unknown = Source::Unknown(Unattributed::PodUnknown);
        let unseen = Source::Unknown(Unattributed::CgroupUnseen);
        let node = Source::Node;
        let wait =
            |source, known, waited| wait_for(source, known, Duration::from_secs(waited), patience);
        assert_eq!(wait(&unknown, ALL, 29), Some(Reason::NotAttributed));
        assert_eq!(wait(&unknown, ALL, 30), None);
        assert_eq!(wait(&node, ALL, 0), None);
        // While the cluster's state is not known there is no hurry,
        let unsettled = Known {
            settled: false,
            ..ALL
        };
        assert_eq!(wait(&unseen, unsettled, 9_999), Some(Reason::NotSynced));
        let cut_off = Known { pods: false, ..ALL };
        assert_eq!(wait(&unknown, cut_off, 9_999), Some(Reason::NotSynced));
        // What the node does itself waits for nothing.
        assert_eq!(wait(&node, unsettled, 0), None);
        // But there has to be room.
        let full = Known {
            room: false,
            ..unsettled
        };
        assert_eq!(wait(&unknown, full, 0), None);
    }
}
