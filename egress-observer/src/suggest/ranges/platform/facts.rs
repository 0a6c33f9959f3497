//! Where each platform says its ranges, and which are usual. The usual ones are for people: no
//! value is made of them.
//!
//! Figures of Istio's page on accessing external services, which names ranges by platform, are
//! called so; the others are the platforms' defaults.

use serde::Serialize;

use egress_observer_istio::vocabulary::Platform;

/// What there is to know of a platform.
pub(super) struct Facts {
    pub(super) title: &'static str,
    pub(super) ask: &'static [&'static str],
    pub(super) shows: &'static str,
    pub(super) usual: &'static [UsualRange],
}

/// A range that is usual.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct UsualRange {
    pub(crate) cidr: &'static str,
    /// Whose addresses, and who says so.
    pub(crate) of: &'static str,
}

const fn usual(cidr: &'static str, of: &'static str) -> UsualRange {
    UsualRange { cidr, of }
}

/// kubeadm and what is made with it.
const API_SERVER: &str = "kubectl describe pod -n kube-system -l component=kube-apiserver | grep service-cluster-ip-range";
const CONTROLLER: &str =
    "kubectl describe pod -n kube-system -l component=kube-controller-manager | grep cluster-cidr";
const SHOWS_ALL: &str = "The control plane's pods and the ConfigMap kube-system/kubeadm-config show \
                         both ranges. A network plugin with a pool of its own (Calico, Cilium) goes \
                         by that for pods.";

/// What is known of a platform.
pub(super) const fn of(platform: Platform) -> Facts {
    match platform {
        Platform::Ack => ACK,
        Platform::Aks => AKS,
        Platform::DockerDesktop => DOCKER_DESKTOP,
        Platform::Eks => EKS,
        Platform::Gke => GKE,
        Platform::Icp => ICP,
        Platform::Iks => IKS,
        Platform::K3s => K3S,
        Platform::Kind => KIND,
        Platform::Kubeadm => KUBEADM,
        Platform::Minikube => MINIKUBE,
        Platform::Oke => OKE,
        Platform::OpenShift => OPENSHIFT,
    }
}

const ACK: Facts = Facts {
    title: "Alibaba Cloud Container Service (ACK)",
    ask: &[
        "# the cluster's page, Cluster Information, Basic Information: Pod CIDR and Service CIDR",
        "aliyun cs GET /clusters/CLUSTER_ID   # fields container_cidr (or subnet_cidr) and service_cidr",
        "kubectl get configmap -n kube-system eni-config -o yaml   # Terway: service_cidr",
    ],
    shows: "With Flannel the nodes show the pods' ranges (podCIDR). With Terway pods have addresses of \
            vSwitches of the VPC, which no object in the cluster shows as a range; the ConfigMap \
            kube-system/eni-config shows the Service range.",
    usual: &[
        usual("172.20.0.0/16", "pods (an example of the documentation)"),
        usual(
            "172.21.0.0/20",
            "services (an example of the documentation)",
        ),
    ],
};

const AKS: Facts = Facts {
    title: "Azure Kubernetes Service (AKS)",
    ask: &["az aks show -g GROUP -n NAME --query networkProfile   # podCidrs and serviceCidrs"],
    shows: "With kubenet the nodes show the pods' ranges (podCIDR). With Azure CNI pods have addresses \
            of a subnet of the virtual network, and with its overlay of the range podCidr: no object \
            in the cluster shows either as a range.",
    usual: &[
        usual(
            "10.244.0.0/16",
            "pods (Istio's page; the default of kubenet and overlay)",
        ),
        usual(
            "10.240.0.0/16",
            "nodes, and pods with Azure CNI (Istio's page)",
        ),
        usual("10.0.0.0/16", "services (the default; not on Istio's page)"),
    ],
};

const DOCKER_DESKTOP: Facts = Facts {
    title: "Docker Desktop",
    ask: &[API_SERVER, CONTROLLER],
    shows: SHOWS_ALL,
    usual: &[
        usual("10.96.0.0/12", "services (Istio's page)"),
        usual("10.1.0.0/16", "pods"),
    ],
};

const EKS: Facts = Facts {
    title: "Amazon Elastic Kubernetes Service (EKS)",
    ask: &[
        "aws eks describe-cluster --name NAME --query cluster.kubernetesNetworkConfig   # serviceIpv4Cidr",
        "aws ec2 describe-vpcs --vpc-ids VPC --query 'Vpcs[].CidrBlockAssociationSet[].CidrBlock'   # pods",
        "kubectl get eniconfigs -o yaml   # pods in subnets of their own (custom networking)",
    ],
    shows: "With the VPC's network plugin pods have addresses of subnets of the VPC: nodes have no \
            podCIDR, and no object in the cluster shows these subnets as ranges. Other addresses of \
            the VPC, such as those of databases, are in the same ranges.",
    usual: &[
        usual("10.100.0.0/16", "services (unless the VPC overlaps)"),
        usual(
            "172.20.0.0/16",
            "services (where the VPC overlaps with 10.0.0.0/8)",
        ),
        usual("100.64.0.0/10", "pods with custom networking, often"),
    ],
};

