//! The same rules as in `lookup`, over all objects one after another: what the index is tested
//! against, and timed against. It shares the answers' types with it, and nothing else.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use ipnet::IpNet;

use super::{By, Destination, Hit, Match, ObjectKind, Registry};
use crate::{
    objects,
    vocabulary::{PortProtocol, Protocol},
};

/// Objects in a plain list.
#[derive(Clone, Debug, Default)]
pub struct Linear {
    /// `defaultServiceExportTo`.
    pub service_export_to: Vec<String>,
    pub service_entries: Vec<objects::ServiceEntryObject>,
    pub services: Vec<objects::ServiceObject>,
}

/// Who connects.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its Sidecar.
    pub sidecar: Option<&'a objects::Sidecar>,
    /// Whether its proxy answers DNS.
    pub dns_capture: bool,
}

impl<'a> Client<'a> {
    /// One without a Sidecar.
    pub fn new(namespace: &'a str) -> Self {
        Self {
            namespace,
            sidecar: None,
            dns_capture: false,
        }
    }
}

/// A [`Hit`] without borrowed parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Of the entry.
    pub kind: ObjectKind,
    /// Of the entry.
    pub namespace: String,
    /// Of the entry.
    pub name: String,
    /// As written there.
    pub host: String,
    /// Of its port.
    pub protocol: PortProtocol,
    /// What led to it.
    pub by: By,
}

/// A [`Match`] without borrowed parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// As [`Match::Declared`].
    Declared(Said),
    /// As [`Match::AddressNeeded`].
    AddressNeeded(Said),
    /// As [`Match::Undeclared`].
    Undeclared {
        /// Whether the port answers HTTP.
        http: bool,
    },
    /// As [`Match::NameNeeded`].
    NameNeeded {
        /// `Host` would tell.
        http: bool,
        /// SNI would tell.
        tls: bool,
    },
}

impl From<Match<'_>> for Answer {
    fn from(found: Match<'_>) -> Self {
        let entry = |hit: &Hit<'_>| {
            let object = &hit.entry.object;
            Said {
                kind: object.kind,
                namespace: object.namespace.to_string(),
                name: object.name.to_string(),
                host: hit.host.to_string(),
                protocol: hit.protocol,
                by: hit.by,
            }
        };
        match found {
            Match::Declared(hit) => Self::Declared(entry(&hit)),
            Match::AddressNeeded(hit) => Self::AddressNeeded(entry(&hit)),
            Match::Undeclared { http } => Self::Undeclared { http },
            Match::NameNeeded { http, tls } => Self::NameNeeded { http, tls },
        }
    }
}

/// One host of one object at one port.
#[derive(Clone, Debug)]
struct Row<'a> {
    kind: ObjectKind,
    created: &'a str,
    namespace: &'a str,
    name: &'a str,
    nth_host: usize,
    host: String,
    written: String,
    port: u16,
    protocol: PortProtocol,
    ips: Vec<IpAddr>,
    ranges: Vec<IpNet>,
    allocated: Vec<IpAddr>,
    endpoints: Vec<IpAddr>,
    name_only: bool,
}

impl Row<'_> {
    fn age(&self) -> (&str, &str, &str, ObjectKind, usize) {
        (
            self.created,
            self.namespace,
            self.name,
            self.kind,
            self.nth_host,
        )
    }

    fn http(&self) -> bool {
        self.protocol == PortProtocol::Http
    }

    fn listed(&self) -> bool {
        !self.ips.is_empty() || !self.ranges.is_empty()
    }

    fn bound(&self) -> bool {
        !self.http() && (self.listed() || !self.allocated.is_empty())
    }

    fn anywhere(&self, client: &Client<'_>) -> bool {
        !self.name_only
            && (self.http()
                || (!self.listed() && (self.allocated.is_empty() || !client.dns_capture)))
    }

    fn by_name(&self, client: &Client<'_>) -> bool {
        self.name_only || (self.protocol != PortProtocol::Tcp && self.anywhere(client))
    }

    /// How much of a name the host says, if it stands for it.
    fn nearness(&self, name: &str) -> Option<(bool, usize)> {
        match self.host.strip_prefix("*.") {
            None => (self.host == name).then_some((true, 0)),
            Some(parent) => name
                .ends_with(&format!(".{parent}"))
                .then_some((false, parent.len())),
        }
    }
}

