//! What a restart makes of a pod: today's configuration and today's template take the place of what
//! it was made from.

use std::collections::BTreeMap;

use crate::{
    injection::pod::{DeclaredContainer, Pod, Rules},
    vocabulary::Actor,
};

/// What a workload's template gives a new pod, besides its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewed {
    pub labels: BTreeMap<String, String>,
    pub declared: Vec<DeclaredContainer>,
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

/// The command that restarts a workload; nothing where none does, see [`instead`].
///
/// Names come from manifests, and the line is there to be pasted into a shell: only plain ones.
pub fn command(namespace: &str, workload: &str, kind: Option<&str>) -> Option<String> {
    let plain = |name: &str| {
        let known = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.'
        };
        !name.starts_with('-') && !name.is_empty() && name.bytes().all(known)
    };
    let kind = match kind? {
        "Deployment" => "deployment",
        "StatefulSet" => "statefulset",
        "DaemonSet" => "daemonset",
        _ => return None,
    };
    (plain(namespace) && plain(workload))
        .then(|| format!("kubectl rollout restart -n {namespace} {kind}/{workload}"))
}

/// What to do where no command restarts a workload of this kind.
pub fn instead(kind: Option<&str>) -> &'static str {
    match kind {
        Some("Job") => "# a Job's pods are not made anew: run it again",
        Some("CronJob") => "# its next run",
        Some(_) => "# delete its pods: they are made anew",
        None => "# delete it, and make it anew: nothing else does",
    }
}

impl Pod {
    /// How to make the pod anew: a command, or a comment.
    pub fn how_to_restart(&self) -> String {
        let kind = self.workload_kind.as_deref();
        command(&self.namespace, &self.workload, kind).unwrap_or_else(|| instead(kind).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_become_a_command() {
        let command = |namespace, name| command(namespace, name, Some("Deployment"));
        let expected = "kubectl rollout restart -n shop deployment/sleep-1.a";
        assert_eq!(command("shop", "sleep-1.a").as_deref(), Some(expected));
        for name in ["a;b", "$(a)", "-n", "", "a b", "A", "a\nb"] {
            assert_eq!(command("shop", name), None, "{name}");
            assert_eq!(command(name, "sleep"), None, "{name}");
        }
    }
}
