//! What a restart makes of a pod: today's configuration and today's template take the place of what
//! it was made from.

use std::collections::BTreeMap;

use super::pod::{DeclaredContainer, Pod, Rules};
use crate::model::Actor;

/// What a workload's template gives a new pod, besides its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewed {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) declared: Vec<DeclaredContainer>,
}

impl Pod {
    /// The pod as a restart would make it. Its name and addresses stay, for want of the new ones.
    pub fn restarted(&self) -> Self {
        let mut pod = Self {
            applied: self.desired.clone(),
            ..self.clone()
        };
        if let Some(renewed) = &self.renewed {
            pod.labels.clone_from(&renewed.labels);
            renew(&mut pod.declared, &renewed.declared);
        }
        if let Some(injected) = &self.desired.injected {
            pod.revision.clone_from(&injected.revision);
            for container in &mut pod.declared {
                container.role.rules = rules(container, injected.by_cni, self.was_by_init());
            }
        }
        pod
    }

    /// Whether `istio-init` made the rules of the pod that runs.
    fn was_by_init(&self) -> bool {
        let mut declared = self.declared.iter();
        declared.any(|container| container.name == super::pod::INIT)
    }
}

/// Whether the rules are there when a container of the new pod runs. The CNI plugin makes them
/// before any; `istio-init` comes last of the init containers, but first where the proxy is one.
fn rules(container: &DeclaredContainer, by_cni: bool, was_by_init: bool) -> Rules {
    match container.role.actor {
        _ if by_cni => Rules::Made,
        _ if was_by_init => container.role.rules,
        Actor::Init => Rules::Unknown,
        Actor::App | Actor::Proxy => container.role.rules,
    }
}

/// Users and groups of the template, and its new containers. The injector's own stay.
fn renew(declared: &mut Vec<DeclaredContainer>, template: &[DeclaredContainer]) {
    for new in template {
        let mut known = declared.iter_mut();
        match known.find(|container| container.name == new.name) {
            Some(known) => (known.uid, known.gid) = (new.uid, new.gid),
            None => {
                let mut new = new.clone();
                if new.role.actor == Actor::Init {
                    new.role.rules = Rules::Unknown;
                }
                declared.push(new);
            }
        }
    }
    declared.sort_by_key(|container| container.role.actor);
}
