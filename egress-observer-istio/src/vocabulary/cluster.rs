//! What a cluster is made of: its ranges, its platform, its kinds of objects.

use super::closed_set::closed_set;

closed_set! {
    /// Whose addresses a range holds.
    RangeOf {
        /// Pods'.
        Pods = "pods",
        /// Services'.
        Services = "services",
    }
}

closed_set! {
    /// How sure a range of the cluster is, the surest first.
    Confidence {
        /// What the cluster gives out, as it says itself.
        Exact = "exact",
        /// A setting that it was made with, or that a component goes by.
        High = "high",
        /// A part of the range: what is in use today.
        LowerBound = "lower_bound",
    }
}

closed_set! {
    /// What a cluster runs on, as far as its ranges are concerned.
    Platform {
        /// Alibaba Cloud Container Service.
        Ack = "ack",
        /// Azure Kubernetes Service.
        Aks = "aks",
        /// Docker Desktop.
        DockerDesktop = "docker-desktop",
        /// Amazon Elastic Kubernetes Service.
        Eks = "eks",
        /// Google Kubernetes Engine.
        Gke = "gke",
        /// IBM Cloud Private.
        Icp = "icp",
        /// IBM Cloud Kubernetes Service.
        Iks = "iks",
        /// k3s.
        K3s = "k3s",
        /// kind.
        Kind = "kind",
        /// kubeadm, and bare metal.
        Kubeadm = "kubeadm",
        /// minikube.
        Minikube = "minikube",
        /// Oracle Container Engine.
        Oke = "oke",
        /// OpenShift.
        OpenShift = "openshift",
    }
}
