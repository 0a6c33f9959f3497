//! Kubernetes and Istio objects, as far as they are read: lenient about what is not, strict about
//! the type of what is.

pub mod addressing;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

/// What every object has.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    pub name: String,
    pub namespace: String,
    pub uid: String,
    /// RFC 3339; empty in files that people write.
    pub creation_timestamp: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub owner_references: Vec<OwnerReference>,
}

/// `metadata.ownerReferences[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OwnerReference {
    pub kind: String,
    pub name: String,
    pub controller: bool,
}

/// `v1 Pod`.
#[derive(Clone, Debug, Deserialize)]
pub struct Pod {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: PodSpec,
    #[serde(default)]
    pub status: PodStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    pub host_network: bool,
    pub dns_policy: String,
    pub dns_config: DnsConfig,
    pub security_context: SecurityContext,
    pub init_containers: Vec<Container>,
    pub containers: Vec<Container>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    pub name: String,
    pub image: String,
    #[serde(deserialize_with = "words")]
    pub command: Vec<String>,
    #[serde(deserialize_with = "words")]
    pub args: Vec<String>,
    pub env: Vec<EnvVar>,
    pub restart_policy: String,
    pub security_context: SecurityContext,
}

/// Arguments. Templates up to Istio 1.3, and people, write numbers without quotes.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let words = Vec::<Value>::deserialize(deserializer)?;
    let word = |word| match word {
        Value::String(word) => Ok(word),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(switch) => Ok(switch.to_string()),
        other @ (Value::Null | Value::Array(_) | Value::Object(_)) => {
            Err(D::Error::custom(format_args!("`{other}` is not text")))
        }
    };
    words.into_iter().map(word).collect()
}