impl Linear {
    /// Which entry takes a connection, found by looking at every one.
    pub fn lookup(&self, client: &Client<'_>, to: &Destination<'_>) -> Answer {
        if to.protocol == Protocol::Udp {
            return Answer::Undeclared { http: false };
        }
        let literal: Option<IpAddr> = to.host.and_then(|host| host.parse().ok());
        let ip = to.ip.or(literal);
        let name = to
            .host
            .filter(|_| literal.is_none())
            .map(|host| host.trim_end_matches('.').to_lowercase());
        let rows = self.visible(client, to.port);
        let oldest = |fit: &dyn Fn(&Row<'_>) -> bool| {
            rows.iter()
                .filter(|row| fit(row))
                .min_by(|a, b| a.age().cmp(&b.age()))
        };
        let own_first = |fit: &dyn Fn(&Row<'_>) -> bool| {
            let own = |row: &Row<'_>| row.namespace == client.namespace && fit(row);
            oldest(&own).or_else(|| oldest(fit))
        };
        let nearest = |name: &str, fit: &dyn Fn(&Row<'_>) -> bool| {
            let near = |row: &Row<'_>| fit(row).then(|| row.nearness(name)).flatten();
            let best = rows.iter().filter_map(near).max()?;
            own_first(&|row| near(row) == Some(best))
        };

        // The port's parts.
        let tcp = oldest(&|row| row.protocol == PortProtocol::Tcp && row.anywhere(client));
        let http = oldest(&|row| row.http() && row.anywhere(client));
        let sniffed = |row: &Row<'_>| row.protocol == PortProtocol::Sniffed && row.anywhere(client);
        let sniffed = oldest(&sniffed);
        let answers_http = http.is_some() || sniffed.is_some();
        let served = |row: &Row<'_>| !row.http() || row.name_only || http.is_some();

        if let Some(ip) = ip {
            let at = |row: &Row<'_>| {
                row.bound() && (row.ips.contains(&ip) || row.allocated.contains(&ip))
            };
            if let Some(row) = oldest(&at) {
                return declared(row, By::Address);
            }
            let length = |row: &Row<'_>| {
                let around = row.ranges.iter().filter(|range| range.contains(&ip));
                around.map(IpNet::prefix_len).max()
            };
            let bound = rows.iter().filter(|row| row.bound());
            if let Some(longest) = bound.filter_map(length).max() {
                let has = |row: &Row<'_>| {
                    let mut ranges = row.ranges.iter();
                    row.bound() && ranges.any(|r| r.contains(&ip) && r.prefix_len() == longest)
                };
                let tls = |row: &Row<'_>| row.protocol == PortProtocol::Tls;
                let found = match &name {
                    None => oldest(&has),
                    Some(name) => nearest(name, &|row| has(row) && tls(row))
                        .or_else(|| oldest(&|row| has(row) && !tls(row))),
                };
                return match found {
                    Some(row) => declared(row, By::Range),
                    None => Answer::Undeclared { http: answers_http },
                };
            }
        }
        if let Some(name) = &name {
            let fit = |row: &Row<'_>| {
                served(row) && (row.by_name(client) || (ip.is_none() && row.bound()))
            };
            let dots = name.matches('.').count();
            let whole = match dots {
                0 => Some(format!("{name}.{}.svc.cluster.local", client.namespace)),
                1 => Some(format!("{name}.svc.cluster.local")),
                2 if name.ends_with(".svc") => Some(format!("{name}.cluster.local")),
                _ => None,
            };
            let found = nearest(name, &fit).or_else(|| nearest(&whole?, &fit));
            if let Some(row) = found {
                let tls = row.protocol == PortProtocol::Tls;
                let by = if tls { By::Sni } else { By::Host };
                let by_dns = row.kind == ObjectKind::Service
                    || (client.dns_capture && !row.listed() && !row.allocated.is_empty());
                return if row.by_name(client) || by_dns {
                    declared(row, by)
                } else {
                    Answer::AddressNeeded(said(row, by))
                };
            }
        } else if let Some(ip) = ip {
            let stands = |row: &Row<'_>| served(row) && row.by_name(client);
            let at = |row: &Row<'_>| {
                let known = row.ips.iter().chain(&row.allocated).chain(&row.endpoints);
                stands(row) && known.into_iter().any(|known| *known == ip)
            };
            if let Some(row) = own_first(&at) {
                return declared(row, By::Address);
            }
            let length = |row: &Row<'_>| {
                let around = row.ranges.iter().filter(|range| range.contains(&ip));
                around.map(IpNet::prefix_len).max()
            };
            let longest = rows
                .iter()
                .filter(|row| stands(row))
                .filter_map(length)
                .max();
            if let Some(longest) = longest {
                let has = |row: &Row<'_>| {
                    let mut ranges = row.ranges.iter();
                    stands(row) && ranges.any(|r| r.contains(&ip) && r.prefix_len() == longest)
                };
                if let Some(row) = own_first(&has) {
                    return declared(row, By::Range);
                }
            }
        }
        if tcp.is_some() && http.is_some() {
            return Answer::NameNeeded {
                http: true,
                tls: false,
            };
        }
        if let Some(row) = tcp.or(sniffed.filter(|_| name.is_some())) {
            return declared(row, By::Port);
        }
        let unknown = |row: &Row<'_>| {
            let allocated = client.dns_capture && !row.allocated.is_empty();
            row.kind == ObjectKind::ServiceEntry
                && row.by_name(client)
                && !row.listed()
                && row.endpoints.is_empty()
                && !allocated
        };
        let sniffs = |row: &Row<'_>| row.protocol == PortProtocol::Sniffed;
        let by_http = |row: &Row<'_>| (row.http() || sniffs(row)) && unknown(row);
        let by_tls =
            |row: &Row<'_>| (row.protocol == PortProtocol::Tls || sniffs(row)) && unknown(row);
        let http_tells = name.is_none() && answers_http && rows.iter().any(by_http);
        let tls_tells = name.is_none() && rows.iter().any(by_tls);
        if http_tells || tls_tells {
            Answer::NameNeeded {
                http: http_tells,
                tls: tls_tells,
            }
        } else {
            Answer::Undeclared { http: answers_http }
        }
    }

    /// What a client sees of a port; of one host in several namespaces, only its own or the oldest.
    fn visible(&self, client: &Client<'_>, port: u16) -> Vec<Row<'_>> {
        let entries = self.service_entries.iter().flat_map(|entry| {
            let exported = self.exported(
                &entry.spec.export_to,
                namespace(&entry.metadata),
                client.namespace,
            );
            exported
                .then(|| entry_rows(entry, port))
                .into_iter()
                .flatten()
        });
        let services = self.services.iter().filter_map(|service| {
            let list = service
                .metadata
                .annotations
                .get("networking.istio.io/exportTo");
            let words: Vec<String> = list
                .map(|list| list.split(',').map(|word| word.trim().to_owned()).collect())
                .unwrap_or_default();
            let own = namespace(&service.metadata);
            let row = service_row(service, port)?;
            self.exported(&words, own, client.namespace).then_some(row)
        });
        let rows: Vec<Row<'_>> = entries
            .chain(services)
            .filter(|row| row.protocol != PortProtocol::Udp)
            .filter(|row| {
                client
                    .sidecar
                    .is_none_or(|it| lets_through(it, client.namespace, row))
            })
            .collect();
        let rank = |row: &Row<'_>| row.namespace != client.namespace;
        let mut first: HashMap<&str, &Row<'_>> = HashMap::new();
        for row in &rows {
            let known = first.entry(&row.host).or_insert(row);
            if (rank(row), row.age()) < (rank(known), known.age()) {
                *known = row;
            }
        }
        let chosen = |row: &&Row<'_>| {
            first.get(&*row.host).map(|first| first.namespace) == Some(row.namespace)
        };
        rows.iter().filter(chosen).cloned().collect()
    }

    fn exported(&self, words: &[String], own: &str, client: &str) -> bool {
        let words = match (words, self.service_export_to.as_slice()) {
            ([], []) => return true,
            ([], words) | (words, _) => words,
        };
        let has = |word: &str| words.iter().any(|other| other == word);
        has("*") || (!has("~") && ((has(".") && own == client) || has(client)))
    }
}

