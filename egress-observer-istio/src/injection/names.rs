//! Names of containers, labels and annotations that Istio gives a meaning.

/// The proxy's container.
pub const PROXY: &str = "istio-proxy";
/// The init container that makes the rules.
pub const INIT: &str = "istio-init";
/// The init container that checks the CNI plugin's rules.
pub const VALIDATION: &str = "istio-validation";

/// What the injector leaves on a pod.
pub(super) const STATUS: &str = "sidecar.istio.io/status";
/// Whether a pod is injected, as a label or an annotation.
pub const INJECT: &str = "sidecar.istio.io/inject";
/// How connections are redirected.
pub(super) const INTERCEPTION_MODE: &str = "sidecar.istio.io/interceptionMode";
/// The networks that Multus gives a pod.
pub(super) const NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";
/// Which templates the injector renders.
pub(super) const TEMPLATES: &str = "inject.istio.io/templates";
/// The pod's own `ProxyConfig`.
pub(super) const PROXY_CONFIG: &str = "proxy.istio.io/config";

/// What istio-cni leaves on a pod that ztunnel took.
pub(super) const REDIRECTION: &str = "ambient.istio.io/redirection";
/// Whether ztunnel answers the pod's DNS.
pub(super) const AMBIENT_DNS: &str = "ambient.istio.io/dns-capture";

/// The common beginning of the annotations that follow.
pub const TRAFFIC: &str = "traffic.sidecar.istio.io/";
/// Ranges to capture.
pub const INCLUDE: &str = "includeOutboundIPRanges";
/// Ranges not to capture.
pub const EXCLUDE: &str = "excludeOutboundIPRanges";
/// Ports to capture wherever they lead.
pub const INCLUDE_PORTS: &str = "includeOutboundPorts";
/// Ports not to capture.
pub const EXCLUDE_PORTS: &str = "excludeOutboundPorts";
/// Devices over which nothing is captured.
pub const INTERFACES: &str = "excludeInterfaces";
