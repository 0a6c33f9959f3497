//! A server and a client for each test.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use egress_observer_fake_apiserver::transcript::{Event as Line, parse_lines};
use egress_observer_fake_apiserver::{ApiServer, Options};
use futures::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, Stream, StreamExt as _};
use hyper::Request;
use k8s_openapi::api::core::v1::Pod;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::watcher::{self, Config, Event, InitialListStrategy};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than anything here takes, on a busy machine.
const WITHIN: Duration = Duration::from_secs(20);

pub(crate) struct Bed {
    pub(crate) server: ApiServer,
    pub(crate) client: Client,
    dir: TempDir,
}

impl Bed {
    pub(crate) async fn new() -> Result<Self> {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Result<Self> {
        let server = ApiServer::start(options)?;
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("kubeconfig");
        server.kubeconfig(&file)?;
        let client = client(&file).await?;
        Ok(Self {
            server,
            client,
            dir,
        })
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A server with these pods, on the node `n1` and in the namespace `shop`.
    pub(crate) async fn with_pods(names: &[&str]) -> Result<Self> {
        let bed = Self::new().await?;
        for name in names {
            bed.pod(name, "n1")?;
        }
        Ok(bed)
    }

    pub(crate) fn pod(&self, name: &str, node: &str) -> Result<()> {
        self.server.apply(pod(name, node))
    }

    pub(crate) fn pods(&self) -> Api<Pod> {
        Api::all(self.client.clone())
    }

    /// The real client's watcher, with its events as text.
    pub(crate) fn watch(&self, config: Config) -> Watched {
        Watched::new(self.pods(), config)
    }

    /// Status and body of a GET, as the client sees neither of them.
    pub(crate) async fn get(&self, path: &str) -> Result<(u16, Value)> {
        let request = Request::get(path).header("accept", "application/json");
        self.ask(request.body(Vec::new())?).await
    }

    pub(crate) async fn ask(&self, request: Request<Vec<u8>>) -> Result<(u16, Value)> {
        let response = self.client.send(request.map(Into::into)).await?;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect_bytes().await?;
        let text = String::from_utf8(bytes.to_vec())?;
        // What is no JSON is plain text.
        Ok((status, serde_json::from_str(&text).unwrap_or(json!(text))))
    }

    /// The lines of a watch, until it ends.
    pub(crate) async fn lines(&self, path: &str) -> Result<Vec<Line>> {
        let mut text = String::new();
        let mut body = Box::pin(self.raw_watch(path).await?);
        let read = tokio::time::timeout(WITHIN, body.read_to_string(&mut text));
        read.await.context("the watch does not end")??;
        parse_lines(&text)
    }

    /// The next line of a watch.
    pub(crate) async fn raw_watch(&self, path: &str) -> Result<impl AsyncRead + use<>> {
        let request = Request::get(path).body(Vec::new())?;
        Ok(self.client.request_stream(request).await?)
    }

    /// The first lines of a watch that goes on, byte for byte.
    pub(crate) async fn first_lines(&self, path: &str, count: usize) -> Result<String> {
        let body = self
            .client
            .request_stream(Request::get(path).body(Vec::new())?)
            .await?;
        let lines = Box::pin(body).lines().take(count).collect::<Vec<_>>();
        let lines = tokio::time::timeout(WITHIN, lines).await;
        let lines: Result<Vec<_>, _> = lines.context("not so many lines")?.into_iter().collect();
        Ok(lines?.iter().map(|line| format!("{line}\n")).collect())
    }
}

/// As a pod would: by a kubeconfig file.
pub(crate) async fn client(kubeconfig: &Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let options = KubeConfigOptions::default();
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    // What goes wrong is what these tests are about: nothing is tried again unseen.
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

pub(crate) fn pod(name: &str, node: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}},
        "spec": {"nodeName": node, "containers": [{"name": "app", "image": "app"}]},
        "status": {"phase": "Running"},
    })
}

pub(crate) fn list_watch() -> Config {
    Config::default()
}

pub(crate) fn streaming() -> Config {
    Config {
        initial_list_strategy: InitialListStrategy::StreamingList,
        ..Config::default()
    }
}

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures")
        .join(name)
}

/// A running watcher of the real client.
pub(crate) struct Watched {
    events: Pin<Box<dyn Stream<Item = String> + Send>>,
}

impl Watched {
    pub(crate) fn new<K>(api: Api<K>, config: Config) -> Self
    where
        K: Resource + Clone + Debug + serde::de::DeserializeOwned + Send + 'static,
    {
        let text = watcher::watcher(api, config).map(|event| match event {
            Ok(Event::Init) => "init".to_owned(),
            Ok(Event::InitApply(object)) => format!("init {}", object.name_any()),
            Ok(Event::InitDone) => "done".to_owned(),
            Ok(Event::Apply(object)) => format!("apply {}", object.name_any()),
            Ok(Event::Delete(object)) => format!("delete {}", object.name_any()),
            Err(error) => format!("error {error}"),
        });
        Self {
            events: Box::pin(text),
        }
    }

    pub(crate) async fn next(&mut self) -> Result<String> {
        let next = tokio::time::timeout(WITHIN, self.events.next()).await;
        next.context("the watcher says nothing")?
            .context("the watcher ended")
    }

    /// The next events are these.
    pub(crate) async fn expect(&mut self, events: &[&str]) -> Result<()> {
        for (index, expected) in events.iter().enumerate() {
            let found = self.next().await?;
            if found != *expected {
                bail!("event {index} of {events:?} is `{found}`");
            }
        }
        Ok(())
    }

    /// Skips errors: the first event that is none.
    pub(crate) async fn next_good(&mut self) -> Result<String> {
        loop {
            let event = self.next().await?;
            if !event.starts_with("error ") {
                return Ok(event);
            }
        }
    }
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let begin = std::time::Instant::now();
    while !holds() {
        if begin.elapsed() > WITHIN {
            bail!("{what}: not within {WITHIN:?}");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
