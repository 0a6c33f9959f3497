//! Services as istiod has them, whatever they are made from (`pilot/pkg/model/service.go`).

mod alias;
mod endpoints;
mod entry;
mod kube;

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::mesh::{Client, Mesh};
use crate::objects::{Labels, Object, ObjectRef};
use crate::protocol::Protocol;

pub(crate) use self::endpoints::Endpoints;

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    pub name: String,
    pub number: u16,
    pub protocol: Protocol,
}

/// How a service's endpoints are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// `ClientSideLB`: endpoints that istiod knows.
    Static,
    Dns,
    DnsRoundRobin,
    DynamicDns,
    /// Where the client wanted to go.
    Passthrough,
    /// An ExternalName Service: another name for another service.
    Alias,
}

/// What a service is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Registry {
    Kubernetes,
    /// A ServiceEntry.
    External,
}

/// A host with ports and at most one address (`model.Service`).
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub host: String,
    /// `Attributes.Name`: of a Service its name, of a ServiceEntry the host.
    pub name: String,
    pub namespace: String,
    pub object: ObjectRef,
    pub created: String,
    pub registry: Registry,
    pub resolution: Resolution,
    /// An address, a range, or `0.0.0.0`.
    pub address: String,
    /// Those of a Service, of both families.
    pub cluster_ips: Vec<String>,
    /// From a ServiceEntry's status.
    pub allocated: Vec<String>,
    pub ports: Vec<Port>,
    pub export_to: BTreeSet<String>,
    pub labels: Labels,
    pub selector: Option<Labels>,
    /// Where an ExternalName Service points to.
    pub external_name: Option<String>,
    /// Other names of it, from ExternalName Services that point to it.
    pub aliases: Vec<String>,
    /// Whether Envoy can be told endpoints, if they must be told with the cluster.
    pub has_endpoints: bool,
}

/// No address.
pub(crate) const UNSPECIFIED: &str = "0.0.0.0";

impl Service {
    /// The cluster of a port.
    pub(crate) fn cluster(&self, port: u16) -> String {
        cluster_name(&self.host, port, "")
    }

    /// `PortList.GetByPort`.
    pub(crate) fn port(&self, number: u16) -> Option<&Port> {
        self.ports
            .iter()
            .find(|port| port.number == number && port.protocol != Protocol::Udp)
    }

    /// `GetAllAddressesForProxy`.
    pub(crate) fn addresses_for(&self, client: &Client) -> Vec<String> {
        let given = if self.cluster_ips.is_empty() && client.uses_allocated() {
            &self.allocated
        } else {
            &self.cluster_ips
        };
        let of_family = given.iter().filter(|address| {
            client.addresses.is_empty()
                || client
                    .addresses
                    .iter()
                    .any(|own| own.is_ipv6() == address.contains(':'))
        });
        let mut addresses: Vec<String> = of_family.cloned().collect();
        if addresses.is_empty() {
            addresses.push(self.address.clone());
        }
        addresses
    }

    /// `GetAddressForProxy`.
    pub(crate) fn address_for(&self, client: &Client) -> String {
        self.addresses_for(client).swap_remove(0)
    }
}

/// `BuildSubsetKey`.
pub fn cluster_name(host: &str, port: u16, subset: &str) -> String {
    format!("outbound|{port}|{subset}|{host}")
}

/// `Controller.Services` of all registries, in order of creation (`SortServicesByCreationTime`), with aliases.
pub(crate) fn all(objects: &[Object], mesh: &Mesh, client: &Client) -> Vec<Rc<Service>> {
    let objects = mesh.discovered(objects, client.version);
    let of_kubernetes = objects
        .iter()
        .filter(|object| object.is("Service"))
        .map(|object| kube::service(object, client));
    let external = objects
        .iter()
        .filter(|object| object.is("ServiceEntry"))
        .flat_map(|object| entry::services(object, &objects, client));
    let mut services: Vec<Service> = of_kubernetes.chain(external).collect();
    // The last is `sortServicesByCreationTime` of the ServiceEntries' controller; addresses of one entry
    // keep their order.
    services.sort_by(|one, other| {
        let [one, other] = [one, other].map(|service| {
            (
                &service.created,
                &service.name,
                &service.namespace,
                service.registry == Registry::External,
                &service.object.name,
            )
        });
        one.cmp(&other)
    });
    if client.version.has_aliases() {
        alias::resolve(&mut services);
    }
    services.into_iter().map(Rc::new).collect()
}
