//! The containers of a pod: what they are, and whether the rules were there when they ran.

use std::{collections::HashMap, sync::Arc};

use super::{
    beginning::{Beginning, of_init_container},
    names::{INIT, PROXY, VALIDATION},
};
use crate::{
    objects::{self, PodSpec, SecurityContext},
    vocabulary::Actor,
};

/// A `Container` is one that the pod's status names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The container's name in the pod's spec.
    pub name: Arc<str>,
    /// What the container is in the pod.
    pub role: ContainerRole,
}

/// A `ContainerRole` is what a container is in its pod, as far as its connections are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerRole {
    /// Which part of the pod its connections count for.
    pub actor: Actor,
    /// Whether the pod's rules were there when it ran.
    pub rules: Rules,
    /// Whether the proxy was: without one, what the rules capture is refused.
    pub proxy: ProxyPresence,
}

/// `ProxyPresence` says whether the proxy runs while a container does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyPresence {
    /// It does; or the container is a part of the mesh itself, or there is none.
    Runs,
    /// It starts after the container, which goes on.
    StartsLater,
    /// It starts when the container has ended.
    Never,
}

/// A `DeclaredContainer` is one that the pod's spec has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredContainer {
    /// The container's `name`.
    pub name: String,
    /// What the container is in the pod.
    pub role: ContainerRole,
    /// What the container finds when it starts.
    pub beginning: Beginning,
    /// The container's `securityContext.runAsUser`, else the pod's; `None` where the image decides.
    pub uid: Option<u32>,
    /// The container's `securityContext.runAsGroup`, else the pod's; `None` where the image
    /// decides.
    pub gid: Option<u32>,
}

/// Whether a pod's rules were there when a container ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// The rules were there.
    Made,
    /// The rules were made while the container ran.
    MadeLater,
    /// The container ran before the rules were made.
    NotYet,
    /// The container may be one of those that ran before the rules.
    Unknown,
}

/// The containers of the spec, the application's first.
pub(super) fn declared(spec: &PodSpec) -> Vec<DeclaredContainer> {
    let of_pod = &spec.security_context;
    let mut all = Vec::new();
    // An ephemeral one (`kubectl debug`) shares the network, and with it the rules.
    for container in spec.containers.iter().chain(&spec.ephemeral_containers) {
        let role = ContainerRole {
            actor: actor(&container.name, Actor::App),
            rules: Rules::Made,
            proxy: ProxyPresence::Runs,
        };
        all.push(declare(container, (role, Beginning::Ready), of_pod));
    }
    // Those before istio-init ran without rules. The injector puts it last where the proxy is no
    // init container itself.
    let mut init = spec.init_containers.iter();
    let rules_made = init.position(|container| container.name == INIT);
    for (place, container) in spec.init_containers.iter().enumerate() {
        // With a restart policy it runs beside the application, and has the rules from then on.
        let beside = container.restart_policy == "Always";
        let early = rules_made.is_some_and(|made| place < made);
        let beginning = of_init_container(spec, place);
        let role = ContainerRole {
            actor: actor(
                &container.name,
                if beside { Actor::App } else { Actor::Init },
            ),
            rules: match (early, beside) {
                (true, false) => Rules::NotYet,
                (true, true) => Rules::MadeLater,
                (false, _) => Rules::Made,
            },
            proxy: proxy(&container.name, beginning),
        };
        all.push(declare(container, (role, beginning), of_pod));
    }
    all.sort_by_key(|container| container.role.actor);
    all
}

/// Whether the proxy runs while a container does that begins so. `istio-init` and `istio-validation` belong to
/// the mesh: the one dials nobody, the other itself.
fn proxy(name: &str, beginning: Beginning) -> ProxyPresence {
    match beginning {
        _ if [INIT, VALIDATION, PROXY].contains(&name) => ProxyPresence::Runs,
        Beginning::Ready => ProxyPresence::Runs,
        Beginning::StartsBeforeProxy | Beginning::StartsBeforeRules => ProxyPresence::StartsLater,
        Beginning::EndsBeforeProxy => ProxyPresence::Never,
    }
}

fn declare(
    container: &objects::ContainerSpec,
    (role, beginning): (ContainerRole, Beginning),
    of_pod: &SecurityContext,
) -> DeclaredContainer {
    let own = &container.security_context;
    DeclaredContainer {
        name: container.name.clone(),
        role,
        beginning,
        uid: own.run_as_user.or(of_pod.run_as_user),
        gid: own.run_as_group.or(of_pod.run_as_group),
    }
}

fn actor(name: &str, other: Actor) -> Actor {
    if name == PROXY { Actor::Proxy } else { other }
}

/// The containers that the status names, by their ids.
pub(super) fn containers(
    object: &objects::PodObject,
    declared: &[DeclaredContainer],
) -> HashMap<String, Container> {
    let status = &object.status;
    let ephemeral = ContainerRole {
        actor: Actor::App,
        rules: Rules::Made,
        proxy: ProxyPresence::Runs,
    };
    status
        .container_statuses
        .iter()
        .chain(&status.init_container_statuses)
        .chain(&status.ephemeral_container_statuses)
        .flat_map(|status| {
            // One that failed has another id when it runs again; the connections of before are told by
            // the last one.
            let before = status.last_state.terminated.as_ref();
            let before = before.map(|ended| (status, ended.container_id.as_str()));
            before
                .into_iter()
                .chain([(status, status.container_id.as_str())])
        })
        .filter_map(|(status, id)| {
            // `containerd://<id>`; empty until the container was created.
            let (_, id) = id.split_once("://")?;
            let declared = declared
                .iter()
                .find(|container| container.name == status.name);
            let container = Container {
                name: status.name.as_str().into(),
                role: declared.map_or(ephemeral, |container| container.role),
            };
            Some((id.to_owned(), container))
        })
        .collect()
}
