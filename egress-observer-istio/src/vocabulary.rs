//! The vocabulary: closed sets of words, each with one spelling that metrics, logs and commands
//! share. A leaf: it uses nothing of ours.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every member, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its one spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The member with this spelling.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

closed_set! {
    /// Transport protocol.
    Protocol {
        /// TCP.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
    }
}

closed_set! {
    /// Which part of a pod connected.
    Actor {
        /// A container of the workload.
        App = "app",
        /// The sidecar or ztunnel.
        Proxy = "proxy",
        /// An init container.
        Init = "init",
    }
}

closed_set! {
    /// How far away the destination is.
    Scope {
        /// Outside the cluster.
        External = "external",
        /// A pod or Service of the cluster.
        Cluster = "cluster",
        /// The pod's own node.
        Node = "node",
        /// Loopback, the pod's own address, or link-local.
        Local = "local",
    }
}

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
    Path {
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
    Registry {
        /// A ServiceEntry declares it.
        ServiceEntry = "service_entry",
        /// It is inside the cluster.
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
        /// Captured as configured; the mesh knows the destination.
        Mediated = "mediated",
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
        /// Captured, and only a host name could tell whether the mesh knows the destination.
        NameNeeded = "name_needed",
        /// Several names lead to the address, and the mesh treats them differently.
        AmbiguousName = "ambiguous_name",
    }
}

closed_set! {
    /// How a connection failed.
    Failure {
        /// Refused by a RST.
        Refused = "refused",
        /// No answer.
        TimedOut = "timed_out",
        /// Unreachable or prohibited.
        Unreachable = "unreachable",
        /// The program gave up first.
        Closed = "closed",
        /// No SYN left: no route, or refused on the spot.
        NotSent = "not_sent",
        /// Anything else.
        Other = "other",
    }
}

closed_set! {
    /// What came of a DNS answer.
    DnsResult {
        /// It told a pod the addresses of a name.
        Named = "named",
        /// It has no address for a host's name.
        NoAddress = "no_address",
        /// It is broken.
        Malformed = "malformed",
        /// No pod that is known asked for it.
        NotAttributed = "not_attributed",
    }
}

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
