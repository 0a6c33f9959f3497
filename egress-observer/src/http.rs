//! What the agent answers. At the metrics address: `/metrics`, `/livez`, `/readyz`, and a page that
//! says what this is. On the API's socket, which only its owner may use: `/v1/findings` as well, what
//! was seen lately, as lines of JSON.
//!
//! Read-only. Liveness is the agent's loop alone: neither a missing configuration nor anything
//! outside the process makes it fail.

use std::{
    fs::{self, Permissions},
    io,
    net::SocketAddr,
    os::unix::{fs::PermissionsExt as _, net::UnixStream as StdUnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{Html, IntoResponse as _, Response},
    routing::get,
};
use bytes::Bytes;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::{Semaphore, mpsc, oneshot},
    time::{sleep, timeout},
};
use tracing::warn;

/// A question to the agent's loop that waits for its answer.
#[derive(Debug)]
pub struct AgentRequest {
    /// What is asked for.
    pub what: What,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Bytes>,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The metrics.
    Metrics,
    /// What was seen lately.
    Findings,
}

/// Connections at a time; the others wait to be accepted.
const MAX_CONNECTIONS: usize = 64;
/// A client that has not sent its request by then is hung up on.
const REQUEST: Duration = Duration::from_secs(5);
/// The longest life of a connection, however slowly its answers are read.
const CONNECTION: Duration = Duration::from_secs(300);
/// After a connection could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// A loop that has not turned for so long is stuck.
const STUCK: Duration = Duration::from_secs(30);

/// What the agent's loop tells about itself.
#[derive(Debug)]
pub struct Pulse {
    start: Instant,
    /// Milliseconds from the start to the last turn.
    beat_ms: AtomicU64,
    /// What is waited for; nothing when ready.
    waiting: Mutex<Option<String>>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            beat_ms: AtomicU64::new(0),
            waiting: Mutex::new(Some("not attached yet".to_owned())),
        }
    }
}

impl Pulse {
    /// The loop turned.
    pub fn beat(&self) {
        self.beat_ms
            .store(self.start.elapsed().as_millis() as u64, Relaxed);
    }

    /// Says what is waited for, or that the agent is ready: programs are attached, and what
    /// connections are judged by is known.
    pub fn set_waiting(&self, what: Option<String>) {
        *self.lock() = what;
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alive(&self) -> bool {
        let beat = Duration::from_millis(self.beat_ms.load(Relaxed));
        self.start.elapsed().saturating_sub(beat) < STUCK
    }
}

#[derive(Clone)]
struct Shared {
    pulse: Arc<Pulse>,
    requests: mpsc::Sender<AgentRequest>,
}

/// Where questions come in.
#[derive(Debug)]
pub enum HttpListener {
    /// The metrics address.
    Metrics(TcpListener),
    /// The API's socket.
    Api(Socket),
}

/// A socket in the file system, which goes with whoever listens on it.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for Socket {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

/// A connection of either kind.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl HttpListener {
    async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Metrics(listener) => Box::new(listener.accept().await?.0),
            Self::Api(socket) => Box::new(socket.listener.accept().await?.0),
        })
    }
}

/// Serves for ever: at most [`MAX_CONNECTIONS`] at a time, and none that only takes up a place.
pub async fn serve(
    listener: HttpListener,
    pulse: Arc<Pulse>,
    requests: mpsc::Sender<AgentRequest>,
) {
    let mut router = Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz));
    router = match listener {
        HttpListener::Metrics(_) => router.route("/", get(page)),
        HttpListener::Api(_) => router.route("/v1/findings", get(findings)),
    };
    let router = router.with_state(Shared { pulse, requests });
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                // Out of file descriptors, most likely; others give theirs back.
                warn!(%error, "cannot accept a connection");
                sleep(PAUSE).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(REQUEST)
                .serve_connection(TokioIo::new(stream), service);
            // How a connection ends is the client's affair.
            drop(timeout(CONNECTION, connection).await);
            drop(place);
        });
    }
}

/// Binds the metrics address.
pub async fn bind(address: SocketAddr) -> io::Result<HttpListener> {
    TcpListener::bind(address).await.map(HttpListener::Metrics)
}

/// Binds the API's socket, in the place of one that nobody listens on any more.
pub fn bind_api(path: &Path) -> io::Result<HttpListener> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    match StdUnixStream::connect(path) {
        Ok(_another) => return Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
        Err(_) => {}
    }
    let socket = Socket {
        listener: UnixListener::bind(path)?,
        path: path.to_owned(),
    };
    // Between the two lines it is as the umask has it; what it tells is no secret to its owner's
    // group, and there is nothing to change.
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(HttpListener::Api(socket))
}

async fn ask(shared: Shared, what: What) -> Option<Bytes> {
    let (answer, text) = oneshot::channel();
    shared
        .requests
        .send(AgentRequest { what, answer })
        .await
        .ok()?;
    text.await.ok()
}

fn answer(text: Option<Bytes>, content_type: &'static str) -> Response {
    match text {
        Some(text) => ([(header::CONTENT_TYPE, content_type)], text).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn metrics(State(shared): State<Shared>) -> Response {
    let text = ask(shared, What::Metrics).await;
    answer(text, "text/plain; version=0.0.4; charset=utf-8")
}

async fn findings(State(shared): State<Shared>) -> Response {
    answer(ask(shared, What::Findings).await, "application/x-ndjson")
}

async fn livez(State(shared): State<Shared>) -> (StatusCode, &'static str) {
    if shared.pulse.alive() {
        (StatusCode::OK, "ok\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the agent's loop is stuck\n",
        )
    }
}

async fn readyz(State(shared): State<Shared>) -> (StatusCode, String) {
    match &*shared.pulse.lock() {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(what) => (StatusCode::SERVICE_UNAVAILABLE, format!("{what}\n")),
    }
}

async fn page() -> Html<String> {
    Html(format!(
        "<!doctype html><title>egress-observer</title><h1>egress-observer {}</h1>\
         <p>What Istio pods really do with their outbound connections.\
         <p><a href=\"/metrics\">/metrics</a> <a href=\"/livez\">/livez</a> \
         <a href=\"/readyz\">/readyz</a>\n",
        env!("CARGO_PKG_VERSION")
    ))
}