fn namespace(metadata: &objects::Metadata) -> &str {
    match metadata.namespace.as_str() {
        "" => "default",
        name => name,
    }
}

fn said(row: &Row<'_>, by: By) -> Said {
    Said {
        kind: row.kind,
        namespace: row.namespace.to_owned(),
        name: row.name.to_owned(),
        host: row.written.clone(),
        protocol: row.protocol,
        by,
    }
}

fn declared(row: &Row<'_>, by: By) -> Answer {
    Answer::Declared(said(row, by))
}

fn entry_rows(entry: &objects::ServiceEntryObject, port: u16) -> Vec<Row<'_>> {
    let spec = &entry.spec;
    let Some(port) = spec.ports.iter().find(|other| other.number == port) else {
        return Vec::new();
    };
    let protocol = match port.protocol.to_uppercase().as_str() {
        "HTTP" | "HTTP2" | "HTTP_PROXY" | "GRPC" | "GRPC-WEB" => PortProtocol::Http,
        "HTTPS" | "TLS" => PortProtocol::Tls,
        "TCP" | "MONGO" | "MYSQL" | "REDIS" => PortProtocol::Tcp,
        "UDP" => PortProtocol::Udp,
        _ => PortProtocol::Sniffed,
    };
    let mut ips: Vec<IpAddr> = Vec::new();
    let mut ranges: Vec<IpNet> = Vec::new();
    for text in &spec.addresses {
        match (text.parse::<IpAddr>(), text.parse::<IpNet>()) {
            (Ok(ip), _) => ips.push(ip),
            (_, Ok(net)) if net.prefix_len() == net.max_prefix_len() => ips.push(net.addr()),
            (_, Ok(net)) => ranges.push(net),
            _ => {}
        }
    }
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut seen = HashSet::new();
    for (nth_host, written) in spec.hosts.iter().enumerate() {
        let host = written.trim_end_matches('.').to_lowercase();
        let parent = host.strip_prefix("*.").unwrap_or(&host);
        if parent.is_empty() || parent.contains('*') || !seen.insert(host.clone()) {
            continue;
        }
        let of_host = |address: &&objects::AllocatedAddress| {
            address.host.is_empty() || address.host.eq_ignore_ascii_case(written)
        };
        let endpoints = spec.endpoints.iter();
        let allocated = entry.status.addresses.iter().filter(of_host);
        rows.push(Row {
            kind: ObjectKind::ServiceEntry,
            created: &entry.metadata.creation_timestamp,
            namespace: namespace(&entry.metadata),
            name: &entry.metadata.name,
            nth_host,
            host,
            written: written.clone(),
            port: port.number,
            protocol,
            ips: ips.clone(),
            ranges: ranges.clone(),
            allocated: allocated.filter_map(|it| it.value.parse().ok()).collect(),
            endpoints: endpoints.filter_map(|it| it.address.parse().ok()).collect(),
            name_only: false,
        });
    }
    rows
}

