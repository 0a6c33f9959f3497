//! The connection to the API.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use http::{HeaderValue, header};
use kube::{
    Client, Config,
    client::ClientBuilder,
    config::{KubeConfigOptions, Kubeconfig},
};
use tower::util::MapResponseLayer;

use super::failure::Pace;

/// A request that is not answered by then will not be. Streams are watched over by their bookmarks.
const CONNECT: Duration = Duration::from_secs(10);

/// In a pod from the files that the kubelet puts there, else from a kubeconfig.
pub(super) async fn new(kubeconfig: Option<&Path>, node: &str) -> Result<(Client, Pace)> {
    let mut config = match kubeconfig {
        Some(path) => from_file(path).await?,
        None => in_cluster()?,
    };
    let agent = format!("egress-observer/{} ({node})", env!("CARGO_PKG_VERSION"));
    let agent = HeaderValue::from_str(&agent)
        .with_context(|| format!("--node-name {node}: not the name of a node"))?;
    config.headers.push((header::USER_AGENT, agent));
    config.connect_timeout = Some(CONNECT);
    // The watches have a pace of their own, and all of them the same one.
    config.default_retry = false;
    let pace = Pace::default();
    let noted = pace.clone();
    let client = ClientBuilder::try_from(config)
        .context("making a client for the Kubernetes API")?
        .with_layer(&MapResponseLayer::new(move |answer: http::Response<_>| {
            noted.note(answer.status(), answer.headers(), Instant::now());
            answer
        }))
        .build();
    Ok((client, pace))
}

async fn from_file(path: &Path) -> Result<Config> {
    let named = || format!("--kubeconfig {}", path.display());
    let file = Kubeconfig::read_from(path).with_context(named)?;
    Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .with_context(named)
}

fn in_cluster() -> Result<Config> {
    if std::env::var_os("KUBERNETES_SERVICE_HOST").is_none() {
        bail!(
            "this is no pod of a cluster (KUBERNETES_SERVICE_HOST is not set): say where objects \
             come from with --kubeconfig FILE or --manifests PATH"
        );
    }
    Config::incluster().context(
        "reading the pod's service account; does the pod have automountServiceAccountToken: true?",
    )
}
