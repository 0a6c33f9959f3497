//! Why a connection is judged as it is.

use super::closed_set::closed_set;

closed_set! {
    /// The rule that decided, or what is missing for a decision.
    Reason {
        /// In an included range.
        IncludedRange = "included_range",
        /// An included port.
        IncludedPort = "included_port",
        /// In an excluded range.
        ExcludedRange = "excluded_range",
        /// An excluded port.
        ExcludedPort = "excluded_port",
        /// In no included range.
        NotIncluded = "not_included",
        /// Leaves by an excluded device, or may.
        ExcludedInterface = "excluded_interface",
        /// By the group of the socket's owner.
        OwnerGroup = "owner_group",
        /// The socket belongs to the proxy's user or group.
        ProxyUid = "proxy_uid",
        /// The proxy dials its own pod: that goes to its inbound listener.
        SelfCall = "self_call",
        /// From 127.0.0.6 or ::6: what the proxy took in, on its way to the application.
        InboundPassthrough = "inbound_passthrough",
        /// Loopback, or the pod's own address.
        Loopback = "loopback",
        /// Only TCP is captured.
        NotTcp = "not_tcp",
        /// The proxy answers DNS, or may: it depends on the nameserver asked.
        DnsCapture = "dns_capture",
        /// IPv6 from a pod that got no rules for it.
        NoIpv6Rules = "no_ipv6_rules",
        /// The pod has no sidecar.
        NoSidecar = "no_sidecar",
        /// Injection is switched off for the pod.
        InjectionDisabled = "injection_disabled",
        /// The pod uses the node's network and is never injected.
        HostNetwork = "host_network",
        /// The pod has a sidecar that redirects nothing (`interceptionMode: NONE`, gateways).
        InterceptionNone = "interception_none",
        /// An init container that ran before the rules.
        InitContainer = "init_container",
        /// The pod is in ambient mode.
        Ambient = "ambient",
        /// The pod's settings cannot be read; the log says why.
        UnreadableConfig = "unreadable_config",
        /// Istio refuses the mesh configuration or the injector's values, and goes on with others that
        /// nobody here knows.
        ConfigRefused = "config_refused",
        /// The annotations that the CNI plugin read were changed after the pod was made, and it
        /// matters here.
        AnnotationsChanged = "annotations_changed",
        /// An annotation may be the pod's own or one that the injector wrote for the CNI plugin;
        /// its workload's template would tell.
        AnnotationOrigin = "annotation_origin",
        /// Only a name is given, and the address decides.
        AddressNeeded = "address_needed",
        /// Versions of Istio differ here, and the pod does not say which one it has.
        UnknownVersion = "unknown_version",
        /// The cgroup belongs to no pod that is known.
        NotAttributed = "not_attributed",
        /// The cluster's state is not known yet.
        NotSynced = "not_synced",
        /// The connection failed, so its path cannot be proved.
        NotEstablished = "not_established",
        /// Accepted over loopback by a listener that is not the mesh's.
        OtherListener = "other_listener",
        /// Answered over loopback; the listener was not seen.
        ListenerUnseen = "listener_unseen",
        /// Its place in a table was taken before it ended.
        OutcomeLost = "outcome_lost",
        /// Misrouted: a TCP port without addresses takes every destination on it.
        ListenerWithoutAddress = "listener_without_address",
        /// Misrouted: by a route of a VirtualService, or of a wildcard, that is about other hosts.
        Route = "route",
        /// Misrouted: the address is one of another host's.
        AddressOfAnother = "address_of_another",
        /// Unreachable: an address that Istio allocates (240.240.0.0/16, 2001:2::/48) means something
        /// to a sidecar only, and this one has no listener there, or does not get the connection.
        AllocatedAddress = "allocated_address",
        /// Unreachable: captured while the proxy does not run, so that it is refused.
        ProxyNotRunning = "proxy_not_running",
        /// Unreachable: the proxy has no listener for connections of this address family.
        NoListenerForFamily = "no_listener_for_family",
        /// Unreachable: the sidecar sends it to a cluster that it does not have.
        NoCluster = "no_cluster",
        /// Inside the cluster, and no Service is known: Services would tell.
        ServicesNeeded = "services_needed",
        /// Inside the cluster, at a port of a headless Service: its endpoints would tell.
        EndpointsNeeded = "endpoints_needed",
        /// Captured, and only a host name could tell whether the mesh knows the destination.
        NameNeeded = "name_needed",
        /// Several names lead to the address, and the mesh treats them differently.
        AmbiguousName = "ambiguous_name",
    }
}
