//! From an object to its claims.

use std::{collections::HashSet, net::IpAddr, sync::Arc};

use ipnet::IpNet;

use super::{
    claim::{Claim, Entry, ObjectKind, ObjectRef, Problem},
    shelf::Namespaces,
};
use crate::{
    objects,
    vocabulary::{
        Export, Host, PortProtocol,
        host_name::{normal, service_name},
    },
};

/// What an object declares, and what of it cannot be read.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) object: ObjectRef,
    pub(super) claims: Vec<Arc<Claim>>,
    pub(super) problems: Vec<Problem>,
}

/// A ServiceEntry makes a claim for each of its hosts at each of its ports (`convertServices` in
/// `pilot/pkg/serviceregistry/serviceentry/conversion.go`).
pub(super) fn service_entry(
    object: &objects::ServiceEntryObject,
    namespaces: &mut Namespaces,
) -> Declared {
    let objects::ServiceEntryObject {
        metadata,
        spec,
        status,
    } = object;
    let kind = ObjectKind::ServiceEntry;
    let mut reader = Reader::new(ObjectRef::new(kind, &metadata.namespace, &metadata.name));
    let resolution = match spec.resolution.as_str() {
        "" => "NONE",
        resolution => resolution,
    };
    let entry = entry(
        &mut reader,
        metadata,
        &spec.export_to,
        namespaces,
        |entry| {
            resolution.clone_into(&mut entry.resolution);
            spec.location.clone_into(&mut entry.location);
        },
    );
    let nets = spec.addresses.iter();
    let addresses: Arc<[IpNet]> = nets
        .filter_map(|text| reader.net("spec.addresses", text))
        .collect();
    // Where the endpoints are names, the addresses behind them are not known.
    let endpoints: Arc<[IpAddr]> = spec
        .endpoints
        .iter()
        .filter_map(|endpoint| endpoint.address.parse().ok())
        .collect();
    let mut claims = Vec::new();
    let mut seen = HashSet::new();
    for (nth_host, written) in spec.hosts.iter().enumerate() {
        let Some(host) = reader.host("spec.hosts", written) else {
            continue;
        };
        let allocated = status.addresses.iter();
        let allocated: Vec<IpAddr> = allocated
            .filter(|address| address.host.is_empty() || normal(&address.host) == normal(written))
            .filter_map(|address| reader.ip("status.addresses", &address.value))
            .collect();
        let host_as_written: Arc<str> = written.as_str().into();
        for port in &spec.ports {
            if seen.insert((host.clone(), port.number)) {
                claims.push(Arc::new(Claim {
                    entry: Arc::clone(&entry),
                    host: host.clone(),
                    host_as_written: Arc::clone(&host_as_written),
                    nth_host,
                    port: port.number,
                    protocol: PortProtocol::parse(&port.protocol),
                    addresses: Arc::clone(&addresses),
                    allocated: allocated.clone(),
                    endpoints: Arc::clone(&endpoints),
                    only_by_name: false,
                }));
            }
        }
    }
    reader.declared(claims)
}

/// A Service claims its name in the cluster at each of its ports (`ConvertService` in
/// `pkg/config/kube/conversion.go`). One without a cluster IP has listeners at its pods' addresses
/// only, an ExternalName none: a name is all that leads there. Only HTTP on a headless Service has a
/// listener of its own, the port's common one.
pub(super) fn service(object: &objects::ServiceObject, namespaces: &mut Namespaces) -> Declared {
    let objects::ServiceObject { metadata, spec } = object;
    let kind = ObjectKind::Service;
    let mut reader = Reader::new(ObjectRef::new(kind, &metadata.namespace, &metadata.name));
    let export_to = metadata.annotations.get("networking.istio.io/exportTo");
    let export_to: Vec<String> = export_to
        .map(|list| list.split(',').map(|word| word.trim().to_owned()).collect())
        .unwrap_or_default();
    let entry = entry(&mut reader, metadata, &export_to, namespaces, |_| ());
    let listed = if spec.cluster_ips.is_empty() {
        std::slice::from_ref(&spec.cluster_ip)
    } else {
        &spec.cluster_ips
    };
    let addresses: Arc<[IpNet]> = listed
        .iter()
        .filter(|ip| !matches!(ip.as_str(), "" | "None"))
        .filter_map(|ip| reader.ip("spec.clusterIPs", ip))
        .map(IpNet::from)
        .collect();
    let name = service_name(&metadata.name, &entry.object.namespace);
    let external = !spec.external_name.is_empty();
    let mut claims: Vec<Arc<Claim>> = Vec::new();
    if let Some(host) = reader.host("metadata.name", &name) {
        let host_as_written: Arc<str> = name.into();
        for port in &spec.ports {
            let protocol =
                PortProtocol::of_service(port.port, &port.name, &port.protocol, &port.app_protocol);
            // The same number may stand for UDP and for TCP.
            let taken = |claim: &Arc<Claim>| claim.port == port.port;
            if protocol == PortProtocol::Udp || claims.iter().any(taken) {
                continue;
            }
            let no_listener = addresses.is_empty() && protocol != PortProtocol::Http;
            claims.push(Arc::new(Claim {
                entry: Arc::clone(&entry),
                host: host.clone(),
                host_as_written: Arc::clone(&host_as_written),
                nth_host: 0,
                port: port.port,
                protocol,
                addresses: Arc::clone(&addresses),
                allocated: Vec::new(),
                endpoints: Arc::default(),
                only_by_name: external || no_listener,
            }));
        }
    }
    reader.declared(claims)
}

fn entry(
    reader: &mut Reader,
    metadata: &objects::Metadata,
    export_to: &[String],
    namespaces: &mut Namespaces,
    fill: impl FnOnce(&mut Entry),
) -> Arc<Entry> {
    let (namespace, name) = namespaces.intern(&reader.object.namespace);
    for word in Export::of(export_to, &[]).namespaces(&name) {
        namespaces.intern(word);
    }
    reader.object.namespace = name;
    let mut entry = Entry {
        object: reader.object.clone(),
        created: metadata.creation_timestamp.clone(),
        resolution: String::new(),
        location: String::new(),
        export_to: export_to.to_vec(),
        namespace,
    };
    fill(&mut entry);
    Arc::new(entry)
}

/// Reads the values of one object, and remembers those that it cannot.
pub(super) struct Reader {
    object: ObjectRef,
    problems: Vec<Problem>,
}

impl Reader {
    pub(super) fn new(object: ObjectRef) -> Self {
        Self {
            object,
            problems: Vec::new(),
        }
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    fn declared(self, claims: Vec<Arc<Claim>>) -> Declared {
        let Self { object, problems } = self;
        Declared {
            object,
            claims,
            problems,
        }
    }

    fn net(&mut self, field: &'static str, text: &str) -> Option<IpNet> {
        let net = text
            .parse()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        self.checked(field, text, "an address or a CIDR", net.ok())
    }

    fn ip(&mut self, field: &'static str, text: &str) -> Option<IpAddr> {
        self.checked(field, text, "an address", text.parse().ok())
    }

    fn host(&mut self, field: &'static str, text: &str) -> Option<Host> {
        self.checked(field, text, "a host, or `*.` and a host", Host::parse(text))
    }

    pub(super) fn checked<T>(
        &mut self,
        field: &'static str,
        text: &str,
        expected: &'static str,
        read: Option<T>,
    ) -> Option<T> {
        if read.is_none() {
            self.problems.push(Problem {
                object: self.object.clone(),
                field,
                value: text.to_owned(),
                expected,
            });
        }
        read
    }
}
