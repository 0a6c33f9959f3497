//! The cluster's API: what is watched, and what arrives.
//!
//! Each watch is a task of its own that lists, follows, and starts again where it has to; what it
//! learns goes to the agent's loop as [`News`]. Nothing is ever written, and nothing is asked for
//! again and again: one list at the start, from the API server's cache, and then one watch with a
//! long time-out for each kind.

mod arrival;
mod client;
mod failure;
mod groups;
mod hints;
mod jitter;
mod kinds;
mod message;
mod selection;
mod shared_maps;
mod start;
mod status;
mod watch;

use std::{fs, net::IpAddr, path::PathBuf, time::Duration};

use anyhow::Result;
use tokio::sync::mpsc;
use tracing::warn;

use self::{jitter::random, selection::Selection, shared_maps::config_maps, start::Start};
pub(crate) use self::{
    message::Message,
    shared_maps::SharedMaps,
    status::{Tally, Watches},
};
use egress_observer_istio::objects::{self, istiod::IstiodDeployment};

/// Where the API is, and what is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Instead of what a pod finds in its own file system.
    pub(crate) kubeconfig: Option<PathBuf>,
    pub(crate) node_name: String,
    pub(crate) istio_namespace: String,
    /// Revisions of the control plane; the default one is `default`.
    pub(crate) istio_revisions: Vec<String>,
    /// The longest wait before the first request: many nodes may start at once.
    pub(crate) start_jitter: Duration,
    /// The shortest time-out of a watch; the longest is twice that.
    pub(crate) watch_timeout: Duration,
    /// Whether Services are watched.
    pub(crate) services: bool,
    /// Whether the ranges of pods and Services are looked for.
    pub(crate) find_ranges: bool,
}

/// Deployments of istiod, as Istio's chart and Azure's add-on label them.
const ISTIODS: &str = "app=istiod";

/// News that wait for the agent's loop; the watches wait, too, when it is full.
const QUEUE: usize = 256;

/// What was started.
pub(crate) struct Started {
    pub(crate) watches: Watches,
    pub(crate) shared_maps: SharedMaps,
    pub(crate) messages: mpsc::Receiver<Message>,
}

/// Starts to watch. The cluster need not be reachable; its settings have to be readable.
pub(crate) async fn start(settings: &Settings) -> Result<Started> {
    let client = client::new(settings.kubeconfig.as_deref(), &settings.node_name).await?;
    let (send, messages) = mpsc::channel(QUEUE);
    let start = Start::new(client, settings.watch_timeout, send);
    let wait = random(Duration::ZERO, settings.start_jitter);
    let watches = watch(&start, settings, wait);
    if settings.find_ranges {
        start.find_ranges(wait);
    }
    let shared_maps = SharedMaps::new(
        start,
        &settings.istio_namespace,
        &settings.istio_revisions,
        settings.start_jitter,
    );
    Ok(Started {
        watches,
        shared_maps,
        messages,
    })
}

/// Watches what is watched whatever the cluster has.
fn watch(start: &Start, settings: &Settings, wait: Duration) -> Watches {
    let mut watches = Watches::default();
    let all = &mut watches;
    let node = format!("spec.nodeName={}", settings.node_name);
    start.watch::<objects::PodObject>(all, Selection::fields(node), wait);
    start.watch::<objects::NamespaceObject>(all, Selection::default(), wait);
    let namespace = &settings.istio_namespace;
    for name in config_maps(&settings.istio_revisions) {
        start.watch::<objects::ConfigMap>(all, Selection::named(namespace, &name), wait);
    }
    let istiods = Selection::labels(ISTIODS).in_namespace(namespace);
    start.watch::<IstiodDeployment>(all, istiods, wait);
    start.watch::<objects::WebhookObject>(all, Selection::labels("istio.io/tag"), wait);
    start.watch::<objects::ServiceEntryObject>(all, Selection::default(), wait);
    start.watch::<objects::Sidecar>(all, Selection::default(), wait);
    start.watch::<objects::VirtualService>(all, Selection::default(), wait);
    start.watch::<objects::DestinationRule>(all, Selection::default(), wait);
    start.watch::<objects::ProxyConfig>(all, Selection::default(), wait);
    start.watch::<objects::addressing::ServiceCidr>(all, Selection::default(), wait);
    if settings.services {
        start.watch::<objects::ServiceObject>(all, Selection::default(), wait);
    }
    watches
}

/// What the agent's own resolver asks: with `ClusterFirst`, as for most pods, the cluster's DNS.
/// Nothing is known of it outside a cluster, and without the file.
pub(crate) fn cluster_dns(settings: &Settings) -> Vec<IpAddr> {
    if settings.kubeconfig.is_some() {
        return Vec::new();
    }
    fs::read_to_string(RESOLV_CONF).map_or_else(
        |error| {
            warn!(file = RESOLV_CONF, %error, "the address of the cluster's DNS is not known");
            Vec::new()
        },
        |text| nameservers(&text),
    )
}

const RESOLV_CONF: &str = "/etc/resolv.conf";

fn nameservers(resolv_conf: &str) -> Vec<IpAddr> {
    let lines = resolv_conf.lines();
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let first = words.next()?;
            (first == "nameserver").then(|| words.next()?.parse().ok())?
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nameservers_are_read_and_other_lines_are_not() {
        let text = "search a.svc\nnameserver 10.96.0.10\n#nameserver 1.1.1.1\nnameserver fd00::a\n\
                    options ndots:5\nnameserver\n";
        let expected: Vec<IpAddr> = ["10.96.0.10", "fd00::a"]
            .map(|ip| ip.parse().unwrap())
            .into();
        assert_eq!(nameservers(text), expected);
    }
}