fn service_row(service: &objects::ServiceObject, port: u16) -> Option<Row<'_>> {
    let spec = &service.spec;
    let tcp = |other: &&objects::KubernetesPort| {
        other.port == port && ["", "TCP"].contains(&&*other.protocol)
    };
    let port = spec.ports.iter().find(tcp)?;
    let word = match (port.app_protocol.as_str(), port.name.as_str()) {
        ("", word) => word,
        ("kubernetes.io/h2c" | "kubernetes.io/ws", _) => "http",
        ("kubernetes.io/wss", _) => "https",
        (word, _) => word,
    };
    let word = word.split_once('-').map_or(word, |(word, _)| word);
    let protocol = match word.to_lowercase().as_str() {
        "http" | "http2" | "http_proxy" | "grpc" => PortProtocol::Http,
        "https" | "tls" => PortProtocol::Tls,
        "tcp" | "mongo" | "mysql" | "redis" => PortProtocol::Tcp,
        "udp" => return None,
        _ if [25, 53, 3306, 27017].contains(&port.port) => PortProtocol::Tcp,
        _ => PortProtocol::Sniffed,
    };
    let ips = spec.cluster_ips.iter().chain([&spec.cluster_ip]);
    let mut ips: Vec<IpAddr> = ips.filter_map(|ip| ip.parse().ok()).collect();
    ips.dedup();
    let namespace = namespace(&service.metadata);
    let written = format!("{}.{namespace}.svc.cluster.local", service.metadata.name);
    Some(Row {
        kind: ObjectKind::Service,
        created: &service.metadata.creation_timestamp,
        namespace,
        name: &service.metadata.name,
        nth_host: 0,
        host: written.to_lowercase(),
        written,
        port: port.port,
        protocol,
        name_only: !spec.external_name.is_empty()
            || (ips.is_empty() && protocol != PortProtocol::Http),
        ips,
        ranges: Vec::new(),
        allocated: Vec::new(),
        endpoints: Vec::new(),
    })
}

