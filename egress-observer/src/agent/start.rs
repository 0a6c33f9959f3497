//! From the command line to an attached agent.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use egress_observer_common::settings::CAPTURE_PORTS;
use tracing::warn;

use super::state::AgentState;
use crate::{
    api_socket::DEFAULT_API_SOCKET,
    cgroup::Cgroups,
    cli::{AgentArgs, Switch},
    flow::Ledger,
    http,
    kernel::{Kernel, KernelOptions, Sizes, preflight},
    metrics::{Metrics, health::Health},
    names::{Limits, PodNames},
    record::{Record, RecordError, Recorder, Rotation},
    source::{self, Reload},
};
use egress_observer_istio::view::live::Live;

/// Attaches and learns the cgroups.
pub(super) fn attach(
    args: &AgentArgs,
    (cluster, reload): (Live, Option<Reload>),
) -> Result<AgentState> {
    let health = Health::new().context("making the metrics")?;
    source::note(&health.cluster, &cluster, reload.unwrap_or_default());
    check(args)?;
    let recorder = recorder(args)?;
    let root = cgroup_root(args.cgroup_root.as_deref())?;
    let mut kernel = Kernel::start(&options(args, root.clone()))?;
    // After: what comes and goes from here on is told of.
    let cgroups = Cgroups::new(&root, kernel.cgroups.take())?;
    let now = Instant::now();
    Ok(AgentState {
        kernel,
        cgroups,
        cluster,
        watches: None,
        patience: Duration::from_secs(args.attribution_wait.into()),
        ledger: Ledger::new(Duration::from_secs(args.flow_idle)),
        names: PodNames::new(Limits {
            in_all: args.dns_max_names as usize,
            per_pod: args.dns_max_names_per_pod as usize,
            keep: Duration::from_secs(args.dns_keep.into()),
        }),
        recent: Record::new(args.max_findings as usize),
        recorder,
        metrics: Metrics::new(args.metrics_destinations, args.metrics_max_destinations),
        health,
        swept: now,
        pruned: now,
    })
}

/// What the node and the command line must offer.
fn check(args: &AgentArgs) -> Result<()> {
    let missing: Vec<_> = preflight::check()
        .into_iter()
        .map(|missing| missing.to_string())
        .collect();
    if !missing.is_empty() {
        bail!(
            "this node lacks what is needed:\n  {}",
            missing.join("\n  ")
        );
    }
    let n_ports = args.capture_ports.len();
    let max = CAPTURE_PORTS.len();
    if n_ports > max {
        bail!("--capture-ports: {n_ports} ports, at most {max} are possible");
    }
    Ok(())
}

/// How the kernel side is wanted.
fn options(args: &AgentArgs, cgroup: PathBuf) -> KernelOptions {
    let pins = args.pin_dir.as_path() != Path::new("none");
    KernelOptions {
        cgroup,
        pin_dir: pins.then(|| args.pin_dir.clone()),
        btf: args.btf.clone(),
        sizes: Sizes {
            flows: args.max_flows,
            attempts: args.max_attempts,
            proofs: args.max_proofs,
            answers: args.dns_buffer,
        },
        capture_ports: args.capture_ports.clone(),
        dns: args.dns == Switch::On,
    }
}

/// The API's socket. Without a setting it is where it can be.
pub(super) fn api(path: Option<&Path>) -> Result<Option<http::HttpListener>> {
    let given = path.is_some();
    let path = path.unwrap_or(Path::new(DEFAULT_API_SOCKET));
    if path == Path::new("none") {
        return Ok(None);
    }
    match http::bind_api(path) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if given => Err(error)
            .with_context(|| format!("cannot serve the API on --api-socket {}", path.display())),
        Err(error) => {
            warn!(path = %path.display(), %error, "there is no API: its socket cannot be made");
            Ok(None)
        }
    }
}

/// What writes findings to a file, if that is asked for.
fn recorder(args: &AgentArgs) -> Result<Option<Recorder>, RecordError> {
    let Some(path) = &args.record else {
        return Ok(None);
    };
    let rotation = Rotation {
        max_bytes: args.record_max_bytes,
        n_old: args.record_files,
    };
    let interval = Duration::from_secs(args.record_interval.into());
    let pending = Record::new(args.max_findings as usize);
    Recorder::start(path, rotation, pending, interval).map(Some)
}

/// The cgroup to attach to: the one given, or the one that the mount table leads to.
fn cgroup_root(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = given {
        if !path.join("cgroup.procs").exists() {
            return Err(preflight::MissingOnNode::NotACgroup {
                path: path.to_owned(),
            }
            .into());
        }
        return Ok(path.to_owned());
    }
    let table = fs::read_to_string("/proc/self/mountinfo").context("reading the mount table")?;
    let root = preflight::cgroup_root(&table)?;
    if let Some(dir) = preflight::pods_in_v1(&table, &root) {
        warn!(
            cgroup_v1 = %dir.display(),
            "the kubelet keeps its pods in cgroup v1: their connections cannot be told from the \
             node's own; boot with cgroup v2"
        );
    }
    if preflight::is_without_pods(&root) {
        warn!(
            cgroup = %root.display(),
            "this is a part of the cgroups only, and no pod is in it: mount the host's \
             /sys/fs/cgroup into the container"
        );
    }
    Ok(preflight::pod_root(&root))
}
