//! What a cluster runs on: where its ranges can be asked for depends on that.

mod facts;
mod signs;

use serde::Serialize;

use self::{
    facts::{Facts, UsualRange},
    signs::SIGNS,
};
use egress_observer_istio::{manifests::Object, vocabulary::Platform};

/// A platform, and what to know of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KnownPlatform {
    pub(crate) name: Platform,
    pub(crate) title: &'static str,
    /// What it was told by.
    pub(crate) because: String,
    /// Where the figures are: commands, or pages as comments.
    pub(crate) ask: &'static [&'static str],
    /// What the cluster shows of its ranges, and what it does not.
    pub(crate) shows: &'static str,
    /// What is usual there. A hint: never in the value.
    pub(crate) usual: &'static [UsualRange],
}

impl KnownPlatform {
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

/// The platform, by the first sign that there is.
pub(super) fn detect(objects: &[Object]) -> Option<KnownPlatform> {
    SIGNS.iter().find_map(|(sign, platform)| {
        let because = objects.iter().find_map(|object| sign.seen(object))?;
        Some(KnownPlatform::new(*platform, because))
    })
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
