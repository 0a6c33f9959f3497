//! How a connection is described: who made it, where to, and what came of it.

use super::closed_set::closed_set;

closed_set! {
    /// The transport protocol of a connection.
    Protocol {
        /// The connection is one of TCP.
        Tcp = "tcp",
        /// The connection is a UDP socket's, or a datagram's to a destination of its own.
        Udp = "udp",
    }
}

closed_set! {
    /// Which part of a pod made a connection.
    Actor {
        /// A container of the workload made it.
        App = "app",
        /// The pod's sidecar, or ztunnel in its place, made it.
        Proxy = "proxy",
        /// An init container made it.
        Init = "init",
    }
}

closed_set! {
    /// How far away from the pod a destination is.
    Scope {
        /// The destination is outside the cluster.
        External = "external",
        /// The destination is a pod or a Service of the cluster.
        Cluster = "cluster",
        /// The destination is the node that the pod runs on.
        Node = "node",
        /// The destination is a loopback address, the pod's own address or a link-local one.
        Local = "local",
    }
}

closed_set! {
    /// How a connection failed, as far as the kernel saw it.
    ConnectionFailure {
        /// The other end refused it by a RST.
        Refused = "refused",
        /// Nobody answered before the kernel gave up.
        TimedOut = "timed_out",
        /// The kernel was told, or found out itself, that the destination is unreachable or prohibited.
        Unreachable = "unreachable",
        /// The program closed the socket before there was an answer.
        Closed = "closed",
        /// No SYN left the pod, because there is no route or a rule refused it on the spot.
        NotSent = "not_sent",
        /// The kernel gave another error than those that have a word here.
        Other = "other",
    }
}

closed_set! {
    /// What came of a DNS answer that a pod got.
    DnsResult {
        /// The answer told a pod the addresses of a name.
        Named = "named",
        /// The answer has no address for the name of a host.
        NoAddress = "no_address",
        /// The answer is no DNS message that can be read.
        Malformed = "malformed",
        /// No pod that is known asked for the answer.
        NotAttributed = "not_attributed",
    }
}
