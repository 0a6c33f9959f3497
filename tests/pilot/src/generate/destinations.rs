//! Destinations near what a world declares.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use super::making::{Making, PORTS};
use crate::matcher::Says;

/// An address, and the name that the client found it by, if it had one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    pub name: Option<String>,
    pub to: SocketAddr,
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(formatter, "{name}@{}", self.to),
            None => write!(formatter, "{}", self.to),
        }
    }
}

impl Destination {
    /// What clients would say first that speak HTTP, TLS or something else.
    pub fn says(&self) -> [Says; 3] {
        let host = match (&self.name, self.to.port()) {
            (Some(name), 80) => name.clone(),
            (Some(name), port) => format!("{name}:{port}"),
            (None, 80) => self.to.ip().to_string(),
            (None, _) => self.to.to_string(),
        };
        [Says::Http(host), Says::Tls(self.name.clone()), Says::Bytes]
    }
}

/// How many destinations a world has.
const COUNT: usize = 40;

impl Making {
    pub(super) fn destinations(&mut self, manifests: &[Value]) -> Vec<Destination> {
        let (names, addresses) = known(manifests);
        (0..COUNT)
            .map(|_| {
                let name = self.random.percent(70).then(|| {
                    let at = self.random.below(names.len());
                    names[at].clone()
                });
                let address = addresses[self.random.below(addresses.len())];
                let port = PORTS[self.random.below(PORTS.len())];
                Destination {
                    name,
                    to: SocketAddr::new(address, port),
                }
            })
            .collect()
    }
}

/// Names and addresses that there are, and some that there are not.
pub(crate) fn known(manifests: &[Value]) -> (Vec<String>, Vec<IpAddr>) {
    let mut names = vec![
        "nowhere.example.net".to_owned(),
        "a.api.example.com".to_owned(),
    ];
    let mut addresses: Vec<IpAddr> = vec![
        IpAddr::from([203, 0, 113, 7]),
        IpAddr::from([198, 18, 0, 1]),
        IpAddr::from([198, 18, 0, 3]),
        IpAddr::from([198, 18, 0, 200]),
    ];
    for object in manifests {
        collect(object, &mut names, &mut addresses);
    }
    (names, addresses)
}

/// Names and addresses that an object tells of.
fn collect(object: &Value, names: &mut Vec<String>, addresses: &mut Vec<IpAddr>) {
    let spec = &object["spec"];
    let (name, namespace) = (
        &object["metadata"]["name"],
        &object["metadata"]["namespace"],
    );
    match object["kind"].as_str() {
        Some("ServiceEntry" | "VirtualService") => {
            let hosts = texts(&spec["hosts"]);
            names.extend(hosts.iter().map(|host| host.replace('*', "any")));
        }
        Some("Service") => {
            let (name, namespace) = (
                name.as_str().unwrap_or_default(),
                namespace.as_str().unwrap_or_default(),
            );
            names.push(name.to_owned());
            names.push(format!("{name}.{namespace}"));
            names.push(format!("{name}.{namespace}.svc.cluster.local"));
        }
        _ => {}
    }
    let status = &object["status"];
    let allocated = status["addresses"].as_array().into_iter().flatten();
    let all = texts(&spec["addresses"])
        .into_iter()
        .chain(texts(&spec["clusterIPs"]))
        .chain(allocated.filter_map(|of| Some(of["value"].as_str()?.to_owned())))
        .chain(status["podIP"].as_str().map(str::to_owned));
    for text in all {
        if let Ok(address) = text.parse::<IpAddr>()
            && address != IpAddr::from([10, 1, 0, 1])
            && !addresses.contains(&address)
        {
            addresses.push(address);
        }
    }
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|text| Some(text.as_str()?.to_owned()))
        .collect()
}
