//! What is expected of a connection, what was seen of it, and the judgement over both.

use super::closed_set::closed_set;

closed_set! {
    /// What the pod's configuration says that happens to a connection.
    Expected {
        /// The rules of the pod send it to the proxy.
        Captured = "captured",
        /// The rules of the pod let it go out as it is.
        Direct = "direct",
        /// The configuration alone does not tell.
        Unknown = "unknown",
    }
}

closed_set! {
    /// What the kernel did with a connection.
    ObservedPath {
        /// A listener of the mesh accepted it.
        Captured = "captured",
        /// It went out to its destination as it is.
        Direct = "direct",
        /// Nothing that was seen proves either.
        Unknown = "unknown",
    }
}

closed_set! {
    /// What the mesh knows of a destination.
    RegistryMatch {
        /// A ServiceEntry declares the destination.
        ServiceEntry = "service_entry",
        /// The destination is a Service of the cluster.
        Cluster = "cluster",
        /// Nothing that the client sees declares the destination.
        Undeclared = "undeclared",
        /// What is known of the destination does not tell, such as an address and a port without a
        /// name.
        Unknown = "unknown",
    }
}

closed_set! {
    /// What a sidecar does with destinations that the mesh does not know
    /// (`outboundTrafficPolicy.mode`).
    Policy {
        /// The sidecar lets them through.
        AllowAny = "ALLOW_ANY",
        /// The sidecar refuses them.
        RegistryOnly = "REGISTRY_ONLY",
    }
}

closed_set! {
    /// The judgement over a connection, from configuration and evidence together.
    Verdict {
        /// The connection is captured as configured; the sidecar sends it to the host that was
        /// dialled, or to one that a VirtualService puts in its place.
        Mediated = "mediated",
        /// The connection is captured; the sidecar sends it to another host than the one that was
        /// dialled.
        Misrouted = "misrouted",
        /// The connection cannot arrive, whatever the policy is.
        Unreachable = "unreachable",
        /// The connection is captured; the mesh does not know the destination, and ALLOW_ANY lets
        /// it through.
        Passthrough = "passthrough",
        /// The connection is captured; the mesh does not know the destination, and REGISTRY_ONLY
        /// refuses it.
        Blocked = "blocked",
        /// The connection goes out directly, as configured.
        ConfiguredBypass = "configured_bypass",
        /// The connection goes out directly, as configured, though a ServiceEntry declares the
        /// destination.
        DeclaredBypass = "declared_bypass",
        /// The configuration says that the connection is captured, and the kernel saw it go out
        /// directly.
        UnexpectedBypass = "unexpected_bypass",
        /// The configuration says that the connection goes out directly, and the sidecar got it.
        UnexpectedCapture = "unexpected_capture",
        /// The pod is not in the mesh.
        Unmeshed = "unmeshed",
        /// The proxy of the pod made the connection itself.
        ProxyUpstream = "proxy_upstream",
        /// Nothing proves any other verdict; the reason says what is missing.
        Unknown = "unknown",
    }
}
