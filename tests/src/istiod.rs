//! What istiod makes of the objects that are applied: the services that sidecars know.
//!
//! Only what a sidecar here can be told is read. Anything else is an error, not something that
//! would be missing without a word.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::envoy::{Protocol, Resolution, Service};

/// The services of all ServiceEntries, with what VirtualServices say of the same hosts.
pub fn services<'a>(objects: impl IntoIterator<Item = &'a Value>) -> Result<Vec<Service>> {
    let mut services = Vec::new();
    let mut routes = BTreeMap::new();
    for object in objects {
        match object["kind"].as_str() {
            Some("ServiceEntry") => {
                let entry: Spec<EntrySpec> = read(object)?;
                services.extend(entry.spec.services()?);
            }
            Some("VirtualService") => {
                let read: Spec<RoutesSpec> = read(object)?;
                routes.extend(read.spec.routes());
            }
            kind => bail!("a sidecar cannot be told of a {kind:?}"),
        }
    }
    for service in &mut services {
        if let Some(Route { timeout, route }) = routes.get(&service.host) {
            service.timeout.clone_from(timeout);
            service.instead = route.first().map(|to| to.destination.host.clone());
        }
    }
    refuse_conflicts(&services)?;
    Ok(services)
}

/// What a port does that is TCP without addresses and something else besides depends on more than is
/// simulated here.
fn refuse_conflicts(services: &[Service]) -> Result<()> {
    let open = services
        .iter()
        .filter(|service| service.addresses.is_empty());
    let ports = open.flat_map(|service| &service.ports);
    let mut by_port: BTreeMap<u16, Vec<Protocol>> = BTreeMap::new();
    for (port, protocol) in ports {
        let protocols = by_port.entry(*port).or_default();
        protocols.push(*protocol);
        if protocols.len() > 1 && protocols.contains(&Protocol::Tcp) {
            bail!("a sidecar cannot be told of port {port}, which is TCP without addresses, twice");
        }
    }
    Ok(())
}

fn read<'a, T: Deserialize<'a>>(object: &'a Value) -> Result<T> {
    T::deserialize(object)
        .with_context(|| format!("{} {}", object["kind"], object["metadata"]["name"]))
}

#[derive(Deserialize)]
struct Spec<T> {
    spec: T,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntrySpec {
    hosts: Vec<String>,
    #[serde(default)]
    addresses: Vec<String>,
    ports: Vec<Port>,
    resolution: String,
    /// Changes nothing for a sidecar without mTLS.
    #[serde(rename = "location")]
    _location: Option<String>,
    /// Sidecars here are all of one namespace.
    #[serde(rename = "exportTo")]
    _export_to: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Port {
    number: u16,
    #[serde(rename = "name")]
    _name: String,
    protocol: String,
}

impl EntrySpec {
    /// One for each host.
    fn services(self) -> Result<Vec<Service>> {
        let resolution = match self.resolution.as_str() {
            "DNS" => Resolution::Dns,
            "NONE" => Resolution::None,
            other => bail!("a sidecar cannot be told of resolution {other}"),
        };
        let ports = self.ports.iter().map(|port| {
            let protocol = Protocol::parse(&port.protocol).with_context(|| {
                format!("a sidecar cannot be told of protocol {}", port.protocol)
            })?;
            Ok((port.number, protocol))
        });
        let ports = ports.collect::<Result<Vec<_>>>()?;
        let services = self.hosts.into_iter().map(|host| Service {
            host,
            addresses: self.addresses.clone(),
            ports: ports.clone(),
            resolution,
            timeout: None,
            instead: None,
        });
        Ok(services.collect())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoutesSpec {
    hosts: Vec<String>,
    http: [Route; 1],
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Route {
    timeout: Option<String>,
    /// One at most is needed here.
    route: Vec<Weighted>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Weighted {
    destination: Destination,
    #[serde(rename = "weight")]
    _weight: Option<u32>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Destination {
    host: String,
}

impl RoutesSpec {
    /// The one for each host.
    fn routes(self) -> impl Iterator<Item = (String, Route)> {
        let [route] = self.http;
        self.hosts
            .into_iter()
            .map(move |host| (host, route.clone()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(protocol: &str) -> Value {
        json!({"kind": "ServiceEntry", "metadata": {"name": "a"}, "spec": {
            "hosts": ["a.test"], "resolution": "DNS", "location": "MESH_EXTERNAL",
            "ports": [{"number": 443, "name": "tls", "protocol": protocol}],
        }})
    }

    #[test]
    fn a_virtual_service_gives_its_hosts_a_timeout_and_a_destination() {
        let route = json!({"kind": "VirtualService", "metadata": {"name": "a"}, "spec": {
            "hosts": ["a.test"],
            "http": [{"timeout": "3s", "route": [{"destination": {"host": "b.test"}}]}],
        }});
        let expected = Service {
            host: "a.test".to_owned(),
            addresses: Vec::new(),
            ports: vec![(443, Protocol::Https)],
            resolution: Resolution::Dns,
            timeout: Some("3s".to_owned()),
            instead: Some("b.test".to_owned()),
        };
        assert_eq!(services(&[route, entry("TLS")]).unwrap(), [expected]);
    }

    #[test]
    fn what_a_sidecar_here_cannot_do_is_an_error() {
        assert!(services(&[entry("MONGO")]).is_err());
        assert!(services(&[entry("TCP"), entry("TLS")]).is_err());
        let mut unknown = entry("HTTPS");
        unknown["spec"]["workloadSelector"] = json!({});
        assert!(services(&[unknown]).is_err());
        assert!(services(&[json!({"kind": "Sidecar"})]).is_err());
    }
}
