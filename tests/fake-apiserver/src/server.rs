//! A running server: how it starts, stops and starts again.

mod objects;
mod requests;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, Result, bail};
use socket2::SockRef;
use tokio::sync::oneshot;

use crate::{
    credentials::Credentials,
    faults::Faults,
    log::Log,
    options::Options,
    resources::Served,
    serve,
    shared::{Shared, State},
    store::Store,
};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

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
            served: Served::default(),
            streaming_lists: options.streaming_lists,
            faults: Faults::default(),
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
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        // Nobody is left to tell.
        drop(self.stop());
    }
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
