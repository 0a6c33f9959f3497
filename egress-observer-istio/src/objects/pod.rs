//! `v1 Pod`.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::metadata::{AnyObject, Metadata};

/// The annotation in which `kubectl apply` keeps a second copy of an object.
pub(super) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A `v1 Pod`, as far as it tells what was set up for it and whose it is.
#[derive(Clone, Debug, Deserialize)]
pub struct PodObject {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: PodSpec,
    #[serde(default)]
    pub status: PodStatus,
}

/// The `spec` of a pod, or of a template of pods.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    pub host_network: bool,
    pub dns_policy: String,
    pub dns_config: DnsConfig,
    pub security_context: SecurityContext,
    pub init_containers: Vec<ContainerSpec>,
    pub containers: Vec<ContainerSpec>,
    pub ephemeral_containers: Vec<ContainerSpec>,
}

/// A container of a pod's spec: one of the application's, an init container or an ephemeral one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerSpec {
    pub name: String,
    pub image: String,
    /// The program and its first arguments; empty is what the image says.
    #[serde(deserialize_with = "words")]
    pub command: Vec<String>,
    /// The arguments behind the command; empty is what the image says.
    #[serde(deserialize_with = "words")]
    pub args: Vec<String>,
    pub env: Vec<EnvVar>,
    /// Objects whose every entry is a variable.
    pub env_from: Vec<Value>,
    /// `Always` for an init container that goes on running; empty for others.
    pub restart_policy: String,
    pub security_context: SecurityContext,
}

/// Arguments. Templates up to Istio 1.3, and people, write numbers without quotes.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let words = Vec::<Value>::deserialize(deserializer)?;
    words.into_iter().map(word).collect()
}

fn word<E: serde::de::Error>(word: Value) -> Result<String, E> {
    match word {
        Value::String(word) => Ok(word),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(switch) => Ok(switch.to_string()),
        other @ (Value::Null | Value::Array(_) | Value::Object(_)) => {
            Err(E::custom(format_args!("`{other}` is not text")))
        }
    }
}

/// The `spec.dnsConfig` of a pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DnsConfig {
    pub nameservers: Vec<String>,
}

/// An environment variable of a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvVar {
    pub name: String,
    pub value: String,
    /// Where the value stands if it is not here; it is never followed.
    pub value_from: Option<Value>,
}

/// The `securityContext` of a pod or of a container, whose word counts before the pod's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityContext {
    pub run_as_user: Option<u32>,
    pub run_as_group: Option<u32>,
}

/// The `status` of a pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// The first address of the node.
    #[serde(rename = "hostIP")]
    pub host_ip: String,
    /// The first address of the pod; empty as long as it has none.
    #[serde(rename = "podIP")]
    pub pod_ip: String,
    /// All addresses of the pod, the first one included.
    #[serde(rename = "podIPs")]
    pub pod_ips: Vec<PodIp>,
    pub init_container_statuses: Vec<ContainerStatus>,
    pub container_statuses: Vec<ContainerStatus>,
    pub ephemeral_container_statuses: Vec<ContainerStatus>,
}

/// One of `status.podIPs[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PodIp {
    pub ip: String,
}

/// What the kubelet says of a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerStatus {
    pub name: String,
    /// The runtime's name and the container's id, such as `containerd://0123...`; empty before it
    /// was made.
    #[serde(rename = "containerID")]
    pub container_id: String,
    pub state: ContainerState,
    /// Of the container that was there before, if it was started again.
    pub last_state: ContainerState,
}

/// The `state` of a container, of which only the end is read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContainerState {
    pub terminated: Option<Terminated>,
}

/// How a container ended.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Terminated {
    /// The exit code of its first process; 0 is a success.
    pub exit_code: i32,
    #[serde(rename = "containerID")]
    pub container_id: String,
}

impl AnyObject for PodObject {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    fn trimmed(mut self) -> Self {
        let annotations = &mut self.metadata.annotations;
        annotations.remove(LAST_APPLIED);
        self.spec.trim();
        self
    }
}

impl PodSpec {
    /// Takes away what nobody reads of containers that are not Istio's.
    pub(super) fn trim(&mut self) {
        let containers = self.containers.iter_mut().chain(&mut self.init_containers);
        let containers = containers.chain(&mut self.ephemeral_containers);
        for container in containers.filter(|own| !own.name.starts_with("istio-")) {
            container.image.clear();
            container.command = Vec::new();
            container.args = Vec::new();
            container.env = Vec::new();
            container.env_from = Vec::new();
        }
    }
}
