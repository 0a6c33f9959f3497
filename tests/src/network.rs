//! The node's network: a router between pods on a bridge and the world outside.
//!
//! ```text
//! pod --- eth0 | v<n> -- br0 (node, router) ext0 | eth0 --- ext: servers and DNS on its loopback
//! ```
//! Nothing is connected to the machine's own network, so real public names get test addresses
//! (RFC 2544, RFC 3849) that no one else answers on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result};

use crate::{netns::Netns, rules::Family, run::Run};

/// The pods' range, as the cluster's configuration would have it.
pub const POD_CIDR: &str = "10.79.1.0/24";
pub const POD_CIDR_V6: &str = "fd79:0:0:1::/64";
/// The services' range that kubeadm chooses.
pub const SERVICE_CIDR: &str = "10.96.0.0/12";
/// The node's address on the pods' bridge.
pub const NODE_IP: Ipv4Addr = Ipv4Addr::new(10, 79, 1, 1);
/// The bridge's own address. Without one it takes the lowest of its ports' and changes it with every pod
/// that comes or goes: others go on sending to the last one, for seconds or for good.
const BRIDGE: &str = "02:00:0a:4f:01:01";
/// The API server's Service: the first address of the range.
pub const API_IP: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
/// The cluster's DNS service.
pub const DNS_IP: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);

/// A server outside the cluster, and what DNS says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outside {
    pub host: &'static str,
    /// Other hosts that have the same addresses.
    pub more_hosts: &'static [&'static str],
    /// What its hosts are aliases of, link by link; none where they have addresses themselves.
    pub aliases: &'static [&'static str],
    pub v4: Ipv4Addr,
    pub v6: Ipv6Addr,
    /// The only one that DNS has: from both, a client would choose by itself.
    pub family: Family,
}

impl Outside {
    const fn new(host: &'static str, number: u8) -> Self {
        // The last part reads the same in both families.
        let last = (number / 10 * 16 + number % 10) as u16;
        Self {
            host,
            more_hosts: &[],
            aliases: &[],
            v4: Ipv4Addr::new(198, 18, 0, number),
            v6: Ipv6Addr::new(0x2001, 0xdb8, 0x18, 0, 0, 0, 0, last),
            family: Family::V4,
        }
    }

    /// Every host with its addresses.
    pub fn hosts(self) -> impl Iterator<Item = &'static str> {
        [self.host]
            .into_iter()
            .chain(self.more_hosts.iter().copied())
    }

    /// What a client ends at that asks DNS for it.
    pub fn address(self) -> IpAddr {
        match self.family {
            Family::V4 => self.v4.into(),
            Family::V6 => self.v6.into(),
        }
    }
}

pub const HTTPBIN: Outside = Outside::new("httpbin.org", 10);
/// An alias of an alias, as in reality.
pub const BAIDU: Outside = Outside {
    aliases: &["www.a.shifen.com", "www.wshifen.com"],
    ..Outside::new("www.baidu.com", 20)
};
/// Two hosts behind one address, as behind a content network's.
pub const SHARED: Outside = Outside {
    more_hosts: &["b.shared.example"],
    ..Outside::new("a.shared.example", 30)
};
pub const ONLY_V6: Outside = Outside {
    family: Family::V6,
    ..Outside::new("v6.example", 40)
};
/// The host of a TCP entry without addresses.
pub const QUEUE: Outside = Outside::new("queue.example", 50);
/// A host whose requests a VirtualService sends to one that nobody declares.
pub const API: Outside = Outside::new("api.example", 60);
/// Everything that has an address outside.
pub const OUTSIDE: [Outside; 6] = [HTTPBIN, BAIDU, SHARED, ONLY_V6, QUEUE, API];

/// The node's router and the world outside.
#[derive(Debug)]
pub struct Network {
    node: Netns,
    ext: Netns,
    n_pods: u8,
}

/// A pod's place in the network.
#[derive(Debug)]
pub struct PodNetwork {
    pub netns: Netns,
    pub v4: Ipv4Addr,
    pub v6: Ipv6Addr,
}

impl Network {
    pub fn create(run: &Run) -> Result<Self> {
        let node = Netns::create(&run.netns_name("node"))?;
        let ext = Netns::create(&run.netns_name("ext"))?;
        node.set("ipv4/ip_forward", "1")?;
        node.set("ipv6/conf/all/forwarding", "1")
            .context("IPv6 is off on this machine")?;
        let peer = ext.name();
        // nodad: an address is usable at once, no one else can have it.
        node.ip(&format!(
            "link add br0 address {BRIDGE} type bridge\n\
             addr add {NODE_IP}/24 dev br0\n\
             addr add fd79:0:0:1::1/64 dev br0 nodad\n\
             link set br0 up\n\
             link add ext0 type veth peer name eth0 netns {peer}\n\
             addr add 10.79.2.1/24 dev ext0\n\
             addr add fd79:0:0:2::1/64 dev ext0 nodad\n\
             link set ext0 up\n"
        ))?;
        let mut outside = String::from(
            "addr add 10.79.2.2/24 dev eth0\n\
             addr add fd79:0:0:2::2/64 dev eth0 nodad\n\
             link set eth0 up\n\
             route add default via 10.79.2.1\n\
             route add ::/0 via fd79:0:0:2::1\n",
        );
        outside.push_str(&format!("addr add {DNS_IP}/32 dev lo\n"));
        for Outside { v4, v6, .. } in OUTSIDE {
            outside.push_str(&format!(
                "addr add {v4}/32 dev lo\naddr add {v6}/128 dev lo nodad\n"
            ));
        }
        ext.ip(&outside)?;
        node.ip("route add default via 10.79.2.2\n\
             route add ::/0 via fd79:0:0:2::2\n")?;
        Ok(Self {
            node,
            ext,
            n_pods: 0,
        })
    }

    /// The node's own: its address is where pods find what the node serves.
    pub fn node(&self) -> &Netns {
        &self.node
    }

    /// The world outside.
    pub fn ext(&self) -> &Netns {
        &self.ext
    }

    /// Connects a new pod.
    pub fn add_pod(&mut self, run: &Run, name: &str) -> Result<PodNetwork> {
        self.n_pods = self.n_pods.checked_add(1).context("too many pods")?;
        let number = self.n_pods;
        let host = number.checked_add(10).context("too many pods")?;
        let v4 = Ipv4Addr::new(10, 79, 1, host);
        let v6 = Ipv6Addr::new(0xfd79, 0, 0, 1, 0, 0, 0, u16::from(host));
        let netns = Netns::create(&run.netns_name(name))?;
        self.node.ip(&format!(
            "link add v{number} type veth peer name eth0 netns {}\n\
             link set v{number} master br0 up\n",
            netns.name()
        ))?;
        netns.ip(&format!(
            "addr add {v4}/24 dev eth0\n\
             addr add {v6}/64 dev eth0 nodad\n\
             link set eth0 up\n\
             route add default via {NODE_IP}\n\
             route add ::/0 via fd79:0:0:1::1\n"
        ))?;
        Ok(PodNetwork { netns, v4, v6 })
    }
}
