//! Where objects come from: files, or the cluster's API.

mod files;
mod reload;

use std::{
    future::pending,
    mem,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use ipnet::IpNet;
use tokio::sync::mpsc;
use tracing::warn;

use self::files::Files;
use crate::{
    cli::{AgentArgs, WatchedServices},
    kubernetes::{self, Message, Settings, SharedMaps, Watches},
    metrics::health::ClusterHealth,
};
use egress_observer_istio::{
    manifests::ManifestError,
    view::{MissingObjects, change::ObjectChange, live::Live},
};

pub(crate) use self::reload::Reload;

/// Messages taken in at once.
const BATCH: usize = 256;

/// Where objects come from.
pub(crate) enum ObjectSource {
    /// Files, read again when they change.
    Files(Files),
    /// The cluster's API.
    Api(Api),
}

pub(crate) struct Api {
    settings: Settings,
    cluster_cidrs: Vec<IpNet>,
    messages: Option<mpsc::Receiver<Message>>,
    shared_maps: Option<SharedMaps>,
}

/// What arrived.
pub(crate) enum Arrived {
    /// Everything, read anew.
    Files(Result<Reload, ManifestError>),
    /// Some of it.
    Messages(Vec<Message>),
}

impl Arrived {
    /// Whether it may change how connections are judged, other than by who makes them.
    pub(crate) fn of_configuration(&self) -> bool {
        match self {
            Self::Files(_) => true,
            Self::Messages(messages) => messages.iter().any(|message| match message {
                Message::News(news) => news.changes.iter().any(ObjectChange::of_configuration),
                Message::Ranges(_) => true,
            }),
        }
    }
}

impl ObjectSource {
    /// By the agent's settings.
    pub(crate) fn open(args: &AgentArgs) -> Result<Self> {
        let cluster_cidrs = args.cluster_cidrs.clone();
        if !args.manifests.is_empty() {
            if cluster_cidrs.is_empty() {
                warn!("{NO_RANGES}");
            }
            return Ok(Self::Files(Files::open(
                args.manifests.clone(),
                cluster_cidrs,
            )?));
        }
        let Some(node_name) = args.node_name.clone().filter(|name| !name.is_empty()) else {
            bail!(
                "--node-name is empty: in a pod, set EGRESS_OBSERVER_NODE_NAME from the field \
                 spec.nodeName"
            );
        };
        Ok(Self::Api(Api {
            settings: Settings {
                kubeconfig: args.kubeconfig.clone(),
                node_name,
                istio_namespace: args.istio_namespace.clone(),
                istio_revisions: args.istio_revisions.clone(),
                start_jitter: Duration::from_secs(args.start_jitter.into()),
                watch_timeout: Duration::from_secs(args.watch_timeout.into()),
                services: args.services == WatchedServices::Watch,
                find_ranges: cluster_cidrs.is_empty(),
            },
            cluster_cidrs,
            messages: None,
            shared_maps: None,
        }))
    }

    /// What is known at the start: all that files say, or nothing.
    pub(crate) fn known(&mut self) -> Result<(Live, Option<Reload>)> {
        Ok(match self {
            Self::Files(files) => {
                let mut live = Live::new(&files.cluster_cidrs, Vec::new());
                let mut reload = files.read()?;
                live.apply(mem::take(&mut reload.changes), Instant::now());
                (live, Some(reload))
            }
            Self::Api(api) => {
                let dns = kubernetes::cluster_dns(&api.settings);
                let mut live = Live::new(&api.cluster_cidrs, dns);
                live.set_missing(MissingObjects {
                    pods: true,
                    registry: true,
                    services: true,
                });
                (live, None)
            }
        })
    }

    /// Starts to ask the API; files are watched already.
    pub(crate) async fn watch(&mut self) -> Result<Option<Watches>> {
        let Self::Api(api) = self else {
            return Ok(None);
        };
        let started = kubernetes::start(&api.settings).await?;
        api.messages = Some(started.messages);
        api.shared_maps = Some(started.shared_maps);
        Ok(Some(started.watches))
    }

    /// Watches what istiod turns out to read.
    pub(crate) fn follow(&mut self, live: &mut Live, watches: &mut Watches) {
        if let Self::Api(Api {
            shared_maps: Some(shared_maps),
            ..
        }) = self
        {
            shared_maps.follow(live, watches);
        }
    }

    /// Waits for what arrives next. May be dropped and called anew without missing anything.
    pub(crate) async fn next(&mut self) -> Result<Arrived> {
        match self {
            Self::Files(files) => {
                files
                    .changed()
                    .await
                    .context("watching the configuration")?;
                Ok(Arrived::Files(files.read()))
            }
            Self::Api(Api {
                messages: Some(messages),
                ..
            }) => {
                let mut all = Vec::new();
                if messages.recv_many(&mut all, BATCH).await == 0 {
                    bail!("the watches of the Kubernetes API ended");
                }
                Ok(Arrived::Messages(all))
            }
            Self::Api(_) => pending().await,
        }
    }
}

const NO_RANGES: &str = "no --cluster-cidrs: Services, and pods of other nodes, count as \
                         destinations outside the cluster";

/// Notes what was read from files and taken in.
pub(crate) fn note(health: &ClusterHealth, cluster: &Live, reload: Reload) {
    let mut counts = reload.counts;
    counts.config_maps = cluster.n_config_maps();
    let readable = counts.unreadable.is_empty() && !cluster.snapshot().mesh_is_unreadable();
    health.reloaded(Some(&counts), readable);
}

/// Takes messages of the API in.
pub(crate) fn take(live: &mut Live, watches: &mut Watches, messages: Vec<Message>, now: Instant) {
    let mut changes = Vec::new();
    for message in messages {
        match message {
            Message::News(mut news) => {
                if watches.note(&news, now) {
                    changes.append(&mut news.changes);
                }
            }
            Message::Ranges(ranges) if ranges.is_empty() => warn!("{NO_RANGES}"),
            Message::Ranges(ranges) => live.add_ranges(&ranges),
        }
    }
    live.apply(changes, now);
    live.set_missing(MissingObjects {
        pods: !watches.pods_known(),
        registry: !watches.registry_known(),
        services: !watches.services_known(),
    });
    live.set_coverage(watches.coverage());
}
