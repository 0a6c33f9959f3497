//! The names under which a service is asked for (`generateVirtualHostDomains` in `httproute.go`).

use crate::mesh::Client;
use crate::service::{Registry, Resolution, Service, UNSPECIFIED};

/// All domains, and those of them that are only another way to write a name.
pub(crate) fn all(
    service: &Service,
    port: Option<u16>,
    client: &Client,
) -> (Vec<String>, Vec<String>) {
    let mut domains = Vec::new();
    let mut alternative = Vec::new();
    for name in std::iter::once(&service.host).chain(&service.aliases) {
        let others = alternatives(name, port, client);
        push(&mut domains, name, port);
        domains.extend(others.clone());
        alternative.extend(others);
    }
    let is_headless =
        service.resolution == Resolution::Passthrough && service.registry == Registry::Kubernetes;
    if is_headless {
        let pods: Vec<String> = domains.iter().map(|name| format!("*.{name}")).collect();
        domains.extend(pods);
    }
    for address in service.addresses_for(client) {
        if address != UNSPECIFIED && !address.is_empty() {
            push(&mut domains, &address, port);
        }
    }
    (domains, alternative)
}

/// `appendDomainPort`.
fn push(domains: &mut Vec<String>, name: &str, port: Option<u16>) {
    domains.push(host(name));
    if let Some(port) = port {
        domains.push(with_port(name, port));
    }
}

/// `IPv6Compliant`.
pub(crate) fn host(name: &str) -> String {
    if name.contains(':') {
        return format!("[{name}]");
    }
    name.to_owned()
}

/// `DomainName`.
pub(crate) fn with_port(name: &str, port: u16) -> String {
    format!("{}:{port}", host(name))
}

/// `GenerateAltVirtualHosts`, for a proxy in a cluster of Kubernetes.
pub(crate) fn alternatives(name: &str, port: Option<u16>, client: &Client) -> Vec<String> {
    let mut found = Vec::new();
    if client.version.has_absolute_domains() {
        if name.parse::<std::net::IpAddr>().is_err() {
            found.push(format!("{name}."));
        }
        if let Some(port) = port {
            found.push(with_port(&format!("{name}."), port));
        }
    }
    let proxy_domain = client.dns_domain();
    let cluster = proxy_domain
        .find(".svc.")
        .map_or("", |at| &proxy_domain[at..]);
    let Some(at) = name.find(".svc.").filter(|at| *at > 0) else {
        return found;
    };
    let Some((short, namespace)) = name[..at].split_once('.') else {
        return found;
    };
    if !name.ends_with(cluster) {
        return found;
    }
    let (of_namespace, of_services) = (name[..at].to_owned(), name[..at + 4].to_owned());
    let names = if namespace == client.namespace {
        vec![short.to_owned(), of_services, of_namespace]
    } else {
        vec![of_namespace, of_services]
    };
    for other in names {
        push(&mut found, &other, port);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::Version;

    #[test]
    fn names_are_written_short_where_they_are_near() {
        let client = Client::new("shop", Version(24));
        for (name, others) in [
            (
                "a.shop.svc.cluster.local",
                vec!["a", "a.shop.svc", "a.shop"],
            ),
            ("a.b.svc.cluster.local", vec!["a.b", "a.b.svc"]),
            ("a.b.svc.other.local", vec![]),
            ("example.com", vec![]),
        ] {
            assert_eq!(alternatives(name, None, &client), others, "{name}");
        }
        let client = Client::new("shop", Version(27));
        assert_eq!(alternatives("example.com", None, &client), ["example.com."]);
    }
}
