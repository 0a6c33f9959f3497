//! How a pod stands to the mesh, and why a connection is nobody's.

use super::closed_set::closed_set;

closed_set! {
    /// How a pod takes part in the mesh.
    MeshMode {
        /// The pod has a sidecar.
        Sidecar = "sidecar",
        /// The pod is in ambient mode: ztunnel of its node takes its connections.
        Ambient = "ambient",
        /// The pod is not in the mesh.
        None = "none",
        /// The pod is not in the mesh, because it uses the node's network.
        HostNetwork = "host_network",
    }
}

closed_set! {
    /// How much of a pod's outbound TCP the rules of its setup capture.
    CaptureExtent {
        /// The setup captures all of it, but for what every setup leaves alone, such as loopback.
        All = "all",
        /// Lists of ranges or ports say what is captured.
        Partial = "partial",
        /// The setup captures nothing.
        None = "none",
        /// The settings of the pod cannot be read.
        Unknown = "unknown",
    }
}

closed_set! {
    /// Why a connection has no owner among the pods.
    Unattributed {
        /// The cgroup was gone before anybody could look at it, so nobody knows whose it was.
        CgroupUnseen = "cgroup_unseen",
        /// The cgroup is a pod's, and the cluster does not tell which pod that is.
        PodUnknown = "pod_unknown",
        /// The pod is known, but not which container of it connected, and the verdict depends on
        /// that.
        ContainerUnknown = "container_unknown",
    }
}
