//! Addresses that mean the same in every cluster of a cloud, and that a sidecar has no business
//! with. Each with the page that says so.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One of them.
#[derive(Debug)]
pub(super) struct KnownAddress {
    pub(super) ip: IpAddr,
    pub(super) what: &'static str,
    pub(super) why: &'static str,
    pub(super) price: &'static str,
    pub(super) instead: Option<&'static str>,
    /// The page that says what it is.
    pub(super) page: &'static str,
}

const CREDENTIALS: &str = "Credentials and settings that programs ask for as they start, often before \
                           the proxy is ready. The node answers it itself: the mesh can neither route \
                           nor secure it.";
const CREDENTIALS_PRICE: &str = "Whoever runs in the pod may ask for credentials unseen. Where the sidecar \
                                 refuses it today, that may be meant: limit it at the cloud (workload \
                                 identity, IMDSv2 with a hop limit of 1) before.";
const SERVICE_ENTRY: &str = "A ServiceEntry with this address keeps it seen and under policy, if nothing \
                             asks before the proxy is ready.";
const DNS: &str = "Names are asked for as programs start. Only TCP is captured at all: questions over UDP \
                   go around the sidecar anyway.";
const DNS_PRICE: &str = "The sidecar does not see these questions. Where the proxy answers DNS \
                         (ISTIO_META_DNS_CAPTURE), excluded ranges do not count for port 53.";

/// The addresses. Time servers are not among them: UDP is never captured.
pub(super) const KNOWN: [KnownAddress; 10] = [
    KnownAddress {
        ip: IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
        what: "instance metadata (AWS, Google Cloud, Azure, OpenStack, Oracle Cloud, DigitalOcean)",
        why: CREDENTIALS,
        price: CREDENTIALS_PRICE,
        instead: Some(SERVICE_ENTRY),
        page: "AWS EC2 User Guide, Access instance metadata; Google Cloud, About VM metadata; Azure \
               Instance Metadata Service",
    },
    KnownAddress {
        ip: v6([0xfd00, 0x0ec2, 0x0254]),
        what: "instance metadata over IPv6 (AWS)",
        why: CREDENTIALS,
        price: CREDENTIALS_PRICE,
        instead: Some(SERVICE_ENTRY),
        page: "AWS EC2 User Guide, Access instance metadata",
    },
    KnownAddress {
        ip: v6([0xfd20, 0x00ce, 0x0254]),
        what: "instance metadata over IPv6 (Google Cloud)",
        why: CREDENTIALS,
        price: CREDENTIALS_PRICE,
        instead: Some(SERVICE_ENTRY),
        page: "Google Cloud, View and query VM metadata",
    },
    KnownAddress {
        ip: IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
        what: "credentials of the task (AWS ECS)",
        why: CREDENTIALS,
        price: CREDENTIALS_PRICE,
        instead: Some(SERVICE_ENTRY),
        page: "AWS ECS Developer Guide, Task IAM role",
    },
    KnownAddress {
        ip: IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
        what: "EKS Pod Identity agent",
        why: CREDENTIALS,
        price: CREDENTIALS_PRICE,
        instead: Some(SERVICE_ENTRY),
        page: "Amazon EKS User Guide, Set up the Amazon EKS Pod Identity Agent",
    },
    KnownAddress {
        ip: v6([0xfd00, 0x0ec2, 0x0023]),
        what: "EKS Pod Identity agent over IPv6",
        why: CREDENTIALS,
        price: CREDENTIALS_PRICE,
        instead: Some(SERVICE_ENTRY),
        page: "Amazon EKS User Guide, Set up the Amazon EKS Pod Identity Agent",
    },
    KnownAddress {
        ip: IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
        what: "instance metadata (Alibaba Cloud)",
        why: CREDENTIALS,
        price: CREDENTIALS_PRICE,
        instead: Some(SERVICE_ENTRY),
        page: "Alibaba Cloud ECS, Instance metadata",
    },
    KnownAddress {
        ip: IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
        what: "Azure's platform: DNS, agent, health",
        why: "The host answers it for the node and its agents. It looks like the internet and is not: \
              the mesh can neither route nor secure it.",
        price: "The sidecar does not see these connections.",
        instead: None,
        page: "Azure, What is IP address 168.63.129.16?",
    },
    KnownAddress {
        ip: IpAddr::V4(Ipv4Addr::new(169, 254, 20, 10)),
        what: "NodeLocal DNSCache",
        why: DNS,
        price: DNS_PRICE,
        instead: None,
        page: "Kubernetes, Using NodeLocal DNSCache in Kubernetes Clusters",
    },
    KnownAddress {
        ip: IpAddr::V4(Ipv4Addr::new(169, 254, 169, 253)),
        what: "the VPC's DNS (AWS)",
        why: DNS,
        price: DNS_PRICE,
        instead: None,
        page: "Amazon VPC User Guide, Understanding Amazon DNS",
    },
];

/// `a:b::c`.
const fn v6([a, b, c]: [u16; 3]) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, c))
}

/// What is said of the API server's Service.
pub(super) const API_SERVER: KnownAddress = KnownAddress {
    // Another in every cluster.
    ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    what: "the Kubernetes API server (Service default/kubernetes)",
    why: "Init containers and programs that start with it (operators, clients that elect a leader) ask \
          the API server before the proxy is ready, and are refused.",
    price: "The sidecar does not see the pod's use of the API: no telemetry and no policy. It is under \
            TLS of its own either way.",
    instead: Some(
        "Let the proxy start first: native sidecars (the default from Istio 1.27 on nodes of Kubernetes \
         1.33), or holdApplicationUntilProxyStarts for everything but init containers.",
    ),
    page: "Istio, Common problems: pods or containers start with network issues if istio-proxy is not ready",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_that_the_pages_name() {
        let written = [
            "169.254.169.254",
            "fd00:ec2::254",
            "fd20:ce::254",
            "169.254.170.2",
            "169.254.170.23",
            "fd00:ec2::23",
            "100.100.100.200",
            "168.63.129.16",
            "169.254.20.10",
            "169.254.169.253",
        ];
        assert_eq!(KNOWN.map(|known| known.ip.to_string()), written);
    }
}
