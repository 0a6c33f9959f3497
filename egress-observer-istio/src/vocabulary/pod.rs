//! How a pod stands to the mesh, and why a connection is nobody's.

use super::closed_set::closed_set;

closed_set! {
    /// How a pod is part of the mesh.
    MeshMode {
        /// With a sidecar.
        Sidecar = "sidecar",
        /// In ambient mode.
        Ambient = "ambient",
        /// Not.
        None = "none",
        /// Not, as it uses the node's network.
        HostNetwork = "host_network",
    }
}

closed_set! {
    /// How much of a pod's outbound TCP its setup captures.
    CaptureExtent {
        /// All.
        All = "all",
        /// What lists of ranges or ports say.
        Partial = "partial",
        /// Nothing.
        None = "none",
        /// Its settings cannot be read.
        Unknown = "unknown",
    }
}

closed_set! {
    /// Why a connection has no owner.
    Unattributed {
        /// Its cgroup was never seen: it was gone before it could be looked at.
        CgroupUnseen = "cgroup_unseen",
        /// Its cgroup is a pod's, and the cluster does not tell which pod that is.
        PodUnknown = "pod_unknown",
        /// The pod is known, its container is not, and it matters which one it is.
        ContainerUnknown = "container_unknown",
    }
}
