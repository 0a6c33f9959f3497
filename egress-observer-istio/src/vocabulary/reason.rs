//! Why a connection is judged as it is.

use super::closed_set::closed_set;

closed_set! {
    /// The rule that decided about a connection, or what is missing for a decision.
    Reason {
        /// The destination is in a range that the pod's rules capture.
        IncludedRange = "included_range",
        /// The destination's port is one that the pod's rules capture, whatever its address is.
        IncludedPort = "included_port",
        /// The destination is in a range that the pod's rules leave alone.
        ExcludedRange = "excluded_range",
        /// The destination's port is one that the pod's rules leave alone.
        ExcludedPort = "excluded_port",
        /// The destination is in no range that the pod's rules capture.
        NotIncluded = "not_included",
        /// The connection leaves by a device that the pod's rules leave alone, or may do so.
        ExcludedInterface = "excluded_interface",
        /// The group of the socket's owner decides whether the pod's rules capture it.
        OwnerGroup = "owner_group",
        /// The socket belongs to the proxy's user or group, whose connections are left alone.
        ProxyUid = "proxy_uid",
        /// The proxy dials its own pod, which the rules send to its inbound listener.
        SelfCall = "self_call",
        /// The connection comes from 127.0.0.6 or ::6: the proxy passes what it took in on to the
        /// application.
        InboundPassthrough = "inbound_passthrough",
        /// The destination is a loopback address or the pod's own.
        Loopback = "loopback",
        /// The rules capture nothing but TCP, and this is no TCP.
        NotTcp = "not_tcp",
        /// The proxy answers this DNS query, or may: it depends on the nameserver that was asked.
        DnsCapture = "dns_capture",
        /// The destination is an IPv6 address, and the pod got no rules for IPv6.
        NoIpv6Rules = "no_ipv6_rules",
        /// The pod has no sidecar.
        NoSidecar = "no_sidecar",
        /// Injection is switched off for the pod.
        InjectionDisabled = "injection_disabled",
        /// The pod uses the node's network, where a sidecar is never injected.
        HostNetwork = "host_network",
        /// The pod has a sidecar that redirects nothing, as with `interceptionMode: NONE` and in
        /// gateways.
        InterceptionNone = "interception_none",
        /// An init container connected before the rules were there.
        InitContainer = "init_container",
        /// The pod is in ambient mode.
        Ambient = "ambient",
        /// The settings of the pod cannot be read; the log says why.
        UnreadableConfig = "unreadable_config",
        /// Istio refuses the mesh configuration or the injector's values, or Envoy a listener, and goes
        /// on with others that nobody here knows.
        ConfigRefused = "config_refused",
        /// The annotations that the CNI plugin read were changed after the pod was made, and it
        /// matters here.
        AnnotationsChanged = "annotations_changed",
        /// An annotation may be the pod's own or one that the injector wrote for the CNI plugin;
        /// its workload's template would tell.
        AnnotationOrigin = "annotation_origin",
        /// The question has only a name, and the rules decide by the address.
        AddressNeeded = "address_needed",
        /// Istio's versions decide differently here, and the pod does not say which one it has.
        UnknownVersion = "unknown_version",
        /// The connection's cgroup belongs to no pod that is known.
        NotAttributed = "not_attributed",
        /// The first list of the cluster's objects is not complete yet.
        NotSynced = "not_synced",
        /// The connection failed, so nobody can prove which path it would have taken.
        NotEstablished = "not_established",
        /// The connection went out as it is, by a container that started before the rules were made and
        /// goes on: before they were, or around them.
        StartedBeforeRules = "started_before_rules",
        /// A listener that is not the mesh's accepted the connection over loopback.
        OtherListener = "other_listener",
        /// The connection was answered over loopback, and the listener that did it was not seen.
        ListenerUnseen = "listener_unseen",
        /// Another socket took the connection's place in the kernel's table before it ended.
        OutcomeLost = "outcome_lost",
        /// Misrouted: a TCP port of an entry without addresses takes every destination at that
        /// port.
        ListenerWithoutAddress = "listener_without_address",
        /// Misrouted: a route of a VirtualService or of a wildcard that is about other hosts takes
        /// the connection.
        Route = "route",
        /// Misrouted: the address is one that another host has in the mesh.
        AddressOfAnother = "address_of_another",
        /// Unreachable: an address that Istio allocates (240.240.0.0/16, 2001:2::/48) means
        /// something to a sidecar only, and this one has no listener there, or does not get the
        /// connection.
        AllocatedAddress = "allocated_address",
        /// Unreachable: the rules capture the connection while the proxy does not run, so it is
        /// refused.
        ProxyNotRunning = "proxy_not_running",
        /// Unreachable: the proxy has no listener for connections of this address family.
        NoListenerForFamily = "no_listener_for_family",
        /// Unreachable: the sidecar sends it to a cluster that it does not have.
        NoCluster = "no_cluster",
        /// Unreachable: ztunnel, or a waypoint, has the address and no endpoint at this port.
        NoEndpoints = "no_endpoints",
        /// The destination is inside the cluster, and no Service is known that would tell which one
        /// it is.
        ServicesNeeded = "services_needed",
        /// The destination is inside the cluster at a port of a headless Service, whose endpoints
        /// would tell more.
        EndpointsNeeded = "endpoints_needed",
        /// Labels send the connection through a waypoint; its Gateway, with its status, would tell
        /// whether there is one.
        WaypointNeeded = "waypoint_needed",
        /// Several entries have the address, and ztunnel keeps the one that it heard of last.
        SharedAddress = "shared_address",
        /// The connection is captured, and only the name of its host would tell whether the mesh
        /// knows it.
        NameNeeded = "name_needed",
        /// Several names lead to the address, and the mesh treats them differently.
        AmbiguousName = "ambiguous_name",
    }
}