const GKE: Facts = Facts {
    title: "Google Kubernetes Engine (GKE)",
    ask: &[
        "gcloud container clusters describe NAME --zone ZONE | grep -e clusterIpv4Cidr -e servicesIpv4Cidr",
    ],
    shows: "Nodes show parts of the pods' range (podCIDR), kube-proxy's pods the whole of it \
            (--cluster-cidr), unless there is Dataplane V2 or there are more pod ranges than one. The \
            control plane's pods are not visible.",
    usual: &[
        usual("10.4.0.0/14", "pods (an example of Istio's page)"),
        usual("10.7.240.0/20", "services (an example of Istio's page)"),
        usual(
            "34.118.224.0/20",
            "services (the default of newer clusters; looks like the internet)",
        ),
    ],
};

const ICP: Facts = Facts {
    title: "IBM Cloud Private",
    ask: &[
        "grep -e service_cluster_ip_range -e network_cidr cluster/config.yaml   # of the installation",
    ],
    shows: "The figure is in the file that the cluster was installed from. Calico's IPPool shows the \
            pods' range, the pods of kube-apiserver the Services'.",
    usual: &[
        usual(
            "10.0.0.1/24",
            "services (Istio's page; host bits count for nothing)",
        ),
        usual("10.1.0.0/16", "pods"),
    ],
};

const IKS: Facts = Facts {
    title: "IBM Cloud Kubernetes Service",
    ask: &["ibmcloud ks cluster get --cluster NAME   # Pod Subnet and Service Subnet"],
    shows: "Calico's IPPool shows the pods' range. The control plane's pods are not visible.",
    usual: &[
        usual("172.30.0.0/16", "pods (Istio's page)"),
        usual("172.21.0.0/16", "services (Istio's page)"),
        usual("10.10.10.0/24", "not said whose (Istio's page)"),
    ],
};

const K3S: Facts = Facts {
    title: "k3s",
    ask: &[
        "grep -e cluster-cidr -e service-cidr /etc/rancher/k3s/config.yaml   # on a server; absent: defaults",
        "kubectl get nodes -o yaml | grep k3s.io/node-args",
    ],
    shows: "Nodes show parts of the pods' range (podCIDR), and servers the flags that they were started \
            with (annotation k3s.io/node-args). The control plane has no pods.",
    usual: &[
        usual("10.42.0.0/16", "pods"),
        usual("10.43.0.0/16", "services"),
    ],
};

const KIND: Facts = Facts {
    title: "kind",
    ask: &[API_SERVER, CONTROLLER],
    shows: SHOWS_ALL,
    usual: &[
        usual("10.244.0.0/16", "pods"),
        usual("10.96.0.0/16", "services"),
    ],
};

const KUBEADM: Facts = Facts {
    title: "kubeadm, bare metal",
    ask: &[
        API_SERVER,
        CONTROLLER,
        "kubectl get configmap -n kube-system kubeadm-config -o yaml   # podSubnet, serviceSubnet",
    ],
    shows: SHOWS_ALL,
    usual: &[usual("10.96.0.0/12", "services (Istio's page)")],
};

const MINIKUBE: Facts = Facts {
    title: "minikube",
    ask: &[API_SERVER, CONTROLLER],
    shows: SHOWS_ALL,
    usual: &[
        usual("10.96.0.0/12", "services (Istio's page)"),
        usual("10.244.0.0/16", "pods"),
    ],
};

const OKE: Facts = Facts {
    title: "Oracle Container Engine (OKE)",
    ask: &[
        "oci ce cluster get --cluster-id OCID --query 'data.options.\"kubernetes-network-config\"'",
    ],
    shows: "With flannel the nodes show the pods' ranges (podCIDR). With the VCN-native plugin pods have \
            addresses of subnets of the VCN, which no object in the cluster shows as ranges.",
    usual: &[
        usual("10.244.0.0/16", "pods"),
        usual("10.96.0.0/16", "services"),
    ],
};

const OPENSHIFT: Facts = Facts {
    title: "OpenShift",
    ask: &["oc get network.config.openshift.io cluster -o yaml   # clusterNetwork, serviceNetwork"],
    shows: "The object Network of config.openshift.io named cluster shows both ranges.",
    usual: &[
        usual("10.128.0.0/14", "pods"),
        usual("172.30.0.0/16", "services"),
    ],
};
