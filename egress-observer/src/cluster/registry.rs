//! What ServiceEntries declare, by address and port.
//!
//! Which entry a sidecar picks depends on the port's protocol
//! (`pilot/pkg/networking/core/{listener,httproute,tls}.go`): TCP ports go by address, HTTP and
//! TLS ports without addresses by host name. A host's addresses are those that the entry itself
//! gives; where it gives none, address and port do not tell.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

use ipnet::IpNet;
use tracing::warn;

use super::{objects, pod::namespace};

/// What the declared entries say of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Declared {
    /// An entry for this host, as written there, takes it.
    Host(Arc<str>),
    /// No entry takes it.
    No,
    /// An entry takes this port by host name only.
    NameNeeded,
}

/// A declared host, and who may see it.
#[derive(Clone, Debug)]
struct Entry {
    host: Arc<str>,
    namespace: Arc<str>,
    export_to: Arc<[String]>,
}

/// All ServiceEntries, indexed.
#[derive(Debug, Default)]
pub struct ServiceEntries {
    by_address: HashMap<(IpAddr, u16), Vec<Entry>>,
    by_range: HashMap<u16, Vec<(IpNet, Entry)>>,
    /// TCP ports of entries without addresses: they take every address.
    by_port: HashMap<u16, Vec<Entry>>,
    /// Ports of entries that only a host name leads to.
    by_name: HashMap<u16, Vec<Entry>>,
}

/// How a port's traffic finds its entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Matching {
    Address,
    Name,
    Never,
}

fn matching(protocol: &str) -> Matching {
    match protocol.to_ascii_uppercase().as_str() {
        "UDP" => Matching::Never,
        "TCP" | "MONGO" | "MYSQL" | "REDIS" => Matching::Address,
        // Named, or to be found out by sniffing.
        _ => Matching::Name,
    }
}

impl ServiceEntries {
    /// Takes an entry in. An address that cannot be read is named in the log and left out.
    pub(crate) fn add(&mut self, object: &objects::ServiceEntry) {
        let metadata = &object.metadata;
        let spec = &object.spec;
        let Some(host) = spec.hosts.first() else {
            return;
        };
        let entry = Entry {
            host: host.as_str().into(),
            namespace: namespace(&metadata.namespace),
            export_to: spec.export_to.clone().into(),
        };
        let mut ranges = Vec::new();
        for address in &spec.addresses {
            match address
                .parse()
                .or_else(|_| address.parse::<IpAddr>().map(IpNet::from))
            {
                Ok(range) => ranges.push(range),
                Err(_) => warn!(
                    service_entry = %format!("{}/{}", metadata.namespace, metadata.name),
                    field = "spec.addresses",
                    value = %address,
                    "neither an address nor a CIDR: left out"
                ),
            }
        }
        let endpoints: HashSet<IpAddr> = spec
            .endpoints
            .iter()
            .filter_map(|endpoint| endpoint.address.parse().ok())
            .collect();
        for port in &spec.ports {
            let matching = matching(&port.protocol);
            if matching == Matching::Never {
                continue;
            }
            for range in &ranges {
                self.add_range(*range, port.number, &entry);
            }
            for endpoint in &endpoints {
                let target = if port.target_port == 0 {
                    port.number
                } else {
                    port.target_port
                };
                for number in HashSet::from([port.number, target]) {
                    self.by_address
                        .entry((*endpoint, number))
                        .or_default()
                        .push(entry.clone());
                }
            }
            if ranges.is_empty() && matching == Matching::Address {
                self.by_port
                    .entry(port.number)
                    .or_default()
                    .push(entry.clone());
            } else if ranges.is_empty() && endpoints.is_empty() {
                self.by_name
                    .entry(port.number)
                    .or_default()
                    .push(entry.clone());
            }
        }
    }

    fn add_range(&mut self, range: IpNet, port: u16, entry: &Entry) {
        if range.prefix_len() == range.max_prefix_len() {
            self.by_address
                .entry((range.addr(), port))
                .or_default()
                .push(entry.clone());
        } else {
            self.by_range
                .entry(port)
                .or_default()
                .push((range, entry.clone()));
        }
    }

    /// What a sidecar in `namespace` makes of a TCP destination: an entry for the address, then
    /// the one with the longest range, then one that takes the port at any address.
    pub fn lookup(&self, namespace: &str, ip: IpAddr, port: u16) -> Declared {
        let found = self
            .by_address
            .get(&(ip, port))
            .and_then(|entries| visible(namespace, entries.iter()))
            .or_else(|| self.by_range(namespace, ip, port))
            .or_else(|| visible(namespace, self.by_port.get(&port)?.iter()));
        if let Some(entry) = found {
            return Declared::Host(Arc::clone(&entry.host));
        }
        let named = self.by_name.get(&port).map_or(&[][..], Vec::as_slice);
        if visible(namespace, named.iter()).is_some() {
            Declared::NameNeeded
        } else {
            Declared::No
        }
    }

