//! The ranges of pods and Services, from what installers and network plugins leave in ConfigMaps.
//! Looked at once: they do not change while a cluster lives, and watching them would cost every API
//! server five watches a node.

use ipnet::IpNet;
use kube::{Api, Client};
use tracing::{debug, info};

use super::{arrival::Arrival, kinds::api_resource};
use crate::suggest::ranges;
use egress_observer_istio::objects::{self, Kind, Object};

/// The ConfigMaps that say so most often; the chart's Role names the same.
const NAMES: [&str; 5] = [
    "kubeadm-config",
    "kube-proxy",
    "kube-proxy-config",
    "cilium-config",
    "kube-flannel-cfg",
];

/// What they say; nothing if there are none, or none may be read.
pub(super) async fn ranges(client: &Client) -> Vec<IpNet> {
    let api: Api<Arrival<objects::ConfigMap>> = Api::namespaced_with(
        client.clone(),
        "kube-system",
        &api_resource(Kind::ConfigMap, "v1"),
    );
    let mut found = Vec::new();
    for name in NAMES {
        match api.get_opt(name).await {
            Ok(Some(arrival)) => found.extend(arrival.object.ok().map(Object::ConfigMap)),
            Ok(None) => {}
            Err(error) => debug!(config_map = name, %error, "cannot be read"),
        }
    }
    let ranges = ranges::of_cluster(&found);
    info!(?ranges, "ranges of the cluster, by its ConfigMaps");
    ranges
}
