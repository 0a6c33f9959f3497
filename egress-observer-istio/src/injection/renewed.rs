//! What a workload's template gives a new pod, in place of what the one that runs has.

use std::collections::BTreeMap;

use super::{
    beginning::Beginning,
    containers::{DeclaredContainer, Rules},
};
use crate::vocabulary::Actor;

/// `Renewed` is what a workload's template gives a new pod, besides its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// The labels in the template's metadata.
    pub labels: BTreeMap<String, String>,
    /// The containers of the template's spec.
    pub declared: Vec<DeclaredContainer>,
}

/// Whether the rules are there when a container of the new pod runs. The CNI plugin makes them
/// before any; `istio-init` comes last of the init containers, but first where the proxy is one.
pub(super) fn rules(container: &DeclaredContainer, by_cni: bool, was_by_init: bool) -> Rules {
    match container.role.actor {
        _ if by_cni => Rules::Made,
        _ if was_by_init => container.role.rules,
        Actor::Init => Rules::Unknown,
        Actor::App | Actor::Proxy => container.role.rules,
    }
}

/// Users and groups of the template, and its new containers. The injector's own stay.
pub(super) fn renew(
    declared: &mut Vec<DeclaredContainer>,
    template: &[DeclaredContainer],
    proxy_starts_late: bool,
) {
    for new in template {
        let mut known = declared.iter_mut();
        match known.find(|container| container.name == new.name) {
            Some(known) => (known.uid, known.gid) = (new.uid, new.gid),
            None => {
                let mut new = new.clone();
                if new.role.actor == Actor::Init {
                    new.role.rules = Rules::Unknown;
                    if proxy_starts_late {
                        new.beginning = Beginning::EndsBeforeProxy;
                    }
                }
                declared.push(new);
            }
        }
    }
    declared.sort_by_key(|container| container.role.actor);
}
