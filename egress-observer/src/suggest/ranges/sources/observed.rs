//! Addresses that are in use: they prove that a range holds them, and no more.

use std::net::IpAddr;

use super::super::statement::{address, name};
use egress_observer_istio::{manifests::Object, vocabulary::RangeOf};

/// An address in use.
#[derive(Clone, Debug)]
pub(in crate::suggest::ranges) struct AddressInUse {
    pub(in crate::suggest::ranges) of: RangeOf,
    pub(in crate::suggest::ranges) ip: IpAddr,
    /// Whose it is, for people.
    pub(in crate::suggest::ranges) whose: String,
}

/// The addresses of Services and pods. Pods in the node's network have the node's.
pub(in crate::suggest::ranges) fn observed(objects: &[Object]) -> Vec<AddressInUse> {
    let mut all = Vec::new();
    for object in objects {
        let (of, addresses, whose) = match object {
            Object::Service(service) => {
                let spec = &service.spec;
                // `None` is a headless Service.
                let addresses: Vec<_> = spec.cluster_ips.iter().chain([&spec.cluster_ip]).collect();
                let whose = format!("Service {}", name(&service.metadata));
                (RangeOf::Services, addresses, whose)
            }
            Object::Pod(pod) if !pod.spec.host_network => {
                let status = &pod.status;
                let listed = status.pod_ips.iter().map(|entry| &entry.ip);
                let addresses = listed.chain([&status.pod_ip]);
                let own = addresses.filter(|ip| **ip != status.host_ip).collect();
                (RangeOf::Pods, own, format!("Pod {}", name(&pod.metadata)))
            }
            Object::Pod(_)
            | Object::ConfigMap(_)
            | Object::Namespace(_)
            | Object::Workload(_)
            | Object::MutatingWebhookConfiguration(_)
            | Object::ServiceEntry(_)
            | Object::Sidecar(_)
            | Object::VirtualService(_)
            | Object::DestinationRule(_)
            | Object::ProxyConfig(_)
            | Object::ServiceCidr(_)
            | Object::Gateway(_)
            | Object::Node(_)
            | Object::IpPool(_)
            | Object::CiliumNode(_)
            | Object::Network(_) => continue,
        };
        let mut known = Vec::new();
        for ip in addresses.into_iter().filter_map(|text| address(text)) {
            if !known.contains(&ip) {
                known.push(ip);
                all.push(AddressInUse {
                    of,
                    ip,
                    whose: whose.clone(),
                });
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{super::tests::objects, *};

    #[test]
    fn nodes_addresses_and_headless_services_are_none() {
        let text = "kind: Service\nmetadata: {name: a, namespace: shop}\n\
                    spec: {clusterIP: 10.96.0.10, clusterIPs: [10.96.0.10, \"fd00::a\"]}\n---\n\
                    kind: Service\nmetadata: {name: b}\nspec: {clusterIP: None}\n---\n\
                    kind: Pod\nmetadata: {name: c, namespace: shop}\nstatus: {podIP: 10.244.1.5}\n---\n\
                    kind: Pod\nmetadata: {name: d}\nspec: {hostNetwork: true}\nstatus: {podIP: 192.0.2.1}\n";
        let found: Vec<_> = observed(&objects(text))
            .into_iter()
            .map(|one| format!("{} {} {}", one.of, one.ip, one.whose))
            .collect();
        let expected = [
            "services 10.96.0.10 Service shop/a",
            "services fd00::a Service shop/a",
            "pods 10.244.1.5 Pod shop/c",
        ];
        assert_eq!(found, expected);
    }
}
