//! Ranges in ConfigMaps of installers and network plugins.

use serde_json::Value;

use super::super::statement::{RangeOrigin, RangePlace, RangeStatements, name};
use crate::lint::output::plain;
use egress_observer_istio::{
    objects::ConfigMap,
    vocabulary::{Confidence, RangeOf},
};

/// What a ConfigMap says, if it is one of these:
///
/// 1. `kubeadm-config`: what the cluster was made with;
/// 2. `kube-proxy` (kubeadm), `kube-proxy-config` (EKS): what kube-proxy takes for pods;
/// 3. `cilium-config`: what Cilium's operator gives out, where that is its own pool;
/// 4. `kube-flannel-cfg`: flannel's network;
/// 5. `eni-config`: Alibaba Cloud's Terway, which has to know the Service range;
/// 6. `ip-masq-agent`, `azure-ip-masq-agent-config*`: where no address is translated. That is wider
///    than the cluster, so only a hint.
pub(super) fn read(said: &mut RangeStatements, map: &ConfigMap) {
    let (namespace, own) = (map.metadata.namespace.as_str(), map.metadata.name.as_str());
    let fields = Fields { map };
    match (namespace, own) {
        ("kube-system", "kubeadm-config") => {
            let key = "ClusterConfiguration";
            for (of, field) in [
                (RangeOf::Services, "serviceSubnet"),
                (RangeOf::Pods, "podSubnet"),
            ] {
                let own = format!("networking.{field}");
                let place = fields.place(of, RangeOrigin::Kubeadm, key, &own);
                said.ranges(&place, &fields.yaml(key, &format!("/networking/{field}")));
            }
        }
        ("kube-system", "kube-proxy" | "kube-proxy-config") => {
            for key in ["config.conf", "config"] {
                let place = fields.place(RangeOf::Pods, RangeOrigin::KubeProxy, key, "clusterCIDR");
                said.ranges(&place, &fields.yaml(key, "/clusterCIDR"));
            }
        }
        (_, "cilium-config") => cilium(said, &fields),
        ("kube-system" | "kube-flannel", "kube-flannel-cfg") => {
            for field in ["Network", "IPv6Network"] {
                let place =
                    fields.place(RangeOf::Pods, RangeOrigin::Flannel, "net-conf.json", field);
                let text = fields.yaml("net-conf.json", &format!("/{field}"));
                said.ranges(&place, &text);
            }
        }
        ("kube-system", "eni-config") => {
            let place = fields.place(
                RangeOf::Services,
                RangeOrigin::Terway,
                "eni_conf",
                "service_cidr",
            );
            said.ranges(&place, &fields.yaml("eni_conf", "/service_cidr"));
        }
        ("kube-system", own)
            if own == "ip-masq-agent" || own.starts_with("azure-ip-masq-agent-config") =>
        {
            not_translated(said, &fields);
        }
        _ => {}
    }
}

/// A ConfigMap's data.
struct Fields<'a> {
    map: &'a ConfigMap,
}

impl Fields<'_> {
    /// Text of a field in YAML or JSON that stands in a key; a list is joined by commas. Empty if
    /// there is none.
    fn yaml(&self, key: &str, path: &str) -> String {
        let text = self.map.data.get(key).map_or("", String::as_str);
        let value: Value = serde_saphyr::from_str(text).unwrap_or_default();
        match value.pointer(path) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(all)) => {
                let all: Vec<_> = all.iter().filter_map(Value::as_str).collect();
                all.join(",")
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
                String::new()
            }
        }
    }

    fn place(&self, of: RangeOf, origin: RangeOrigin, key: &str, field: &str) -> RangePlace {
        RangePlace {
            of,
            confidence: Confidence::High,
            origin,
            source: format!("ConfigMap {} {key} {field}", name(&self.map.metadata)),
        }
    }
}

/// Other modes take addresses from elsewhere: the nodes' ranges, or the cloud's network.
fn cilium(said: &mut RangeStatements, fields: &Fields<'_>) {
    let data = &fields.map.data;
    let mode = data.get("ipam").map_or("cluster-pool", String::as_str);
    if !mode.starts_with("cluster-pool") {
        return;
    }
    for key in ["cluster-pool-ipv4-cidr", "cluster-pool-ipv6-cidr"] {
        let place = RangePlace {
            of: RangeOf::Pods,
            confidence: Confidence::High,
            origin: RangeOrigin::Cilium,
            source: format!("ConfigMap {} {key}", name(&fields.map.metadata)),
        };
        said.ranges(&place, data.get(key).map_or("", String::as_str));
    }
}

