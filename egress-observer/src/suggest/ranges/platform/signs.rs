//! What objects show of the platform that they are on.

use crate::lint::output::plain;
use egress_observer_istio::{manifests::Object, objects::addressing::Node, vocabulary::Platform};

/// What objects show of a platform.
#[derive(Clone, Copy)]
pub(super) enum PlatformSign {
    /// A label of a node, or the beginning of one.
    Label(&'static str),
    /// The beginning of `spec.providerID`.
    Provider(&'static str),
    /// A part of it: Alibaba Cloud's is region and instance, without a scheme.
    ProviderPart(&'static str),
    /// A part of the kubelet's version.
    Kubelet(&'static str),
    /// A node's name.
    NodeName(&'static str),
    /// A ConfigMap by namespace and name.
    ConfigMap(&'static str, &'static str),
    /// OpenShift's configuration of the network.
    Network,
    /// A part of an image of `kube-system`'s pods.
    Image(&'static str),
}

/// Signs in the order in which they count: what is made for a platform first; kubeadm, which others
/// build upon; then the cloud of the machines, on which any of these may stand; then images, for
/// manifests without nodes.
pub(super) const SIGNS: [(PlatformSign, Platform); 38] = [
    (PlatformSign::Network, Platform::OpenShift),
    (
        PlatformSign::Label("node.openshift.io/"),
        Platform::OpenShift,
    ),
    (
        PlatformSign::Label("minikube.k8s.io/name"),
        Platform::Minikube,
    ),
    (PlatformSign::Provider("kind://"), Platform::Kind),
    (
        PlatformSign::NodeName("docker-desktop"),
        Platform::DockerDesktop,
    ),
    (PlatformSign::Provider("k3s://"), Platform::K3s),
    (PlatformSign::Kubelet("+k3s"), Platform::K3s),
    (PlatformSign::Label("cloud.google.com/gke-"), Platform::Gke),
    (PlatformSign::Kubelet("-gke."), Platform::Gke),
    (
        PlatformSign::Label("kubernetes.azure.com/cluster"),
        Platform::Aks,
    ),
    (PlatformSign::Label("eks.amazonaws.com/"), Platform::Eks),
    (PlatformSign::Kubelet("-eks-"), Platform::Eks),
    (PlatformSign::Label("alibabacloud.com/"), Platform::Ack),
    (PlatformSign::Label("ack.aliyun.com"), Platform::Ack),
    (PlatformSign::Kubelet("-aliyun."), Platform::Ack),
    (
        PlatformSign::Label("ibm-cloud.kubernetes.io/"),
        Platform::Iks,
    ),
    (PlatformSign::Provider("ibm://"), Platform::Iks),
    (PlatformSign::Kubelet("+IKS"), Platform::Iks),
    (PlatformSign::Kubelet("+icp"), Platform::Icp),
    (PlatformSign::Provider("ocid1."), Platform::Oke),
    (PlatformSign::Provider("alicloud://"), Platform::Ack),
    (PlatformSign::ProviderPart(".i-"), Platform::Ack),
    (
        PlatformSign::ConfigMap("kube-system", "kubeadm-config"),
        Platform::Kubeadm,
    ),
    (
        PlatformSign::ConfigMap("kube-system", "eni-config"),
        Platform::Ack,
    ),
    (PlatformSign::Provider("gce://"), Platform::Gke),
    (PlatformSign::Provider("azure://"), Platform::Aks),
    (PlatformSign::Provider("aws://"), Platform::Eks),
    (
        PlatformSign::Image("openshift-release-dev/"),
        Platform::OpenShift,
    ),
    (PlatformSign::Image("k8s-minikube/"), Platform::Minikube),
    (PlatformSign::Image("kindest/"), Platform::Kind),
    (
        PlatformSign::Image("docker/desktop-"),
        Platform::DockerDesktop,
    ),
    (PlatformSign::Image("gke.gcr.io/"), Platform::Gke),
    (
        PlatformSign::Image("mcr.microsoft.com/oss/kubernetes/"),
        Platform::Aks,
    ),
    (PlatformSign::Image("/amazon-k8s-cni"), Platform::Eks),
    (PlatformSign::Image("aliyuncs.com/acs/"), Platform::Ack),
    (PlatformSign::Image("armada-master/"), Platform::Iks),
    (PlatformSign::Image("rancher/klipper-lb"), Platform::K3s),
    (PlatformSign::Image("/ibmcom/"), Platform::Icp),
];

impl PlatformSign {
    /// What shows it, if the object does.
    pub(super) fn seen(self, object: &Object) -> Option<String> {
        match object {
            Object::Node(node) => self.on_node(node),
            Object::Network(_) => {
                matches!(self, Self::Network).then(|| "Network of config.openshift.io".to_owned())
            }
            Object::ConfigMap(map) => {
                let own = (&*map.metadata.namespace, &*map.metadata.name);
                let is =
                    matches!(self, Self::ConfigMap(namespace, name) if (namespace, name) == own);
                is.then(|| format!("ConfigMap {}/{}", own.0, own.1))
            }
            Object::Pod(pod) => {
                let Self::Image(part) = self else {
                    return None;
                };
                let of_system = pod.metadata.namespace == "kube-system";
                let mut containers = pod.spec.containers.iter().filter(|_| of_system);
                let found = containers.find(|container| container.image.contains(part))?;
                Some(format!("image {}", plain(&found.image)))
            }
            Object::Namespace(_)
            | Object::Service(_)
            | Object::Workload(_)
            | Object::MutatingWebhookConfiguration(_)
            | Object::ServiceEntry(_)
            | Object::Sidecar(_)
            | Object::VirtualService(_)
            | Object::DestinationRule(_)
            | Object::ProxyConfig(_)
            | Object::ServiceCidr(_)
            | Object::Gateway(_)
            | Object::IpPool(_)
            | Object::CiliumNode(_) => None,
        }
    }

    fn on_node(self, node: &Node) -> Option<String> {
        match self {
            Self::Label(start) => {
                let mut labels = node.metadata.labels.keys();
                let label = labels.find(|label| label.starts_with(start))?;
                Some(shown(node, "label", label))
            }
            Self::Provider(start) => {
                let id = &node.spec.provider_id;
                id.starts_with(start).then(|| shown(node, "providerID", id))
            }
            Self::ProviderPart(part) => {
                let id = &node.spec.provider_id;
                let bare = !id.contains("://") && id.contains(part);
                bare.then(|| shown(node, "providerID", id))
            }
            Self::Kubelet(part) => {
                let version = &node.status.node_info.kubelet_version;
                version
                    .contains(part)
                    .then(|| shown(node, "kubelet version", version))
            }
            Self::NodeName(own) => (node.metadata.name == own).then(|| format!("node {own}")),
            Self::ConfigMap(..) | Self::Network | Self::Image(_) => None,
        }
    }
}

fn shown(node: &Node, what: &str, value: &str) -> String {
    let name = plain(&node.metadata.name);
    format!("{what} {} of node {name}", plain(value))
}
