//! What is expected of a connection, what was seen of it, and the judgement over both.

use super::closed_set::closed_set;

closed_set! {
    /// What the configuration says about a connection.
    Expected {
        /// The sidecar gets it.
        Captured = "captured",
        /// It goes out as it is.
        Direct = "direct",
        /// Cannot be told.
        Unknown = "unknown",
    }
}

closed_set! {
    /// What the kernel did with a connection.
    ObservedPath {
        /// The mesh's listener accepted it.
        Captured = "captured",
        /// It went out as it is.
        Direct = "direct",
        /// Not proved.
        Unknown = "unknown",
    }
}

closed_set! {
    /// What the mesh knows of a destination.
    RegistryMatch {
        /// A ServiceEntry declares it.
        ServiceEntry = "service_entry",
        /// A Service of the cluster.
        Cluster = "cluster",
        /// Nothing declares it.
        Undeclared = "undeclared",
        /// Address and port alone do not tell.
        Unknown = "unknown",
    }
}

closed_set! {
    /// What a sidecar does with destinations that the mesh does not know
    /// (`outboundTrafficPolicy.mode`).
    Policy {
        /// Lets them through.
        AllowAny = "ALLOW_ANY",
        /// Refuses them.
        RegistryOnly = "REGISTRY_ONLY",
    }
}

closed_set! {
    /// The judgement over a connection.
    Verdict {
        /// Captured as configured; the sidecar sends it to the host that was dialled, or to one that a
        /// VirtualService puts in its place.
        Mediated = "mediated",
        /// Captured; the sidecar sends it to another host than the one that was dialled.
        Misrouted = "misrouted",
        /// It cannot arrive, whatever the policy.
        Unreachable = "unreachable",
        /// Captured; an unknown destination under ALLOW_ANY.
        Passthrough = "passthrough",
        /// Captured; an unknown destination under REGISTRY_ONLY.
        Blocked = "blocked",
        /// Direct, as configured.
        ConfiguredBypass = "configured_bypass",
        /// Direct, as configured, though a ServiceEntry declares the destination.
        DeclaredBypass = "declared_bypass",
        /// The configuration says capture, the kernel saw it go direct.
        UnexpectedBypass = "unexpected_bypass",
        /// The configuration says direct, the sidecar got it.
        UnexpectedCapture = "unexpected_capture",
        /// The pod is not in the mesh.
        Unmeshed = "unmeshed",
        /// The proxy's own connection.
        ProxyUpstream = "proxy_upstream",
        /// Not provable; the reason says why.
        Unknown = "unknown",
    }
}