    fn by_range(&self, namespace: &str, ip: IpAddr, port: u16) -> Option<&Entry> {
        let ranges = self.by_range.get(&port)?;
        let matching = || ranges.iter().filter(|(range, _)| range.contains(&ip));
        let longest = matching().map(|(range, _)| range.prefix_len()).max()?;
        let entries = matching().filter(|(range, _)| range.prefix_len() == longest);
        visible(namespace, entries.map(|(_, entry)| entry))
    }
}

/// The entry that counts for a namespace: its own before others', these by name.
fn visible<'a>(namespace: &str, entries: impl Iterator<Item = &'a Entry>) -> Option<&'a Entry> {
    entries
        .filter(|entry| {
            let own = &*entry.namespace == namespace;
            entry.export_to.is_empty()
                || entry.export_to.iter().any(|to| match to.as_str() {
                    "*" => true,
                    "." => own,
                    name => name == namespace,
                })
        })
        .min_by_key(|entry| (&*entry.namespace != namespace, Arc::clone(&entry.namespace)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entries(specs: &[(&str, Value)]) -> ServiceEntries {
        let mut entries = ServiceEntries::default();
        for (namespace, spec) in specs {
            let object = json!({"metadata": {"name": "e", "namespace": namespace}, "spec": spec});
            entries.add(&serde_json::from_value(object).unwrap());
        }
        entries
    }

    fn lookup(entries: &ServiceEntries, ip: &str, port: u16) -> Declared {
        entries.lookup("shop", ip.parse().unwrap(), port)
    }

    fn host(name: &str) -> Declared {
        Declared::Host(name.into())
    }

    #[test]
    fn addresses_and_endpoints_stand_for_the_host() {
        let entries = entries(&[(
            "shop",
            json!({
                "hosts": ["a.test"], "addresses": ["192.0.2.1"],
                "ports": [{"number": 80, "protocol": "HTTP", "targetPort": 8080}],
                "endpoints": [{"address": "192.0.2.9"}],
            }),
        )]);
        assert_eq!(lookup(&entries, "192.0.2.1", 80), host("a.test"));
        assert_eq!(lookup(&entries, "192.0.2.9", 8080), host("a.test"));
        assert_eq!(lookup(&entries, "192.0.2.1", 443), Declared::No);
        assert_eq!(lookup(&entries, "192.0.2.2", 80), Declared::No);
    }

    #[test]
    fn the_longest_range_wins() {
        let port = json!([{"number": 443, "protocol": "TLS"}]);
        let entries = entries(&[
            (
                "shop",
                json!({"hosts": ["wide"], "addresses": ["192.0.0.0/16"], "ports": port}),
            ),
            (
                "shop",
                json!({"hosts": ["narrow"], "addresses": ["192.0.2.0/24"], "ports": port}),
            ),
        ]);
        assert_eq!(lookup(&entries, "192.0.2.1", 443), host("narrow"));
        assert_eq!(lookup(&entries, "192.0.3.1", 443), host("wide"));
    }

    #[test]
    fn tcp_without_addresses_takes_the_port_at_any_address() {
        let entries = entries(&[(
            "shop",
            json!({"hosts": ["db.test"], "ports": [{"number": 5432, "protocol": "TCP"}]}),
        )]);
        assert_eq!(lookup(&entries, "203.0.113.7", 5432), host("db.test"));
    }

    #[test]
    fn http_without_addresses_needs_a_name() {
        let entries = entries(&[(
            "shop",
            json!({"hosts": ["a.test"], "ports": [{"number": 80, "protocol": "HTTP"}]}),
        )]);
        assert_eq!(lookup(&entries, "192.0.2.1", 80), Declared::NameNeeded);
        assert_eq!(lookup(&entries, "192.0.2.1", 81), Declared::No);
    }

    #[test]
    fn only_visible_entries_count_and_the_own_namespace_comes_first() {
        let spec = |host: &str, export_to: Value| {
            json!({
                "hosts": [host], "addresses": ["192.0.2.1"], "exportTo": export_to,
                "ports": [{"number": 80, "protocol": "HTTP"}],
            })
        };
        let hidden = entries(&[("other", spec("hidden", json!(["."])))]);
        assert_eq!(lookup(&hidden, "192.0.2.1", 80), Declared::No);
        let both = entries(&[
            ("a", spec("theirs", json!(["*"]))),
            ("shop", spec("ours", json!([]))),
        ]);
        assert_eq!(lookup(&both, "192.0.2.1", 80), host("ours"));
    }
}
