//! The API server of the tests as a process: for containers, and for network namespaces that only
//! a process of their own can be in.
//!
//! It serves the objects of a directory and follows it, until SIGTERM.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is what tests and people read"
)]

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use egress_observer_fake_apiserver::rbac::Rbac;
use egress_observer_fake_apiserver::shared::StreamingLists;
use egress_observer_fake_apiserver::{ApiServer, Options, manifest_files};
use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// How often the directory is looked at.
const PERIOD: Duration = Duration::from_millis(200);

/// Serves a directory of manifests as an API server does.
#[derive(Parser)]
struct Arguments {
    /// A directory of YAML and JSON files, or one file; followed as it changes.
    #[arg(long, value_name = "DIR")]
    manifests: PathBuf,
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The address in the kubeconfig file and in the certificate, if it is another one.
    #[arg(long, value_name = "ADDRESS")]
    advertise: Option<SocketAddr>,
    /// Where `kubeconfig`, `serviceaccount/` and what a restart needs are written.
    #[arg(long, value_name = "DIR")]
    credentials: PathBuf,
    /// A file for the requests, as JSON lines; appended to.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// ClusterRoles and Roles, and bindings if they matter: what is not allowed is forbidden.
    #[arg(long, value_name = "FILE")]
    rbac: Option<PathBuf>,
    /// Who the token belongs to.
    #[arg(
        long,
        default_value = "system:serviceaccount:egress-observer:egress-observer"
    )]
    user: String,
    /// Before every answer, in milliseconds.
    #[arg(long, default_value_t = 0, value_name = "MILLISECONDS")]
    latency: u64,
    /// Between two bookmarks, in milliseconds.
    #[arg(long, default_value_t = 1000, value_name = "MILLISECONDS")]
    bookmark_interval: u64,
    /// The first resourceVersion; milliseconds since 1970 if not given, so that a server that
    /// starts again goes on after its last one.
    #[arg(long)]
    first_version: Option<u64>,
    /// Refuses streaming lists, as Kubernetes 1.33 does.
    #[arg(long)]
    no_streaming_lists: bool,
    /// A group and the only versions that it is served in, such as
    /// `networking.istio.io=v1beta1,v1alpha3`.
    #[arg(long, value_name = "GROUP=VERSIONS")]
    versions: Vec<String>,
    /// A resource that is not there, such as `networking.istio.io/sidecars`.
    #[arg(long, value_name = "RESOURCE")]
    absent: Vec<String>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let interrupted = interrupted()?;
    let server = ApiServer::start(options(&arguments)?)?;
    for versions in &arguments.versions {
        let (group, versions) = versions.split_once('=').with_context(|| {
            format!("--versions {versions}: expected a group, `=`, and versions")
        })?;
        let versions: Vec<&str> = versions.split(',').filter(|it| !it.is_empty()).collect();
        server.serve_versions(group, &versions);
    }
    for resource in &arguments.absent {
        server.remove_resource(resource).context("--absent")?;
    }
    // The directory is right before anybody is told where the server is.
    let mut seen = files(&arguments.manifests)?;
    server.become_like(&arguments.manifests)?;
    server.kubeconfig(&arguments.credentials.join("kubeconfig"))?;
    server.service_account(&arguments.credentials.join("serviceaccount"))?;
    println!("{}", json!({"ready": true, "address": server.address()}));
    while !interrupted.load(Ordering::Relaxed) {
        thread::sleep(PERIOD);
        follow(&server, &arguments.manifests, &mut seen);
    }
    Ok(())
}

/// Set by the first signal that asks for the end; the second one ends it at once.
fn interrupted() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order the handler that exits sees the flag of an earlier signal only.
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&interrupted))
            .and_then(|_| flag::register(signal, Arc::clone(&interrupted)))
            .with_context(|| format!("cannot handle signal {signal}"))?;
    }
    Ok(interrupted)
}

fn options(arguments: &Arguments) -> Result<Options> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since_1970.context("the clock is before 1970")?.as_millis();
    let first_version = match arguments.first_version {
        Some(version) => version,
        None => u64::try_from(now).context("the clock is far in the future")?,
    };
    ensure!(first_version > 0, "--first-version 0: versions start at 1");
    ensure!(
        arguments.bookmark_interval > 0,
        "--bookmark-interval 0: expected at least one millisecond"
    );
    let streaming_lists = match arguments.no_streaming_lists {
        true => StreamingLists::SwitchedOff,
        false => StreamingLists::Served,
    };
    Ok(Options {
        address: arguments.listen,
        advertise: arguments.advertise,
        keep: Some(arguments.credentials.clone()),
        user: arguments.user.clone(),
        first_version,
        bookmark_interval: Duration::from_millis(arguments.bookmark_interval),
        streaming_lists,
        latency: Duration::from_millis(arguments.latency),
        rbac: arguments.rbac.as_deref().map(Rbac::load).transpose()?,
        log: arguments.log.clone(),
        ..Options::default()
    })
}

/// What tells a changed file.
type Seen = BTreeMap<PathBuf, (SystemTime, u64)>;

fn files(path: &Path) -> Result<Seen> {
    let mut seen = Seen::new();
    for file in manifest_files(path)? {
        let metadata = fs::metadata(&file);
        let metadata = metadata.with_context(|| format!("cannot read {}", file.display()))?;
        let modified = metadata.modified().context("a file system without times")?;
        seen.insert(file, (modified, metadata.len()));
    }
    Ok(seen)
}

/// A directory that cannot be read now leaves the objects as they are, and is tried again when it
/// changes: it may be half written.
fn follow(server: &ApiServer, path: &Path, seen: &mut Seen) {
    let now = match files(path) {
        Ok(now) => now,
        // A file that went away between two looks; the next one sees why.
        Err(error) => return eprintln!("{error:#}"),
    };
    if now == *seen {
        return;
    }
    *seen = now;
    if let Err(error) = server.become_like(path) {
        eprintln!("{error:#}");
    }
}