fn not_translated(said: &mut RangeStatements, fields: &Fields<'_>) {
    let listed = fields
        .map
        .data
        .keys()
        .map(|key| fields.yaml(key, "/nonMasqueradeCIDRs"));
    let listed: Vec<_> = listed.filter(|list| !list.is_empty()).collect();
    if !listed.is_empty() {
        said.notes.push(format!(
            "ConfigMap {} lists {} as not translated (nonMasqueradeCIDRs): the cluster's ranges are \
             most likely among them, and other networks, too; a hint, not in the value",
            name(&fields.map.metadata),
            plain(&listed.join(","))
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        read,
        tests::{lines, objects},
    };

    fn map(name: &str, key: &str, text: &str) -> String {
        let text = text.replace('\n', "\n    ");
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: kube-system}}\n\
             data:\n  {key}: |\n    {text}\n"
        )
    }

    #[test]
    fn config_maps_of_installers_and_plugins_tell_their_ranges() {
        let kubeadm = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n\
                       networking:\n  dnsDomain: cluster.local\n  podSubnet: 10.244.0.0/16,fd00:10:244::/56\n  \
                       serviceSubnet: 10.96.0.0/12";
        let proxy = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nclusterCIDR: 10.244.0.0/16\n\
                     kind: KubeProxyConfiguration\nmode: \"\"";
        let terway = r#"{"version": "1", "max_pool_size": 5, "vswitches": {"cn-hangzhou-i": ["vsw-1"]},
              "service_cidr": "172.21.0.0/20", "security_group": "sg-1"}"#;
        let flannel = r#"{"Network": "10.42.0.0/16", "Backend": {"Type": "vxlan"}}"#;
        let cases: [(String, &[&str]); 7] = [
            (
                map("kubeadm-config", "ClusterConfiguration", kubeadm),
                &[
                    "services 10.96.0.0/12 high: ConfigMap kube-system/kubeadm-config \
                     ClusterConfiguration networking.serviceSubnet",
                    "pods 10.244.0.0/16 high: ConfigMap kube-system/kubeadm-config \
                     ClusterConfiguration networking.podSubnet",
                    "pods fd00:10:244::/56 high: ConfigMap kube-system/kubeadm-config \
                     ClusterConfiguration networking.podSubnet",
                ],
            ),
            (
                map("kube-proxy", "config.conf", proxy),
                &[
                    "pods 10.244.0.0/16 high: ConfigMap kube-system/kube-proxy config.conf clusterCIDR",
                ],
            ),
            // EKS: the VPC's network plugin gives out the addresses.
            (
                map(
                    "kube-proxy-config",
                    "config",
                    "clusterCIDR: \"\"\nmode: iptables",
                ),
                &[],
            ),
            (
                map("eni-config", "eni_conf", terway),
                &[
                    "services 172.21.0.0/20 high: ConfigMap kube-system/eni-config eni_conf service_cidr",
                ],
            ),
            (
                map("kube-flannel-cfg", "net-conf.json", flannel),
                &[
                    "pods 10.42.0.0/16 high: ConfigMap kube-system/kube-flannel-cfg net-conf.json Network",
                ],
            ),
            (
                "kind: ConfigMap\nmetadata: {name: cilium-config, namespace: kube-system}\n\
                 data: {ipam: cluster-pool, cluster-pool-ipv4-cidr: \"10.0.0.0/16 10.1.0.0/16\"}\n"
                    .to_owned(),
                &[
                    "pods 10.0.0.0/16 high: ConfigMap kube-system/cilium-config cluster-pool-ipv4-cidr",
                    "pods 10.1.0.0/16 high: ConfigMap kube-system/cilium-config cluster-pool-ipv4-cidr",
                ],
            ),
            (
                "kind: ConfigMap\nmetadata: {name: cilium-config, namespace: kube-system}\n\
                 data: {ipam: eni, cluster-pool-ipv4-cidr: 10.0.0.0/8}\n"
                    .to_owned(),
                &[],
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(lines(&read(&objects(&text))), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_translated_is_a_hint_and_no_range() {
        for (name, key, text) in [
            (
                "ip-masq-agent",
                "config",
                "nonMasqueradeCIDRs: [10.0.0.0/8]\nresyncInterval: 60s",
            ),
            (
                "azure-ip-masq-agent-config-reconciled",
                "ip-masq-agent-reconciled",
                "nonMasqueradeCIDRs:\n  - 10.0.0.0/8\nmasqLinkLocal: true",
            ),
        ] {
            let said = read(&objects(&map(name, key, text)));
            assert_eq!(lines(&said), [""; 0]);
            assert!(
                said.notes[0].contains("lists 10.0.0.0/8"),
                "{:?}",
                said.notes
            );
        }
    }

    #[test]
    fn text_that_is_no_yaml_says_nothing() {
        let said = read(&objects(&map(
            "eni-config",
            "eni_conf",
            "{\"service_cidr\": [",
        )));
        assert_eq!(lines(&said), [""; 0]);
        let said = read(&objects(&map(
            "kubeadm-config",
            "ClusterConfiguration",
            "networking: 5",
        )));
        assert_eq!(lines(&said), [""; 0]);
    }
}
