//! What the API server says of a pod: the recorded one that istiod injected, under other names.

use std::{array, fs, path::Path};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::life::{Life, Owner, template_hash};
use crate::{
    manifests::NODE,
    pod::{APP, INIT, PROXY},
};

const STARTED: &str = "2026-01-05T08:00:00Z";

/// How far a pod is, by its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PodStage {
    /// Bound to the node; the kubelet has not said anything.
    Scheduled,
    Running,
    /// Ended, and its containers are named.
    Succeeded,
    /// Ended, and no container is named.
    Evicted,
}

/// What pods are made of.
#[derive(Debug)]
pub(super) struct Templates {
    injected: Value,
    plain: Value,
}

impl Templates {
    /// Reads the recorded pod. One without a sidecar is made of it by taking away what istiod added.
    pub(super) fn read() -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/injected-pod.json");
        let text = fs::read_to_string(&path);
        let text = text.with_context(|| format!("cannot read {}", path.display()))?;
        let injected: Value = serde_json::from_str(&text).context("a recorded pod is JSON")?;
        let mut plain = injected.clone();
        plain["metadata"]["annotations"] = json!({"sidecar.istio.io/inject": "false"});
        plain["metadata"]["labels"] = json!({"app": "client", "sidecar.istio.io/inject": "false"});
        plain["spec"]["initContainers"] = json!([]);
        let containers = plain["spec"]["containers"].as_array_mut();
        let containers = containers.context("a recorded pod has containers")?;
        containers.retain(|container| container["name"] == APP);
        Ok(Self { injected, plain })
    }

    /// The object of a pod at a stage of its life.
    pub(super) fn pod(&self, life: &Life, stage: PodStage) -> Value {
        let template = if life.injected {
            &self.injected
        } else {
            &self.plain
        };
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": metadata(life, &template["metadata"]),
            "spec": template["spec"],
            "status": status(life, stage),
        });
        pod["spec"]["nodeName"] = json!(NODE);
        pod
    }
}

/// The containers of a pod, the application's last, as they are started.
pub(super) fn containers(life: &Life) -> &'static [&'static str] {
    if life.injected {
        &[INIT, PROXY, APP]
    } else {
        &[APP]
    }
}

fn metadata(life: &Life, template: &Value) -> Value {
    let mut labels = template["labels"].clone();
    let owner = life.maker().map(|name| match &life.owner {
        Owner::Deployment(deployment) => {
            labels["pod-template-hash"] = json!(template_hash(deployment));
            ("apps/v1", "ReplicaSet", name)
        }
        Owner::CronJob(_) | Owner::Nobody => ("batch/v1", "Job", name),
    });
    let owners: Vec<_> = owner
        .into_iter()
        .map(|(version, kind, name)| {
            json!({"apiVersion": version, "kind": kind, "name": name,
                "uid": crate::identity::uid(&name), "controller": true, "blockOwnerDeletion": true})
        })
        .collect();
    json!({
        "name": life.name,
        "namespace": life.namespace,
        "uid": life.uid,
        "creationTimestamp": STARTED,
        "labels": labels,
        "annotations": template["annotations"],
        "ownerReferences": owners,
    })
}

fn status(life: &Life, stage: PodStage) -> Value {
    let (phase, named) = match stage {
        PodStage::Scheduled => return json!({"phase": "Pending", "qosClass": "Burstable"}),
        PodStage::Running => ("Running", true),
        PodStage::Succeeded => ("Succeeded", true),
        PodStage::Evicted => ("Failed", false),
    };
    let ended = stage != PodStage::Running;
    let [init, main] = [true, false].map(|is_init| {
        let names = containers(life).iter();
        let own = names.filter(|name| named && (**name == INIT) == is_init);
        own.map(|name| container_status(life, name, ended))
            .collect::<Vec<_>>()
    });
    let ip = address(life);
    json!({
        "phase": phase, "qosClass": "Burstable", "startTime": STARTED,
        "podIP": ip, "podIPs": [{"ip": ip}],
        "containerStatuses": main, "initContainerStatuses": init,
    })
}

fn container_status(life: &Life, name: &str, ended: bool) -> Value {
    let id = format!("{}://{}", life.shape.runtime(), life.container_id(name));
    let state = if ended || name == INIT {
        json!({"terminated": {"containerID": id, "exitCode": 0, "reason": "Completed",
            "startedAt": STARTED, "finishedAt": STARTED}})
    } else {
        json!({"running": {"startedAt": STARTED}})
    };
    json!({"name": name, "containerID": id, "state": state, "ready": !ended,
        "restartCount": 0})
}

/// Nobody dials it: the processes share a namespace.
fn address(life: &Life) -> String {
    let bytes = life.uid.as_bytes();
    let [b, c]: [u8; 2] = array::from_fn(|n| bytes.get(n).copied().unwrap_or_default());
    format!("10.80.{b}.{c}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_pod_keeps_nothing_of_istio() {
        let templates = Templates::read().unwrap();
        let mut life = Life::short(1);
        life.injected = false;
        let text = templates.pod(&life, PodStage::Succeeded).to_string();
        assert!(!text.contains("istio-proxy") && !text.contains("istio-init"));
        assert!(text.contains(&life.container_id(APP)));
        life.injected = true;
        let pod = templates.pod(&life, PodStage::Running);
        let named = |list: &str| pod["status"][list].as_array().map_or(0, Vec::len);
        assert_eq!(named("containerStatuses"), 2);
        assert_eq!(named("initContainerStatuses"), 1);
        let evicted = templates.pod(&life, PodStage::Evicted).to_string();
        assert!(!evicted.contains("containerID"));
    }
}
