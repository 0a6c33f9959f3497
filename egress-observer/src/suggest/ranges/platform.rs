//! What a cluster runs on: where its ranges can be asked for depends on that.

pub(super) mod facts;

use serde::Serialize;

use self::facts::{Default, Facts};
use crate::lint::output::plain;
use egress_observer_istio::{manifests::Object, objects::addressing::Node, vocabulary::Platform};

/// A platform, and what to know of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Known {
    pub(crate) name: Platform,
    pub(crate) title: &'static str,
    /// What it was told by.
    pub(crate) because: String,
    /// Where the figures are: commands, or pages as comments.
    pub(crate) ask: &'static [&'static str],
    /// What the cluster shows of its ranges, and what it does not.
    pub(crate) shows: &'static str,
    /// What is usual there. A hint: never in the value.
    pub(crate) usual: &'static [Default],
}

impl Known {
    pub(super) fn new(name: Platform, because: String) -> Self {
        let Facts {
            title,
            ask,
            shows,
            usual,
        } = facts::of(name);
        Self {
            name,
            title,
            because,
            ask,
            shows,
            usual,
        }
    }
}

/// What objects show of a platform.
#[derive(Clone, Copy)]
enum Sign {
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
const SIGNS: [(Sign, Platform); 38] = [
    (Sign::Network, Platform::OpenShift),
    (Sign::Label("node.openshift.io/"), Platform::OpenShift),
    (Sign::Label("minikube.k8s.io/name"), Platform::Minikube),
    (Sign::Provider("kind://"), Platform::Kind),
    (Sign::NodeName("docker-desktop"), Platform::DockerDesktop),
    (Sign::Provider("k3s://"), Platform::K3s),
    (Sign::Kubelet("+k3s"), Platform::K3s),
    (Sign::Label("cloud.google.com/gke-"), Platform::Gke),
    (Sign::Kubelet("-gke."), Platform::Gke),
    (Sign::Label("kubernetes.azure.com/cluster"), Platform::Aks),
    (Sign::Label("eks.amazonaws.com/"), Platform::Eks),
    (Sign::Kubelet("-eks-"), Platform::Eks),
    (Sign::Label("alibabacloud.com/"), Platform::Ack),
    (Sign::Label("ack.aliyun.com"), Platform::Ack),
    (Sign::Kubelet("-aliyun."), Platform::Ack),
    (Sign::Label("ibm-cloud.kubernetes.io/"), Platform::Iks),
    (Sign::Provider("ibm://"), Platform::Iks),
    (Sign::Kubelet("+IKS"), Platform::Iks),
    (Sign::Kubelet("+icp"), Platform::Icp),
    (Sign::Provider("ocid1."), Platform::Oke),
    (Sign::Provider("alicloud://"), Platform::Ack),
    (Sign::ProviderPart(".i-"), Platform::Ack),
    (
        Sign::ConfigMap("kube-system", "kubeadm-config"),
        Platform::Kubeadm,
    ),
    (Sign::ConfigMap("kube-system", "eni-config"), Platform::Ack),
    (Sign::Provider("gce://"), Platform::Gke),
    (Sign::Provider("azure://"), Platform::Aks),
    (Sign::Provider("aws://"), Platform::Eks),
    (Sign::Image("openshift-release-dev/"), Platform::OpenShift),
    (Sign::Image("k8s-minikube/"), Platform::Minikube),
    (Sign::Image("kindest/"), Platform::Kind),
    (Sign::Image("docker/desktop-"), Platform::DockerDesktop),
    (Sign::Image("gke.gcr.io/"), Platform::Gke),
    (
        Sign::Image("mcr.microsoft.com/oss/kubernetes/"),
        Platform::Aks,
    ),
    (Sign::Image("/amazon-k8s-cni"), Platform::Eks),
    (Sign::Image("aliyuncs.com/acs/"), Platform::Ack),
    (Sign::Image("armada-master/"), Platform::Iks),
    (Sign::Image("rancher/klipper-lb"), Platform::K3s),
    (Sign::Image("/ibmcom/"), Platform::Icp),
];

/// The platform, by the first sign that there is.
pub(super) fn detect(objects: &[Object]) -> Option<Known> {
    SIGNS.iter().find_map(|(sign, platform)| {
        let because = objects.iter().find_map(|object| sign.seen(object))?;
        Some(Known::new(*platform, because))
    })
}

impl Sign {
    /// What shows it, if the object does.
    fn seen(self, object: &Object) -> Option<String> {
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
            | Object::IpPool(_)
            | Object::CiliumNode(_) => None,
        }
    }

