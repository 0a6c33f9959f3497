//! The objects of the Kubernetes API that describe the simulated node, as a directory of YAML
//! files for `egress-observer agent --manifests`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::{
    envoy::Policy,
    istio::{Capture, PROXY_ID},
    network::{API_IP, DNS_IP, NODE_IP, POD_CIDR, POD_CIDR_V6, SERVICE_CIDR},
    pod::{Container, INIT, PROXY, Pod},
};

/// The name of the simulated node.
pub const NODE: &str = "node-1";
/// Istio's own namespace.
pub const ISTIO: &str = "istio-system";

const STARTED: &str = "2026-01-05T08:00:00Z";
const PROXY_IMAGE: &str = "docker.io/istio/proxyv2:1.27.1";
const APP_IMAGE: &str = "docker.io/curlimages/curl:8.15.0";

/// A directory of manifests. Every write replaces a whole file at once, as a mounted ConfigMap
/// does: a reader never sees half of one.
#[derive(Debug)]
pub struct Manifests {
    dir: PathBuf,
}

impl Manifests {
    pub fn create(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(Self {
            dir: dir.to_path_buf(),
        })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes objects as one multi-document file.
    pub fn write(&self, name: &str, objects: &[Value]) -> Result<()> {
        let mut text = String::new();
        for object in objects {
            let document = serde_saphyr::to_string(object).context("cannot write YAML")?;
            text.push_str("---\n");
            text.push_str(document.trim_end());
            text.push('\n');
        }
        let file = self.dir.join(name);
        // Not `*.yaml` until it is whole.
        let partial = self.dir.join(format!(".{name}.partial"));
        fs::write(&partial, text).with_context(|| format!("cannot write {}", partial.display()))?;
        fs::rename(&partial, &file).with_context(|| format!("cannot write {}", file.display()))
    }
}

/// Reads objects as `kubectl apply -n NAMESPACE` does: those without a namespace get this one.
pub fn read(text: &str, namespace: &str) -> Result<Vec<Value>> {
    let mut objects: Vec<Value> = serde_saphyr::from_multiple(text).context("not YAML")?;
    for object in &mut objects {
        let metadata = object["metadata"].as_object_mut().context("no metadata")?;
        metadata
            .entry("namespace")
            .or_insert_with(|| json!(namespace));
    }
    Ok(objects)
}

/// The mesh's configuration, which istiod pushes to running sidecars.
pub fn mesh_config(policy: Policy) -> Value {
    let mesh = json!({
        "accessLogFile": "/dev/stdout",
        "defaultConfig": {
            "discoveryAddress": "istiod.istio-system.svc:15012",
            "proxyMetadata": {"ISTIO_DUAL_STACK": "true"},
        },
        "enablePrometheusMerge": true,
        "outboundTrafficPolicy": {"mode": policy.as_str()},
        "rootNamespace": ISTIO,
        "trustDomain": "cluster.local",
    });
    // MeshConfig is YAML inside of YAML; JSON is YAML too.
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "istio", "namespace": ISTIO},
        "data": {"mesh": format!("{mesh:#}"), "meshNetworks": "networks: {}"},
    })
}

/// The injector's values: what new pods get unless their annotations say otherwise.
pub fn injector_config() -> Value {
    let values = json!({
        "global": {
            "istioNamespace": ISTIO,
            "proxy": {
                "includeIPRanges": "*",
                "excludeIPRanges": "",
                "includeOutboundPorts": "",
                "excludeOutboundPorts": "",
                "includeInboundPorts": "*",
                "excludeInboundPorts": "",
                "image": "proxyv2",
            },
        },
        "pilot": {"cni": {"enabled": false}},
        "revision": "",
        "sidecarInjectorWebhook": {"enableNamespacesByDefault": false},
    });
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "istio-sidecar-injector", "namespace": ISTIO},
        "data": {"values": format!("{values:#}"), "config": "policy: enabled\n"},
    })
}

