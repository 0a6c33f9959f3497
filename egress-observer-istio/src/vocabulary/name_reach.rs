//! Where a name may lead, as far as the name itself tells.

use std::net::IpAddr;

use super::host_name::is_of_cluster;

/// `NameReach` is which addresses a name may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameReach {
    /// Any.
    Anywhere,
    /// Any but link-local ones. No router forwards what goes to these (RFC 3927, 2.7; RFC 4291,
    /// 2.5.6), so to whoever asks for a public name they are of no use, and they do not belong in DNS
    /// (RFC 4472, 2.1). Private addresses do work: public names lead there, too.
    Public,
}

/// Top-level domains that are nobody's in public DNS: what is below them is as a machine, a network or a
/// cloud has it (`metadata.google.internal`). RFC 6761, RFC 6762, RFC 8375, RFC 9476, and what ICANN
/// keeps for private use.
const PRIVATE: [&str; 16] = [
    "alt",
    "arpa",
    "corp",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
    "svc",
    "test",
];

/// Domains of public DNS with names at link-local addresses: metadata servers, and names that spell
/// their address.
const LINK_LOCAL: [&str; 4] = [
    // Tencent Cloud: metadata.tencentyun.com is 169.254.0.23.
    "tencentyun.com",
    // IBM Cloud VPC: api.metadata.cloud.ibm.com is 169.254.169.254.
    "metadata.cloud.ibm.com",
    "nip.io",
    "sslip.io",
];

/// VPC Lattice has the names of its services at 169.254.171.0/24: `vpc-lattice-svcs.REGION.on.aws`.
const LATTICE: (&str, &str) = (".vpc-lattice-svcs.", ".on.aws");

impl NameReach {
    /// What a name in the spelling of [`normal`](super::host_name::normal) tells.
    ///
    /// 1. A single label, and a name of the cluster's own, are completed by whatever resolves them.
    /// 2. So is what is below a domain that public DNS does not have.
    /// 3. A few public domains do lead to link-local addresses.
    /// 4. The others do not.
    pub fn of(name: &str, cluster_domain: &str) -> Self {
        let top = name.rsplit('.').next().unwrap_or_default();
        let private = is_of_cluster(name, cluster_domain)
            || is_below(name, cluster_domain)
            || PRIVATE.contains(&top);
        let special = LINK_LOCAL.iter().any(|domain| is_below(name, domain))
            || name.ends_with(LATTICE.1) && name.contains(LATTICE.0);
        if private || special {
            Self::Anywhere
        } else {
            Self::Public
        }
    }

    /// Whether a name may have this address.
    pub fn includes(self, ip: IpAddr) -> bool {
        self == Self::Anywhere || !is_link_local(ip)
    }
}

/// Whether an address is in 169.254.0.0/16 or fe80::/10.
pub fn is_link_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Whether a name is this domain or below it.
fn is_below(name: &str, domain: &str) -> bool {
    let rest = name.strip_suffix(domain);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_names_do_not_lead_to_link_local_addresses() {
        for name in [
            "storage.googleapis.com",
            "www.example.com",
            "a.on.aws",
            "internal.example.com",
            "notnip.io",
        ] {
            assert_eq!(
                NameReach::of(name, "cluster.local"),
                NameReach::Public,
                "{name}"
            );
        }
        for ip in ["169.254.169.254", "fe80::1", "::ffff:169.254.0.1"] {
            assert!(!NameReach::Public.includes(ip.parse().unwrap()), "{ip}");
            assert!(NameReach::Anywhere.includes(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["10.0.0.1", "169.255.0.0", "fd00:ec2::254", "fec0::1"] {
            assert!(NameReach::Public.includes(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn names_that_a_machine_a_network_or_a_cloud_resolves_may_lead_anywhere() {
        for name in [
            "metadata",
            "instance-data",
            "metadata.google.internal",
            "instance-data.ec2.internal",
            "printer.local",
            "nas.home.arpa",
            "metadata.tencentyun.com",
            "api.metadata.cloud.ibm.com",
            "svc-1.7d67968.vpc-lattice-svcs.us-west-2.on.aws",
            "169-254-169-254.nip.io",
            "web.shop.svc",
            "web.shop.svc.k8s.example.org",
            "node-1.k8s.example.org",
        ] {
            let reach = NameReach::of(name, "k8s.example.org");
            assert_eq!(reach, NameReach::Anywhere, "{name}");
        }
    }
}
