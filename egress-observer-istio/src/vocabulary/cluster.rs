//! What a cluster is made of: its ranges, its platform, its kinds of objects.

use super::closed_set::closed_set;

closed_set! {
    /// What gets its addresses from a range of the cluster.
    RangeOf {
        /// The cluster gives the range's addresses to pods.
        Pods = "pods",
        /// The cluster gives the range's addresses to Services, as their cluster IPs.
        Services = "services",
    }
}

closed_set! {
    /// How sure it is that a range belongs to the cluster, the surest first.
    Confidence {
        /// The API says itself that the cluster gives out these addresses.
        Exact = "exact",
        /// The range is a setting that the cluster was made with, or that one of its components
        /// goes by.
        High = "high",
        /// The range is what is in use today, and so only a part of what the cluster may give out.
        LowerBound = "lower_bound",
    }
}

closed_set! {
    /// What a cluster runs on, as far as that tells where its ranges are written down.
    Platform {
        /// The cluster is one of Alibaba Cloud's Container Service for Kubernetes.
        Ack = "ack",
        /// The cluster is one of Azure Kubernetes Service.
        Aks = "aks",
        /// The cluster is that of Docker Desktop.
        DockerDesktop = "docker-desktop",
        /// The cluster is one of Amazon Elastic Kubernetes Service.
        Eks = "eks",
        /// The cluster is one of Google Kubernetes Engine.
        Gke = "gke",
        /// The cluster is one of IBM Cloud Private.
        Icp = "icp",
        /// The cluster is one of IBM Cloud Kubernetes Service.
        Iks = "iks",
        /// The cluster is made by k3s.
        K3s = "k3s",
        /// The cluster is made by kind.
        Kind = "kind",
        /// The cluster is made by kubeadm, or runs on bare metal.
        Kubeadm = "kubeadm",
        /// The cluster is made by minikube.
        Minikube = "minikube",
        /// The cluster is one of Oracle's Container Engine for Kubernetes.
        Oke = "oke",
        /// The cluster is one of OpenShift.
        OpenShift = "openshift",
    }
}