pub fn namespace(name: &str, injection: bool) -> Value {
    let mut labels = json!({"kubernetes.io/metadata.name": name});
    if injection {
        labels["istio-injection"] = json!("enabled");
    }
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

/// The node, which knows its part of the pods' range.
pub fn node() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}},
        "spec": {"podCIDR": POD_CIDR, "podCIDRs": [POD_CIDR, POD_CIDR_V6]},
        "status": {"addresses": [{"type": "InternalIP", "address": NODE_IP.to_string()}]},
    })
}

/// What kubeadm left behind: the ranges that the cluster was made with.
pub fn kubeadm_config() -> Value {
    let pods = [POD_CIDR, POD_CIDR_V6].join(",");
    let configuration = json!({
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "networking": {
            "dnsDomain": "cluster.local",
            "podSubnet": pods,
            "serviceSubnet": SERVICE_CIDR,
        },
    });
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "kubeadm-config", "namespace": "kube-system"},
        "data": {"ClusterConfiguration": format!("{configuration:#}")},
    })
}

/// The range of Services, as Kubernetes 1.33 and later tell it.
pub fn service_cidr() -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": "kubernetes"},
        "spec": {"cidrs": [SERVICE_CIDR]},
    })
}

/// A Service with a cluster IP, as the API server shows it: namespace and name, and of each port name,
/// number and protocol.
pub fn service((namespace, name): (&str, &str), ip: &str, ports: &[(&str, u16, &str)]) -> Value {
    let ports = ports.iter().map(|(name, port, protocol)| {
        json!({"name": name, "port": port, "targetPort": port, "protocol": protocol})
    });
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name, "namespace": namespace, "creationTimestamp": STARTED,
            "labels": {"app": name},
        },
        "spec": {
            "type": "ClusterIP", "clusterIP": ip, "clusterIPs": [ip], "selector": {"app": name},
            "ports": ports.collect::<Vec<_>>(),
        },
    })
}

/// The Services that every cluster has: the API server's, and that of the cluster's DNS.
pub fn cluster_services() -> [Value; 2] {
    let dns = [
        ("dns", 53, "UDP"),
        ("dns-tcp", 53, "TCP"),
        ("metrics", 9153, "TCP"),
    ];
    let api = [("https", 443, "TCP")];
    [
        service(("default", "kubernetes"), &API_IP.to_string(), &api),
        service(("kube-system", "kube-dns"), &DNS_IP.to_string(), &dns),
    ]
}

/// A running pod of a Deployment, as the API server shows it after injection.
pub fn pod(pod: &Pod) -> Value {
    let ips = [pod.network.v4.to_string(), pod.network.v6.to_string()];
    let (init, main): (Vec<&Container>, Vec<&Container>) = pod
        .containers
        .iter()
        .partition(|container| container.name == INIT);
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(pod),
        "spec": {
            "containers": main.iter().map(|c| container_spec(pod, c)).collect::<Vec<_>>(),
            "initContainers": init.iter().map(|c| container_spec(pod, c)).collect::<Vec<_>>(),
            "dnsPolicy": "ClusterFirst",
            "nodeName": NODE,
            "restartPolicy": "Always",
            "serviceAccountName": pod.workload,
        },
        "status": {
            "phase": "Running",
            "startTime": STARTED,
            "hostIP": NODE_IP.to_string(),
            "hostIPs": [{"ip": NODE_IP.to_string()}],
            "podIP": ips[0],
            "podIPs": ips.iter().map(|ip| json!({"ip": ip})).collect::<Vec<_>>(),
            "qosClass": "Burstable",
            "containerStatuses": main.iter().map(|c| running(c)).collect::<Vec<_>>(),
            "initContainerStatuses": init.iter().map(|c| completed(c)).collect::<Vec<_>>(),
        },
    })
}

