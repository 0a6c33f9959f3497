//! An API server for tests: what the agent asks a cluster for, answered as Kubernetes does.
//!
//! It serves objects that tests put in, over HTTPS with a token: lists with pages, watches with
//! bookmarks and streaming lists, selectors, metadata only, discovery, permissions. It speaks
//! HTTP/1.1 only and takes no writes: tests change objects here, in the process. Versions,
//! expiry and refusals follow the real one, and so do its oddities: an expired watch begins with
//! status 200, a list at version 0 has no pages, a CustomResourceDefinition that is not there is
//! answered in plain text.
//!
//! In reading order: [`resources`]; [`store`]; [`request`], [`selector`]; [`view`], [`list`],
//! [`watch`], [`status`], [`discovery`]; [`rbac`], [`faults`], [`log`]; [`serve`].
#![forbid(unsafe_code)]

pub mod faults;
pub mod log;
pub mod rbac;
pub mod request;
pub mod resources;
pub mod shared;
pub mod transcript;

mod credentials;
mod discovery;
mod list;
mod manifests;
mod outgoing;
mod selector;
mod serve;
mod status;
mod store;
mod view;
mod watch;

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use socket2::SockRef;
use tokio::sync::oneshot;

use credentials::Credentials;
use faults::{Fault, Which};
use log::{Log, Request};
use rbac::Rbac;
use request::Verb;
use resources::Resource;
use shared::{Shared, State, StreamingLists};
use store::{Key, Store};
use transcript::{Event, Transcript};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// How the server is.
#[derive(Debug)]
pub struct Options {
    /// Where to listen, unless there is a listener.
    pub address: SocketAddr,
    /// A listener that is bound already, for one in another network namespace.
    pub listener: Option<TcpListener>,
    /// The address that is written for clients; else the one listened on.
    pub advertise: Option<SocketAddr>,
    /// More names and addresses for the certificate.
    pub names: Vec<String>,
    /// Where certificate and token are kept, for a server that starts again as another process.
    pub keep: Option<PathBuf>,
    /// Who the token belongs to.
    pub user: String,
    /// The resourceVersion of the empty storage.
    pub first_version: u64,
    /// How many changes can be watched from.
    pub window: usize,
    /// Between two bookmarks.
    pub bookmark_interval: Duration,
    pub streaming_lists: StreamingLists,
    /// Before every answer.
    pub latency: Duration,
    /// What is allowed; without it, everything.
    pub rbac: Option<Rbac>,
    /// A file for the requests, as JSON lines.
    pub log: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            listener: None,
            advertise: None,
            names: Vec::new(),
            keep: None,
            user: "system:serviceaccount:egress-observer:egress-observer".to_owned(),
            first_version: 1,
            window: 10_000,
            // The real one sends them about once a minute, which no test waits for.
            bookmark_interval: Duration::from_secs(1),
            streaming_lists: StreamingLists::Served,
            latency: Duration::ZERO,
            rbac: None,
            log: None,
        }
    }
}

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct ApiServer {
    shared: Arc<Shared>,
    credentials: Credentials,
    /// Kept while the server is stopped: it starts again in the network namespace that it is in,
    /// wherever that is done from.
    listener: TcpListener,
    address: SocketAddr,
    advertise: SocketAddr,
    window: usize,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl ApiServer {
    pub fn start(options: Options) -> Result<Self> {
        let listener = match options.listener {
            Some(listener) => listener,
            None => TcpListener::bind(options.address)
                .with_context(|| format!("cannot listen on {}", options.address))?,
        };
        let address = listener.local_addr().context("a listener has an address")?;
        let advertise = options.advertise.unwrap_or_else(|| reachable(address));
        let credentials = match &options.keep {
            Some(dir) => Credentials::kept(dir, advertise, &options.names),
            None => Credentials::new(advertise, &options.names),
        };
        let credentials = credentials.context("cannot make a certificate")?;
        let state = State {
            store: Store::new(options.first_version, options.window),
            served: resources::Served::default(),
            streaming_lists: options.streaming_lists,
            faults: faults::Faults::default(),
            rbac: options.rbac,
            log: Log::to(options.log.as_deref())?,
            latency: options.latency,
            recorded: Default::default(),
            cuts: Default::default(),
        };
        let token = credentials.token.clone();
        let shared = Shared::new(state, options.user, token, options.bookmark_interval);
        let mut server = Self {
            shared: Arc::new(shared),
            credentials,
            listener,
            address,
            advertise,
            window: options.window,
            running: None,
        };
        server.run()?;
        Ok(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Writes a kubeconfig file.
    pub fn kubeconfig(&self, file: &Path) -> Result<()> {
        self.credentials.write_kubeconfig(file, self.advertise)
    }

    /// Writes `token`, `ca.crt` and `namespace`, as pods find them.
    pub fn service_account(&self, dir: &Path) -> Result<()> {
        let user = self.shared.user.split(':').nth(2);
        let namespace = user.unwrap_or("default");
        self.credentials.write_service_account(dir, namespace)
    }

    // Its life.

    /// Ends all connections and refuses new ones. Objects stay.
    pub fn stop(&mut self) -> Result<()> {
        let Some(Running { stop, thread }) = self.running.take() else {
            return Ok(());
        };
        // It waits for the end of this.
        drop(stop);
        if thread.join().is_err() {
            bail!("the API server's thread panicked");
        }
        let socket = SockRef::from(&self.listener);
        let closed = socket.shutdown(Shutdown::Read);
        closed.context("cannot close the API server's port")?;
        // A port that the kernel chose is given back when the socket stops to listen; one that was
        // asked for is still bound, and is not bound twice.
        match socket.bind(&self.address.into()) {
            Err(error) if error.kind() != io::ErrorKind::InvalidInput => {
                Err(error).with_context(|| format!("cannot keep {}", self.address))
            }
            _ => Ok(()),
        }
    }

    /// Starts again on the same port. As after a real restart, with the same objects and versions,
    /// but without a memory of what happened: only from now on can be watched.
    pub fn start_again(&mut self) -> Result<()> {
        self.check_stopped()?;
        self.shared.change(|state| state.store.compact());
        self.open()
    }

    /// Starts again on the same port with an empty storage at this version, as after the loss of
    /// etcd or the restoration of a backup.
    pub fn start_anew(&mut self, first_version: u64) -> Result<()> {
        self.check_stopped()?;
        let store = Store::new(first_version, self.window);
        self.shared.change(|state| state.store = store);
        self.open()
    }

    fn check_stopped(&self) -> Result<()> {
        if self.running.is_some() {
            bail!("the API server runs already");
        }
        Ok(())
    }

    fn open(&mut self) -> Result<()> {
        let socket = SockRef::from(&self.listener);
        let listening = socket.listen(BACKLOG);
        listening.with_context(|| format!("cannot listen on {} again", self.address))?;
        self.run()
    }

    fn run(&mut self) -> Result<()> {
        let tls = self.credentials.acceptor()?;
        let listener = self.listener.try_clone().context("cannot share a socket")?;
        let listening = listener.set_nonblocking(true);
        listening.context("cannot make a socket non-blocking")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot make a runtime")?;
        // Entered only, not run: the caller may be in a runtime itself.
        let entered = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener);
        let listener = listener.context("cannot wait for a socket")?;
        drop(entered);
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name("apiserver".to_owned());
        let thread = thread.spawn(move || {
            // With the runtime go the connections.
            runtime.block_on(serve::serve(listener, tls, shared, stopped));
        });
        let thread = thread.context("cannot start a thread")?;
        self.running = Some(Running { stop, thread });
        Ok(())
    }

    // Its objects.

    /// Creates or replaces an object. One that is the same already changes nothing.
    pub fn apply(&self, object: Value) -> Result<()> {
        let resource = resource_of(&object)?;
        self.shared
            .change(|state| state.store.apply(resource, object))
    }

    /// Applies the objects of YAML documents.
    pub fn apply_yaml(&self, text: &str) -> Result<()> {
        let objects = manifests::parse(text)?;
        objects
            .into_iter()
            .try_for_each(|object| self.apply(object))
    }

    /// Applies the objects of a file, or of the files in a directory.
    pub fn load(&self, path: &Path) -> Result<()> {
        let objects = manifests::load(path)?;
        objects
            .into_iter()
            .try_for_each(|object| self.apply(object))
    }

    /// Makes the objects those of a directory: all of them are read before any is changed.
    pub fn become_like(&self, path: &Path) -> Result<()> {
        let objects = manifests::load(path)?;
        let mut wanted = BTreeSet::new();
        for object in &objects {
            let resource = resource_of(object)?;
            wanted.insert((resource.id, key_of(resource, object)));
        }
        objects
            .into_iter()
            .try_for_each(|object| self.apply(object))?;
        self.shared.change(|state| {
            for resource in resources::all() {
                for key in state.store.objects(resource).into_keys() {
                    if !wanted.contains(&(resource.id, key.clone())) {
                        state.store.delete(resource, &key)?;
                    }
                }
            }
            Ok(())
        })
    }

    /// Deletes an object of a resource, such as `pods`; the namespace is empty for those in none.
    pub fn delete(&self, resource: &str, namespace: &str, name: &str) -> Result<()> {
        let resource = known(resource)?;
        let key = Key {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        self.shared
            .change(|state| state.store.delete(resource, &key))
    }

    /// The objects of a resource, without kind and version.
    pub fn objects(&self, resource: &str) -> Result<Vec<Value>> {
        let objects = self.shared.state().store.objects(known(resource)?);
        Ok(objects.values().map(|object| object.value()).collect())
    }

    /// The version of the whole.
    pub fn version(&self) -> u64 {
        self.shared.state().store.version()
    }

    /// Forgets what happened: watches from before get 410. Those that run go on.
    pub fn compact(&self) {
        self.shared.change(|state| state.store.compact());
    }

    /// Makes the storage go through everything that was recorded, in the recorded versions.
    pub fn replay(&self, transcript: &Transcript) -> Result<()> {
        let mut events = transcript.events().iter();
        events.try_for_each(|event| self.replay_event(transcript, event))
    }

    /// One step of [`Self::replay`].
    pub fn replay_event(&self, transcript: &Transcript, event: &Event) -> Result<()> {
        let resource = transcript.resource;
        self.shared
            .change(|state| transcript::record(&mut state.store, resource, event))
    }

    /// From now on every watch of the transcript's resource gets its lines, byte for byte, and
    /// nothing else.
    pub fn answer_with(&self, transcript: &Transcript) {
        let (id, text) = (transcript.resource.id, transcript.text.clone());
        self.shared.change(|state| state.recorded.insert(id, text));
    }

    // What it serves, and what goes wrong.

    /// Serves a group in these versions only; in none, it is not there.
    pub fn serve_versions(&self, group: &str, versions: &[&str]) {
        self.shared
            .change(|state| state.served.set_versions(group, versions));
    }

    /// Takes a resource away, as if its CustomResourceDefinition were deleted. Watches end.
    pub fn remove_resource(&self, resource: &str) -> Result<()> {
        let resource = known(resource)?;
        self.shared.change(|state| state.served.remove(resource));
        Ok(())
    }

    /// Serves it again.
    pub fn restore_resource(&self, resource: &str) -> Result<()> {
        let resource = known(resource)?;
        self.shared.change(|state| state.served.restore(resource));
        Ok(())
    }

    pub fn set_streaming_lists(&self, streaming_lists: StreamingLists) {
        self.shared
            .change(|state| state.streaming_lists = streaming_lists);
    }

    /// What is allowed from now on; watches that run go on, as they do in a real cluster.
    pub fn set_rbac(&self, rbac: Option<Rbac>) {
        self.shared.change(|state| state.rbac = rbac);
    }

    pub fn set_latency(&self, latency: Duration) {
        self.shared.change(|state| state.latency = latency);
    }

    /// Lets requests fail from now on, after the faults that are set already.
    pub fn fail(&self, which: Which, fault: Fault) -> Result<()> {
        which.resource.map(known).transpose()?;
        self.shared.change(|state| state.faults.set(which, fault));
        Ok(())
    }

    /// Ends all faults, but for requests that suffer already.
    pub fn clear_faults(&self) {
        self.shared.change(|state| state.faults.clear());
    }

    /// Breaks the connections of the running watches of a resource, in the middle of a line.
    pub fn cut_watches(&self, resource: &str) -> Result<()> {
        let resource = known(resource)?;
        self.shared
            .change(|state| *state.cuts.entry(resource.id).or_default() += 1);
        Ok(())
    }

    // What it was asked.

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().log.requests().to_vec()
    }

    /// How many requests there were of a verb for a resource.
    pub fn count(&self, resource: &str, verb: Verb) -> usize {
        let state = self.shared.state();
        let of_both = |request: &&Request| {
            request.resource.as_deref() == Some(resource) && request.verb == Some(verb)
        };
        state.log.requests().iter().filter(of_both).count()
    }

    /// Forgets them.
    pub fn clear_requests(&self) {
        self.shared.state().log.clear();
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        // Nobody is left to tell.
        drop(self.stop());
    }
}

/// The files that [`ApiServer::load`] reads at a path.
pub fn manifest_files(path: &Path) -> Result<Vec<PathBuf>> {
    manifests::files(path)
}

/// A wildcard address is no destination.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}

fn known(id: &str) -> Result<&'static Resource> {
    resources::by_id(id).with_context(|| format!("the API server knows no resource {id}"))
}

fn resource_of(object: &Value) -> Result<&'static Resource> {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let (version, kind) = (text("apiVersion"), text("kind"));
    resources::by_kind(version, kind)
        .with_context(|| format!("the API server knows no kind `{kind}` of `{version}`"))
}

/// The key that an object will have.
fn key_of(resource: &Resource, object: &Value) -> Key {
    let text = |field: &str| object["metadata"][field].as_str().map(str::to_owned);
    let default = if resource.namespaced { "default" } else { "" };
    Key {
        namespace: text("namespace").unwrap_or_else(|| default.to_owned()),
        name: text("name").unwrap_or_default(),
    }
}
