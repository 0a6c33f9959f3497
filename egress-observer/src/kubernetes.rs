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
mod status;
mod watch;

use std::{fs, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Result;
use kube::Client;
use tokio::{sync::mpsc, time::sleep};
use tracing::warn;

use self::{failure::Pace, groups::Groups, jitter::random, selection::Selection, watch::Watch};
pub(crate) use self::{
    message::Message,
    status::{Tally, Watches},
};
use egress_observer_istio::objects::{self, kinds::OneKind};

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

/// News that wait for the agent's loop; the watches wait, too, when it is full.
const QUEUE: usize = 256;

/// Starts to watch. The cluster need not be reachable; its settings have to be readable.
pub(crate) async fn start(settings: &Settings) -> Result<(Watches, mpsc::Receiver<Message>)> {
    let (client, pace) = client::new(settings.kubeconfig.as_deref(), &settings.node_name).await?;
    let (send, receive) = mpsc::channel(QUEUE);
    let mut start = Start {
        groups: Arc::new(Groups::new(client.clone())),
        client,
        pace,
        wait: random(Duration::ZERO, settings.start_jitter),
        timeout: settings.watch_timeout,
        watches: Watches::default(),
        send,
    };
    let node = format!("spec.nodeName={}", settings.node_name);
    start.watch::<objects::PodObject>(Selection::fields(node));
    start.watch::<objects::NamespaceObject>(Selection::default());
    for name in config_maps(&settings.istio_revisions) {
        let own = Selection::fields(format!("metadata.name={name}"));
        start.watch::<objects::ConfigMap>(own.in_namespace(&settings.istio_namespace));
    }
    start.watch::<objects::WebhookObject>(Selection::labels("istio.io/tag"));
    start.watch::<objects::ServiceEntryObject>(Selection::default());
    start.watch::<objects::Sidecar>(Selection::default());
    start.watch::<objects::VirtualService>(Selection::default());
    start.watch::<objects::DestinationRule>(Selection::default());
    start.watch::<objects::ProxyConfig>(Selection::default());
    start.watch::<objects::addressing::ServiceCidr>(Selection::default());
    if settings.services {
        start.watch::<objects::ServiceObject>(Selection::default());
    }
    if settings.find_ranges {
        start.find_ranges();
    }
    Ok((start.watches, receive))
}

/// Names of the ConfigMaps of these revisions.
fn config_maps(revisions: &[String]) -> Vec<String> {
    let suffix = |revision: &String| match revision.as_str() {
        "" | "default" => String::new(),
        own => format!("-{own}"),
    };
    let names = revisions.iter().map(suffix).flat_map(|suffix| {
        [
            format!("istio{suffix}"),
            format!("istio-sidecar-injector{suffix}"),
        ]
    });
    names.collect()
}

/// What starts watches.
struct Start {
    client: Client,
    pace: Pace,
    groups: Arc<Groups>,
    wait: Duration,
    timeout: Duration,
    watches: Watches,
    send: mpsc::Sender<Message>,
}

impl Start {
    fn watch<K: OneKind>(&mut self, selection: Selection) {
        let id = self.watches.add(K::KIND, selection.to_string());
        let watch = Watch::<K>::new(
            id,
            (self.client.clone(), self.pace.clone()),
            Arc::clone(&self.groups),
            selection,
            self.timeout,
            self.send.clone(),
        );
        let wait = self.wait;
        tokio::spawn(async move {
            sleep(wait).await;
            watch.run().await;
        });
    }

    fn find_ranges(&self) {
        let (client, wait, send) = (self.client.clone(), self.wait, self.send.clone());
        tokio::spawn(async move {
            sleep(wait).await;
            let ranges = hints::ranges(&client).await;
            // The agent may have ended.
            drop(send.send(Message::Ranges(ranges)).await);
        });
    }
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
    fn revisions_lead_to_the_names_of_their_config_maps() {
        let revisions = ["default".to_owned(), "1-27".to_owned()];
        assert_eq!(
            config_maps(&revisions),
            [
                "istio",
                "istio-sidecar-injector",
                "istio-1-27",
                "istio-sidecar-injector-1-27"
            ]
        );
    }

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