fn metadata(pod: &Pod) -> Value {
    let mut labels = json!({"app": pod.workload, "pod-template-hash": pod.template_hash});
    let mut annotations = json!({"kubectl.kubernetes.io/default-container": "app"});
    if let Some(capture) = pod.mesh.capture() {
        labels["security.istio.io/tlsMode"] = json!("istio");
        labels["service.istio.io/canonical-name"] = json!(pod.workload);
        labels["service.istio.io/canonical-revision"] = json!("latest");
        annotations["istio.io/rev"] = json!("default");
        let status = json!({
            "initContainers": [INIT], "containers": [PROXY], "volumes": ["istio-envoy"],
            "imagePullSecrets": null, "revision": "default",
        });
        annotations["sidecar.istio.io/status"] = json!(status.to_string());
        for (name, value) in capture.annotations() {
            annotations[name] = json!(value);
        }
    } else {
        labels["sidecar.istio.io/inject"] = json!("false");
    }
    let replica_set = format!("{}-{}", pod.workload, pod.template_hash);
    json!({
        "name": pod.name,
        "generateName": format!("{replica_set}-"),
        "namespace": pod.namespace,
        "uid": pod.uid,
        "creationTimestamp": STARTED,
        "labels": labels,
        "annotations": annotations,
        "ownerReferences": [{
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": replica_set,
            "uid": crate::identity::uid(&replica_set), "controller": true,
            "blockOwnerDeletion": true,
        }],
    })
}

fn container_spec(pod: &Pod, container: &Container) -> Value {
    let variables = pod.mesh.capture().map(Capture::variables);
    let mut variables: Vec<_> = variables
        .into_iter()
        .flatten()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    match (container.name, pod.mesh.capture()) {
        (INIT, Some(capture)) => json!({
            "name": INIT,
            "image": PROXY_IMAGE,
            "args": capture.init_args(),
            "env": variables,
            "securityContext": {
                "allowPrivilegeEscalation": false, "privileged": false,
                "capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]},
                "runAsGroup": 0, "runAsNonRoot": false, "runAsUser": 0,
            },
        }),
        (PROXY, _) => {
            variables.extend([
                json!({"name": "ISTIO_META_INTERCEPTION_MODE", "value": "REDIRECT"}),
                json!({"name": "ISTIO_META_WORKLOAD_NAME", "value": pod.workload}),
                json!({"name": "TRUST_DOMAIN", "value": "cluster.local"}),
            ]);
            json!({
                "name": PROXY,
                "image": PROXY_IMAGE,
                "args": [
                    "proxy", "sidecar", "--domain", "$(POD_NAMESPACE).svc.cluster.local",
                    "--proxyLogLevel=warning", "--concurrency", "2",
                ],
                "env": variables,
                "ports": [{"containerPort": 15090, "name": "http-envoy-prom", "protocol": "TCP"}],
                "securityContext": {
                    "allowPrivilegeEscalation": false, "privileged": false,
                    "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": true,
                    "runAsGroup": PROXY_ID, "runAsNonRoot": true, "runAsUser": PROXY_ID,
                },
            })
        }
        (name, _) => json!({
            "name": name,
            "image": APP_IMAGE,
            "command": ["sleep", "infinity"],
            "resources": {"requests": {"cpu": "10m"}},
        }),
    }
}

fn running(container: &Container) -> Value {
    json!({
        "name": container.name,
        "containerID": format!("containerd://{}", container.id),
        "ready": true, "started": true, "restartCount": 0,
        "state": {"running": {"startedAt": STARTED}},
    })
}

fn completed(container: &Container) -> Value {
    let id = format!("containerd://{}", container.id);
    json!({
        "name": container.name,
        "containerID": id,
        "ready": true, "started": false, "restartCount": 0,
        "state": {"terminated": {
            "containerID": id, "exitCode": 0, "reason": "Completed",
            "startedAt": STARTED, "finishedAt": STARTED,
        }},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_reads_back_as_the_same_object() {
        let object = mesh_config(Policy::RegistryOnly);
        let text = serde_saphyr::to_string(&object).unwrap();
        assert_eq!(
            serde_saphyr::from_str::<Value>(&text).unwrap(),
            object,
            "{text}"
        );
    }
}
