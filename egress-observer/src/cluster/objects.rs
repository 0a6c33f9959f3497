//! Kubernetes and Istio objects, as far as they are read: lenient about what is not, strict about
//! the type of what is.

pub(crate) mod addressing;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

/// What every object has.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) uid: String,
    /// RFC 3339; empty in files that people write.
    pub(crate) creation_timestamp: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) owner_references: Vec<OwnerReference>,
}

/// `metadata.ownerReferences[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OwnerReference {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) controller: bool,
}

/// `v1 Pod`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Pod {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) spec: PodSpec,
    #[serde(default)]
    pub(crate) status: PodStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodSpec {
    pub(crate) host_network: bool,
    pub(crate) dns_policy: String,
    pub(crate) dns_config: DnsConfig,
    pub(crate) security_context: SecurityContext,
    pub(crate) init_containers: Vec<Container>,
    pub(crate) containers: Vec<Container>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    #[serde(deserialize_with = "words")]
    pub(crate) command: Vec<String>,
    #[serde(deserialize_with = "words")]
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<EnvVar>,
    pub(crate) restart_policy: String,
    pub(crate) security_context: SecurityContext,
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
pub(crate) struct DnsConfig {
    pub(crate) nameservers: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EnvVar {
    pub(crate) name: String,
    pub(crate) value: String,
    /// A value that stands elsewhere.
    pub(crate) value_from: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SecurityContext {
    pub(crate) run_as_user: Option<u32>,
    pub(crate) run_as_group: Option<u32>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodStatus {
    #[serde(rename = "hostIP")]
    pub(crate) host_ip: String,
    #[serde(rename = "podIP")]
    pub(crate) pod_ip: String,
    #[serde(rename = "podIPs")]
    pub(crate) pod_ips: Vec<PodIp>,
    pub(crate) init_container_statuses: Vec<ContainerStatus>,
    pub(crate) container_statuses: Vec<ContainerStatus>,
    pub(crate) ephemeral_container_statuses: Vec<ContainerStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PodIp {
    pub(crate) ip: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerStatus {
    pub(crate) name: String,
    #[serde(rename = "containerID")]
    pub(crate) container_id: String,
    pub(crate) state: ContainerState,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerState {
    pub(crate) terminated: Option<Terminated>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Terminated {
    pub(crate) exit_code: i32,
}

/// `v1 ConfigMap`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ConfigMap {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) data: BTreeMap<String, String>,
}

/// `v1 Namespace`, and whatever else is read by its metadata alone
/// (`MutatingWebhookConfiguration`).
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct MetadataOnly {
    pub(crate) metadata: Metadata,
}

/// `v1 Service`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Service {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) spec: ServiceSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ServiceSpec {
    /// `None` for a headless Service, empty for an ExternalName.
    #[serde(rename = "clusterIP")]
    pub(crate) cluster_ip: String,
    #[serde(rename = "clusterIPs")]
    pub(crate) cluster_ips: Vec<String>,
    pub(crate) external_name: String,
    pub(crate) ports: Vec<KubernetesPort>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct KubernetesPort {
    pub(crate) name: String,
    pub(crate) port: u16,
    /// TCP, UDP or SCTP.
    pub(crate) protocol: String,
    pub(crate) app_protocol: String,
}

/// Whatever makes pods from a template: Deployment, ReplicaSet, StatefulSet, DaemonSet, Job,
/// ReplicationController; CronJob with its own nesting.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Workload {
    #[serde(default)]
    pub(crate) kind: String,
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) spec: WorkloadSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WorkloadSpec {
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
pub(crate) struct PodTemplate {
    pub(crate) metadata: Metadata,
    pub(crate) spec: PodSpec,
}

impl Workload {
    /// What its pods are made from.
    pub(crate) fn template(&self) -> Option<&PodTemplate> {
        let job = self.spec.job_template.as_ref();
        let of_job = job.and_then(|job| job.spec.template.as_ref());
        self.spec.template.as_ref().or(of_job)
    }
}

/// `networking.istio.io ServiceEntry`; v1, v1beta1 and v1alpha3 share one schema.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ServiceEntry {
    pub(crate) metadata: Metadata,
    pub(crate) spec: ServiceEntrySpec,
    #[serde(default)]
    pub(crate) status: ServiceEntryStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceEntrySpec {
    pub(crate) hosts: Vec<String>,
    #[serde(default)]
    pub(crate) addresses: Vec<String>,
    #[serde(default)]
    pub(crate) ports: Vec<ServicePort>,
    #[serde(default)]
    pub(crate) location: String,
    /// NONE, STATIC, DNS, DNS_ROUND_ROBIN or DYNAMIC_DNS; empty is NONE.
    #[serde(default)]
    pub(crate) resolution: String,
    #[serde(default)]
    pub(crate) endpoints: Vec<WorkloadEntry>,
    #[serde(default)]
    pub(crate) workload_selector: Option<WorkloadSelector>,
    #[serde(default)]
    pub(crate) export_to: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ServicePort {
    pub(crate) number: u16,
    pub(crate) name: String,
    pub(crate) protocol: String,
    pub(crate) target_port: u16,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WorkloadEntry {
    pub(crate) address: String,
    pub(crate) ports: BTreeMap<String, u16>,
}

/// `status` of a ServiceEntry: the addresses that istiod's controller allocated.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ServiceEntryStatus {
    pub(crate) addresses: Vec<AllocatedAddress>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AllocatedAddress {
    pub(crate) value: String,
    pub(crate) host: String,
}

/// Istio's `WorkloadSelector`: labels that a pod must have.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WorkloadSelector {
    /// ServiceEntry, Sidecar.
    pub(crate) labels: BTreeMap<String, String>,
    /// ProxyConfig, DestinationRule.
    #[serde(rename = "matchLabels")]
    pub(crate) match_labels: BTreeMap<String, String>,
}

/// `networking.istio.io Sidecar`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Sidecar {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) spec: SidecarSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SidecarSpec {
    pub(crate) workload_selector: Option<WorkloadSelector>,
    pub(crate) egress: Vec<EgressListener>,
    pub(crate) outbound_traffic_policy: Option<OutboundTrafficPolicy>,
}

/// `spec.egress[]` of a Sidecar.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EgressListener {
    pub(crate) port: Option<ServicePort>,
    pub(crate) bind: String,
    pub(crate) capture_mode: String,
    /// `namespace/dnsName`.
    pub(crate) hosts: Vec<String>,
}

/// `outboundTrafficPolicy` of a Sidecar and of the mesh configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OutboundTrafficPolicy {
    pub(crate) mode: Option<String>,
}

/// `networking.istio.io VirtualService`, as far as it says whom it routes.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct VirtualService {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) spec: VirtualServiceSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct VirtualServiceSpec {
    pub(crate) hosts: Vec<String>,
    pub(crate) gateways: Vec<String>,
    pub(crate) export_to: Vec<String>,
}

/// `networking.istio.io DestinationRule`, as far as it says whom it is about.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct DestinationRule {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) spec: DestinationRuleSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DestinationRuleSpec {
    pub(crate) host: String,
    pub(crate) export_to: Vec<String>,
    pub(crate) workload_selector: Option<WorkloadSelector>,
}

/// `networking.istio.io/v1beta1 ProxyConfig`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ProxyConfig {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) spec: ProxyConfigSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ProxyConfigSpec {
    pub(crate) selector: Option<WorkloadSelector>,
    pub(crate) environment_variables: BTreeMap<String, String>,
}
