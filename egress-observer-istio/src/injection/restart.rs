//! What a restart makes of a pod: today's configuration and today's template take the place of what
//! it was made from.

pub use super::renewed::Renewed;
use super::{
    names::INIT,
    pod::Pod,
    renewed::{renew, rules},
};

impl Pod {
    /// The pod as a restart would make it today. Name and addresses stay, for want of the new ones.
    pub fn restarted(&self) -> Self {
        let mut pod = Self {
            applied: self.desired.clone(),
            ..self.clone()
        };
        if let Some(renewed) = &self.renewed {
            pod.labels.clone_from(&renewed.labels);
            renew(&mut pod.declared, &renewed.declared, self.proxy_starts_late);
        }
        if let Some(injected) = &self.desired.injected {
            pod.revision.clone_from(&injected.revision);
            for container in &mut pod.declared {
                container.role.rules = rules(container, injected.by_cni, self.was_by_init());
            }
        }
        pod
    }

    /// How to make the pod anew: a command for a shell, or a comment that says what to do.
    pub fn how_to_restart(&self) -> String {
        let kind = self.workload_kind.as_deref();
        command(&self.namespace, &self.workload, kind).unwrap_or_else(|| instead(kind).to_owned())
    }

    /// Whether `istio-init` made the rules of the pod that runs.
    fn was_by_init(&self) -> bool {
        let mut declared = self.declared.iter();
        declared.any(|container| container.name == INIT)
    }
}

/// The command that restarts a workload; nothing where none does, see [`instead`].
///
/// Names come from manifests, and the line is there to be pasted into a shell: only plain ones are
/// put in.
pub fn command(namespace: &str, workload: &str, kind: Option<&str>) -> Option<String> {
    let kind = match kind? {
        "Deployment" => "deployment",
        "StatefulSet" => "statefulset",
        "DaemonSet" => "daemonset",
        _ => return None,
    };
    (is_plain(namespace) && is_plain(workload))
        .then(|| format!("kubectl rollout restart -n {namespace} {kind}/{workload}"))
}

fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    let plain = bytes.all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'));
    plain && !name.starts_with('-') && !name.is_empty()
}

/// What to do where no command restarts a workload of this kind, for people.
pub fn instead(kind: Option<&str>) -> &'static str {
    match kind {
        Some("Job") => "# a Job's pods are not made anew: run it again",
        Some("CronJob") => "# its next run",
        Some(_) => "# delete its pods: they are made anew",
        None => "# delete it, and make it anew: nothing else does",
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