fn lets_through(sidecar: &objects::Sidecar, client: &str, row: &Row<'_>) -> bool {
    let egress = &sidecar.spec.egress;
    if egress.is_empty() {
        return true;
    }
    let port_of = |listener: &objects::EgressListener| listener.port.as_ref().map(|it| it.number);
    let at_single = !row.http() && !row.ips.is_empty() && row.ranges.is_empty();
    let locked = !at_single && egress.iter().any(|it| port_of(it) == Some(row.port));
    egress
        .iter()
        .filter(|listener| match port_of(listener) {
            Some(port) => port == row.port,
            None => !locked,
        })
        .any(|listener| {
            let meant = |text: &str| {
                let Some((from, host)) = text.split_once('/') else {
                    return false;
                };
                let from = match from {
                    "*" => true,
                    "." => row.namespace == client,
                    name => name == row.namespace,
                };
                from && match host.strip_prefix('*') {
                    Some(rest) => row.host.ends_with(rest),
                    None => row.host == host,
                }
            };
            let away = |text: &String| text.strip_prefix('~').is_some_and(meant);
            listener.hosts.iter().any(|text| meant(text)) && !listener.hosts.iter().any(away)
        })
}

/// A registry of a given size, and what it takes to time it.
#[derive(Debug)]
pub struct Sample {
    linear: Linear,
}

impl Sample {
    /// `n` ServiceEntries of two hosts each, every fifth of them with a wildcard, in a hundred
    /// namespaces, for HTTPS; every tenth with an address, every hundredth with a range.
    pub fn new(n: usize) -> Self {
        let entry = |i: usize| {
            let second = if i.is_multiple_of(5) {
                "*.wild"
            } else {
                "second"
            };
            let addresses = match i {
                i if i.is_multiple_of(100) => vec![format!("10.{}.{}.0/24", i >> 8 & 255, i & 255)],
                i if i.is_multiple_of(10) => vec![format!("172.16.{}.{}", i >> 8 & 255, i & 255)],
                _ => Vec::new(),
            };
            objects::ServiceEntryObject {
                metadata: objects::Metadata {
                    name: format!("entry-{i}"),
                    namespace: format!("team-{}", i % 100),
                    creation_timestamp: format!("2025-01-01T00:{:02}:{:02}Z", i / 60 % 60, i % 60),
                    ..objects::Metadata::default()
                },
                spec: objects::ServiceEntrySpec {
                    hosts: vec![
                        format!("first-{i}.example.com"),
                        format!("{second}-{i}.example.com"),
                    ],
                    addresses,
                    ports: vec![objects::ServicePort {
                        number: 443,
                        name: "tls".to_owned(),
                        protocol: "TLS".to_owned(),
                        target_port: 0,
                    }],
                    ..objects::ServiceEntrySpec::default()
                },
                status: objects::ServiceEntryStatus::default(),
            }
        };
        Self {
            linear: Linear {
                service_entries: (0..n).map(entry).collect(),
                ..Linear::default()
            },
        }
    }

    /// All of it, indexed.
    pub fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        for entry in &self.linear.service_entries {
            registry.set_service_entry(entry);
        }
        registry
    }

    /// All of it, not indexed.
    pub fn linear(&self) -> &Linear {
        &self.linear
    }

    /// Takes one of its entries in again.
    pub fn replace(&self, registry: &mut Registry, i: usize) {
        registry.set_service_entry(&self.linear.service_entries[i]);
    }

    /// Shows every namespace only its own entries, by a Sidecar in the root namespace.
    pub fn restrict(&self, registry: &mut Registry) {
        registry.set_sidecar(&objects::Sidecar {
            metadata: objects::Metadata {
                name: "default".to_owned(),
                namespace: "istio-system".to_owned(),
                ..objects::Metadata::default()
            },
            spec: objects::SidecarSpec {
                egress: vec![objects::EgressListener {
                    hosts: vec!["./*".to_owned()],
                    ..objects::EgressListener::default()
                }],
                ..objects::SidecarSpec::default()
            },
        });
    }
}