/// `spec.dnsConfig`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DnsConfig {
    pub nameservers: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvVar {
    pub name: String,
    pub value: String,
    /// A value that stands elsewhere.
    pub value_from: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityContext {
    pub run_as_user: Option<u32>,
    pub run_as_group: Option<u32>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    #[serde(rename = "hostIP")]
    pub host_ip: String,
    #[serde(rename = "podIP")]
    pub pod_ip: String,
    #[serde(rename = "podIPs")]
    pub pod_ips: Vec<PodIp>,
    pub init_container_statuses: Vec<ContainerStatus>,
    pub container_statuses: Vec<ContainerStatus>,
    pub ephemeral_container_statuses: Vec<ContainerStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PodIp {
    pub ip: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContainerStatus {
    pub name: String,
    #[serde(rename = "containerID")]
    pub container_id: String,
    pub state: ContainerState,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContainerState {
    pub terminated: Option<Terminated>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Terminated {
    pub exit_code: i32,
}

/// `v1 ConfigMap`.
#[derive(Clone, Debug, Deserialize)]
pub struct ConfigMap {
    pub metadata: Metadata,
    #[serde(default)]
    pub data: BTreeMap<String, String>,
}

/// `v1 Namespace`, and whatever else is read by its metadata alone
/// (`MutatingWebhookConfiguration`).
#[derive(Clone, Debug, Deserialize)]
pub struct MetadataOnly {
    pub metadata: Metadata,
}

/// `v1 Service`.
#[derive(Clone, Debug, Deserialize)]
pub struct Service {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: ServiceSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceSpec {
    /// `None` for a headless Service, empty for an ExternalName.
    #[serde(rename = "clusterIP")]
    pub cluster_ip: String,
    #[serde(rename = "clusterIPs")]
    pub cluster_ips: Vec<String>,
    pub external_name: String,
    pub ports: Vec<KubernetesPort>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KubernetesPort {
    pub name: String,
    pub port: u16,
    /// TCP, UDP or SCTP.
    pub protocol: String,
    pub app_protocol: String,
}

/// Whatever makes pods from a template: Deployment, ReplicaSet, StatefulSet, DaemonSet, Job,
/// ReplicationController; CronJob with its own nesting.
#[derive(Clone, Debug, Deserialize)]
pub struct Workload {
    #[serde(default)]
    pub kind: String,
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: WorkloadSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadSpec {
    template: Option<PodTemplate>,
    job_template: Option<JobTemplate>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct JobTemplate {
    spec: JobSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct JobSpec {
    template: Option<PodTemplate>,
}

/// `spec.template`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PodTemplate {
    pub metadata: Metadata,
    pub spec: PodSpec,
}

impl Workload {
    /// What its pods are made from.
    pub fn template(&self) -> Option<&PodTemplate> {
        let job = self.spec.job_template.as_ref();
        let of_job = job.and_then(|job| job.spec.template.as_ref());
        self.spec.template.as_ref().or(of_job)
    }
}

/// `networking.istio.io ServiceEntry`; v1, v1beta1 and v1alpha3 share one schema.
#[derive(Clone, Debug, Deserialize)]
pub struct ServiceEntry {
    pub metadata: Metadata,
    pub spec: ServiceEntrySpec,
    #[serde(default)]
    pub status: ServiceEntryStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceEntrySpec {
    pub hosts: Vec<String>,
    #[serde(default)]
    pub addresses: Vec<String>,
    #[serde(default)]
    pub ports: Vec<ServicePort>,
    #[serde(default)]
    pub location: String,
    /// NONE, STATIC, DNS, DNS_ROUND_ROBIN or DYNAMIC_DNS; empty is NONE.
    #[serde(default)]
    pub resolution: String,
    #[serde(default)]
    pub endpoints: Vec<WorkloadEntry>,
    #[serde(default)]
    pub workload_selector: Option<WorkloadSelector>,
    #[serde(default)]
    pub export_to: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServicePort {
    pub number: u16,
    pub name: String,
    pub protocol: String,
    pub target_port: u16,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WorkloadEntry {
    pub address: String,
    pub ports: BTreeMap<String, u16>,
}

/// `status` of a ServiceEntry: the addresses that istiod's controller allocated.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ServiceEntryStatus {
    pub addresses: Vec<AllocatedAddress>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AllocatedAddress {
    pub value: String,
    pub host: String,
}

/// Istio's `WorkloadSelector`: labels that a pod must have.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WorkloadSelector {
    /// ServiceEntry, Sidecar.
    pub labels: BTreeMap<String, String>,
    /// ProxyConfig, DestinationRule.
    #[serde(rename = "matchLabels")]
    pub match_labels: BTreeMap<String, String>,
}

/// `networking.istio.io Sidecar`.
#[derive(Clone, Debug, Deserialize)]
pub struct Sidecar {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: SidecarSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SidecarSpec {
    pub workload_selector: Option<WorkloadSelector>,
    pub egress: Vec<EgressListener>,
    pub outbound_traffic_policy: Option<OutboundTrafficPolicy>,
}

/// `spec.egress[]` of a Sidecar.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EgressListener {
    pub port: Option<ServicePort>,
    pub bind: String,
    pub capture_mode: String,
    /// `namespace/dnsName`.
    pub hosts: Vec<String>,
}

/// `outboundTrafficPolicy` of a Sidecar and of the mesh configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OutboundTrafficPolicy {
    pub mode: Option<String>,
}

/// `networking.istio.io VirtualService`, as far as it says whom it routes.
#[derive(Clone, Debug, Deserialize)]
pub struct VirtualService {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: VirtualServiceSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VirtualServiceSpec {
    pub hosts: Vec<String>,
    pub gateways: Vec<String>,
    pub export_to: Vec<String>,
}

/// `networking.istio.io DestinationRule`, as far as it says whom it is about.
#[derive(Clone, Debug, Deserialize)]
pub struct DestinationRule {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: DestinationRuleSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DestinationRuleSpec {
    pub host: String,
    pub export_to: Vec<String>,
    pub workload_selector: Option<WorkloadSelector>,
}

/// `networking.istio.io/v1beta1 ProxyConfig`.
#[derive(Clone, Debug, Deserialize)]
pub struct ProxyConfig {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: ProxyConfigSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyConfigSpec {
    pub selector: Option<WorkloadSelector>,
    pub environment_variables: BTreeMap<String, String>,
}
