//! How a connection is described: who made it, where to, and what came of it.

use super::closed_set::closed_set;

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
    /// How a connection failed.
    ConnectionFailure {
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
