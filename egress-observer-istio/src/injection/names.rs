//! Names of containers, labels and annotations that Istio gives a meaning.

/// The name of the proxy's container.
pub const PROXY: &str = "istio-proxy";
/// The name of the init container that makes the rules.
pub const INIT: &str = "istio-init";
/// The name of the init container that checks whether the CNI plugin made the rules.
pub const VALIDATION: &str = "istio-validation";

/// What the injector leaves on a pod.
pub(super) const STATUS: &str = "sidecar.istio.io/status";
/// The label or annotation that says whether a pod is injected.
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

/// What the names of the annotations that follow begin with.
pub const TRAFFIC: &str = "traffic.sidecar.istio.io/";
/// The annotation that lists the ranges to capture, or has `*` for all.
pub const INCLUDE: &str = "includeOutboundIPRanges";
/// The annotation that lists the ranges to leave alone.
pub const EXCLUDE: &str = "excludeOutboundIPRanges";
/// The annotation that lists the ports to capture, whatever the address is.
pub const INCLUDE_PORTS: &str = "includeOutboundPorts";
/// The annotation that lists the ports to leave alone.
pub const EXCLUDE_PORTS: &str = "excludeOutboundPorts";
/// The annotation that lists the devices over which nothing is captured.
pub const INTERFACES: &str = "excludeInterfaces";
