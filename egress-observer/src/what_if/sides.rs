//! A pod before a change, after it, and after a restart; and who one of its processes is then.

use std::sync::Arc;

use crate::{explain::Who, flows::RecordedFlow};
use egress_observer_istio::{
    injection::{pod::Pod, setup::Membership},
    judgement::ClientSocket,
};

/// A pod in three states.
#[derive(Debug)]
pub(super) struct PodSides {
    /// As it is.
    pub(super) before: Arc<Pod>,
    /// As it runs on after the change: what was set up at its start stays.
    pub(super) now: Pod,
    /// After the change and a restart.
    pub(super) restarted: Pod,
    /// Whether it needs a restart as things are.
    pub(super) stale_already: Option<bool>,
}

impl PodSides {
    pub(super) fn new(before: &Arc<Pod>, after: &Pod) -> Self {
        Self {
            before: Arc::clone(before),
            now: Pod {
                applied: after.relabelled(before),
                revision: before.revision.clone(),
                declared: before.declared.clone(),
                containers: before.containers.clone(),
                ..after.clone()
            },
            restarted: after.restarted(),
            stale_already: before.stale(),
        }
    }

    /// Whether it is known what a restart would set up.
    pub(super) fn restart_is_known(&self) -> bool {
        !matches!(self.restarted.applied.membership, Membership::Unknown(_))
    }

    pub(super) fn who(&self, flow: &RecordedFlow) -> Who {
        let mut declared = self.before.declared.iter();
        let container = match (&flow.container, flow.actor) {
            (Some(name), _) => Some(name.clone()),
            (None, Some(actor)) => declared
                .find(|container| container.role.actor == actor)
                .map(|container| container.name.clone()),
            (None, None) => None,
        };
        Who {
            container,
            socket: ClientSocket {
                uid: flow.uid,
                gid: flow.gid,
                ..ClientSocket::default()
            },
        }
    }

    /// Who it is after a restart: a process that has the user and group of its container's spec
    /// follows a change of these.
    pub(super) fn who_restarted(&self, who: &Who) -> Who {
        let name = who.container.as_deref();
        let (Some(was), Some(is)) = (ids(&self.before, name), ids(&self.restarted, name)) else {
            return who.clone();
        };
        let Who { container, socket } = who.clone();
        Who {
            container,
            socket: ClientSocket {
                uid: followed(socket.uid, was.0, is.0),
                gid: followed(socket.gid, was.1, is.1),
                ..socket
            },
        }
    }
}

/// User and group of a container as the spec has them.
fn ids(pod: &Pod, container: Option<&str>) -> Option<(Option<u32>, Option<u32>)> {
    let mut declared = pod.declared.iter();
    let found = declared.find(|declared| Some(declared.name.as_str()) == container)?;
    Some((found.uid, found.gid))
}

/// The user or group of a process whose spec had one and has another then: one of its own stays.
fn followed(given: Option<u32>, was: Option<u32>, is: Option<u32>) -> Option<u32> {
    let own = was.is_some() && given != was;
    if own || was == is { given } else { is }
}