    fn on_node(self, node: &Node) -> Option<String> {
        let name = plain(&node.metadata.name);
        let shown = |what: &str, value: &str| format!("{what} {} of node {name}", plain(value));
        match self {
            Self::Label(start) => {
                let mut labels = node.metadata.labels.keys();
                let label = labels.find(|label| label.starts_with(start))?;
                Some(shown("label", label))
            }
            Self::Provider(start) => {
                let id = &node.spec.provider_id;
                id.starts_with(start).then(|| shown("providerID", id))
            }
            Self::ProviderPart(part) => {
                let id = &node.spec.provider_id;
                let bare = !id.contains("://") && id.contains(part);
                bare.then(|| shown("providerID", id))
            }
            Self::Kubelet(part) => {
                let version = &node.status.node_info.kubelet_version;
                version
                    .contains(part)
                    .then(|| shown("kubelet version", version))
            }
            Self::NodeName(own) => (node.metadata.name == own).then(|| format!("node {own}")),
            Self::ConfigMap(..) | Self::Network | Self::Image(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::sources::tests::objects, *};

    fn node(fields: &str) -> String {
        format!("apiVersion: v1\nkind: Node\n{fields}\n")
    }

    fn labelled(label: &str) -> String {
        node(&format!(
            "metadata: {{name: node-1, labels: {{{label}: \"\"}}}}"
        ))
    }

    fn provided(id: &str) -> String {
        node(&format!(
            "metadata: {{name: node-1}}\nspec: {{providerID: \"{id}\"}}"
        ))
    }

    fn kubelet(version: &str) -> String {
        node(&format!(
            "metadata: {{name: node-1}}\nstatus: {{nodeInfo: {{kubeletVersion: {version}}}}}"
        ))
    }

    const KUBEADM: &str =
        "---\nkind: ConfigMap\nmetadata: {name: kubeadm-config, namespace: kube-system}\n";

    #[test]
    fn a_platform_is_told_by_what_it_leaves_on_objects() {
        let cases = [
            (provided("cn-hangzhou.i-bp1abc"), Some(Platform::Ack)),
            (provided("ap-southeast-1.i-t4nabc"), Some(Platform::Ack)),
            (labelled("alibabacloud.com/nodepool-id"), Some(Platform::Ack)),
            (kubelet("v1.30.7-aliyun.1"), Some(Platform::Ack)),
            (
                provided("ibm://acct///cluster/worker-1"),
                Some(Platform::Iks),
            ),
            (labelled("cloud.google.com/gke-nodepool"), Some(Platform::Gke)),
            (
                provided("gce://project/europe-west1-b/gke-a"),
                Some(Platform::Gke),
            ),
            (labelled("kubernetes.azure.com/cluster"), Some(Platform::Aks)),
            (
                provided("azure:///subscriptions/s/virtualMachines/0"),
                Some(Platform::Aks),
            ),
            (kubelet("v1.33.1-eks-1de2ab1"), Some(Platform::Eks)),
            (labelled("eks.amazonaws.com/nodegroup"), Some(Platform::Eks)),
            (provided("aws:///eu-west-1a/i-0abc"), Some(Platform::Eks)),
            // A cluster of one's own on a cloud's machines.
            (
                provided("aws:///eu-west-1a/i-0abc") + KUBEADM,
                Some(Platform::Kubeadm),
            ),
            (
                labelled("minikube.k8s.io/name") + KUBEADM,
                Some(Platform::Minikube),
            ),
            (
                node("metadata: {name: docker-desktop}") + KUBEADM,
                Some(Platform::DockerDesktop),
            ),
            (
                provided("kind://docker/kind/kind-control-plane") + KUBEADM,
                Some(Platform::Kind),
            ),
            (kubelet("v1.31.4+k3s1"), Some(Platform::K3s)),
            (labelled("node.openshift.io/os_id"), Some(Platform::OpenShift)),
            (
                "apiVersion: config.openshift.io/v1\nkind: Network\nmetadata: {name: cluster}\n---\n"
                    .to_owned()
                    + &provided("aws:///eu-west-1a/i-0abc"),
                Some(Platform::OpenShift),
            ),
            (
                provided("ocid1.instance.oc1.eu-frankfurt-1.abc"),
                Some(Platform::Oke),
            ),
            (KUBEADM.to_owned(), Some(Platform::Kubeadm)),
            (
                "kind: Pod\nmetadata: {name: a, namespace: kube-system}\n\
                 spec: {containers: [{name: a, image: gke.gcr.io/kube-proxy-amd64:v1.30.1}]}\n"
                    .to_owned(),
                Some(Platform::Gke),
            ),
            (node("metadata: {name: node-1}"), None),
        ];
        for (text, expected) in cases {
            let found = detect(&objects(&text)).map(|known| known.name);
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn what_it_was_told_by_does_not_steer_a_terminal() {
        let known = detect(&objects(&provided("gce://\\e[31m"))).unwrap();
        assert_eq!(known.because, "providerID gce://\\u{1b}[31m of node node-1");
    }

    #[test]
    fn every_platform_says_where_to_ask() {
        for platform in Platform::ALL {
            let facts = facts::of(*platform);
            assert!(!facts.ask.is_empty(), "{platform}");
            assert!(facts.ask.iter().all(|line| !line.contains('\n')));
            for usual in facts.usual {
                let range = usual.cidr.parse::<ipnet::IpNet>();
                assert!(range.is_ok(), "{platform}: {}", usual.cidr);
            }
        }
    }
}
