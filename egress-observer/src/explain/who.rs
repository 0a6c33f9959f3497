//! Who connects: the container and the socket that are asked about, and what is taken for granted
//! where they are not given.

use egress_observer_istio::{
    injection::pod::{Beginning, ContainerRole, DeclaredContainer, Pod},
    judgement::ClientSocket,
    vocabulary::Actor,
};

/// Who connects, as it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Who {
    /// The container's name.
    pub container: Option<String>,
    /// Its socket.
    pub socket: ClientSocket,
}

/// A question that has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// No such container.
    #[error("--container {name}: pod {pod} has no such container; it has {known}")]
    NoContainer {
        /// The pod.
        pod: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}

/// The container that is called so.
pub(super) fn named<'a>(pod: &'a Pod, name: &str) -> Result<&'a DeclaredContainer, Unanswered> {
    let mut declared = pod.declared.iter();
    let found = declared.find(|container| container.name == name);
    found.ok_or_else(|| Unanswered::NoContainer {
        pod: pod.to_string(),
        name: name.to_owned(),
        known: names(&pod.declared),
    })
}

/// The socket with its user and group where they are not given: those of the spec; the proxy's for
/// the proxy.
pub(super) fn owned(
    socket: ClientSocket,
    pod: &Pod,
    role: ContainerRole,
    container: Option<&DeclaredContainer>,
) -> ClientSocket {
    let proxy = pod.applied.config().filter(|_| role.actor == Actor::Proxy);
    ClientSocket {
        uid: socket
            .uid
            .or_else(|| container?.uid)
            .or_else(|| proxy?.proxy_uids.first().copied()),
        gid: socket
            .gid
            .or_else(|| container?.gid)
            .or_else(|| proxy?.proxy_gids.first().copied()),
        ..socket
    }
}

/// What there is to say about what was applied, and about what would be today.
pub(super) fn notes(
    pod: &Pod,
    uid: Option<u32>,
    container: Option<&DeclaredContainer>,
) -> Vec<String> {
    let mut notes = pod.applied.notes.clone();
    let beginning = container.filter(|_| pod.applied.config().is_some());
    let note = match beginning.map(|container| container.beginning) {
        Some(Beginning::StartsBeforeRules) => Some(
            "the container starts before istio-init makes the rules and goes on: what it dials until \
             then goes direct, then it is refused while the proxy does not run yet, and from then on it \
             goes as told here",
        ),
        Some(Beginning::StartsBeforeProxy) => Some(
            "the container starts before the proxy and goes on: until the proxy runs, what is captured \
             is refused",
        ),
        Some(Beginning::Ready | Beginning::EndsBeforeProxy) | None => None,
    };
    notes.extend(note.map(str::to_owned));
    for note in &pod.desired.notes {
        if !notes.contains(note) {
            notes.push(format!("today: {note}"));
        }
    }
    if uid.is_none() && pod.applied.config().is_some() {
        let note = "the user is the image's, which the manifests do not show: taken to be none of \
                    the proxy's";
        notes.push(note.to_owned());
    }
    notes
}

fn names(containers: &[DeclaredContainer]) -> String {
    let names: Vec<_> = containers
        .iter()
        .map(|container| container.name.as_str())
        .collect();
    names.join(", ")
}
