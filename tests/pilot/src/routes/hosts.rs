//! Virtual hosts of a port: each name once, each domain once (`BuildSidecarOutboundVirtualHosts`).

use std::collections::{BTreeMap, BTreeSet};

use super::wrappers::Wrapper;
use crate::config::VirtualHost;
use crate::domains;
use crate::mesh::Client;
use crate::service::Service;

/// What there is so far.
pub(super) struct Hosts<'a> {
    client: &'a Client,
    listener_port: u16,
    names: BTreeSet<String>,
    domains: BTreeSet<String>,
    /// Names that services have, which no other service's short form takes from them.
    known: BTreeSet<String>,
    by_port: BTreeMap<u16, Vec<VirtualHost>>,
}

impl<'a> Hosts<'a> {
    pub(super) fn new(client: &'a Client, listener_port: u16, wrappers: &[Wrapper]) -> Self {
        let mut known = BTreeSet::new();
        for wrapper in wrappers {
            for service in &wrapper.services {
                known.insert(domains::with_port(&service.host, wrapper.port));
                known.insert(service.host.clone());
            }
        }
        Self {
            client,
            listener_port,
            names: BTreeSet::new(),
            domains: BTreeSet::new(),
            known,
            by_port: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, wrapper: &Wrapper) {
        if wrapper.routes.is_empty() {
            return;
        }
        for host in &wrapper.other_hosts {
            let mut host = host.clone();
            if self.client.version.has_absolute_domains() {
                host.make_ascii_lowercase();
            }
            self.add_host(&host, wrapper, None);
        }
        for service in &wrapper.services {
            self.add_host(&service.host, wrapper, Some(service));
        }
    }

    /// `buildVirtualHost`.
    fn add_host(&mut self, host: &str, wrapper: &Wrapper, service: Option<&Service>) {
        let name = domains::with_port(host, wrapper.port);
        if !self.names.insert(name.clone()) {
            return;
        }
        let has_ports = self.client.version.has_ports_in_domains();
        // Where the port of a Host header counts for nothing, domains have none.
        let port = (has_ports || self.listener_port == 0).then_some(wrapper.port);
        let (domains, alternative) = match service {
            Some(service) => domains::all(service, port, self.client),
            None if has_ports => (vec![domains::host(host), name.clone()], Vec::new()),
            None => (vec![domains::host(host)], Vec::new()),
        };
        let domains = self.deduped(domains, &alternative);
        if !domains.is_empty() {
            self.by_port
                .entry(wrapper.port)
                .or_default()
                .push(VirtualHost {
                    name,
                    domains,
                    routes: wrapper.routes.clone(),
                    object: Some(wrapper.object.clone()),
                });
        }
    }

    /// `dedupeDomains`.
    fn deduped(&mut self, domains: Vec<String>, alternative: &[String]) -> Vec<String> {
        let mut kept = Vec::new();
        for domain in domains {
            let small = domain.to_lowercase();
            let is_anothers = alternative.contains(&domain) && self.known.contains(&domain);
            if self.domains.contains(&small) || is_anothers {
                continue;
            }
            self.domains.insert(small);
            kept.push(domain);
        }
        kept
    }

    /// Those of the listener's port; of a proxy those of all ports (`mergeAllVirtualHosts`), where only
    /// port 80 needs no port in the Host header.
    pub(super) fn finish(mut self) -> Vec<VirtualHost> {
        if self.listener_port != 0 {
            return self.by_port.remove(&self.listener_port).unwrap_or_default();
        }
        let mut all = Vec::new();
        for (port, hosts) in self.by_port {
            for mut host in hosts {
                if port != 80 {
                    host.domains.retain(|domain| domain.contains(':'));
                }
                if !host.domains.is_empty() {
                    all.push(host);
                }
            }
        }
        all
    }
}
