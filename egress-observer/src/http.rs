//! The metrics address: `/metrics`, `/livez`, `/readyz`, and a page that says what this is.
//!
//! Read-only. Liveness is the agent's loop alone: neither a missing configuration nor anything
//! outside the process makes it fail.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
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
    net::TcpListener,
    sync::{Semaphore, mpsc, oneshot},
    time::{sleep, timeout},
};
use tracing::warn;

/// A scrape that waits for its answer.
pub type ScrapeRequest = oneshot::Sender<Bytes>;

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
    ready: AtomicBool,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            beat_ms: AtomicU64::new(0),
            ready: AtomicBool::new(false),
        }
    }
}

impl Pulse {
    /// The loop turned.
    pub fn beat(&self) {
        self.beat_ms
            .store(self.start.elapsed().as_millis() as u64, Relaxed);
    }

    /// Programs are attached and the configuration was read.
    pub fn set_ready(&self) {
        self.ready.store(true, Relaxed);
    }

    fn alive(&self) -> bool {
        let beat = Duration::from_millis(self.beat_ms.load(Relaxed));
        self.start.elapsed().saturating_sub(beat) < STUCK
    }
}

#[derive(Clone)]
struct Shared {
    pulse: Arc<Pulse>,
    scrapes: mpsc::Sender<ScrapeRequest>,
}

/// Serves for ever: at most [`MAX_CONNECTIONS`] at a time, and none that only takes up a place.
pub async fn serve(listener: TcpListener, pulse: Arc<Pulse>, scrapes: mpsc::Sender<ScrapeRequest>) {
    let router = Router::new()
        .route("/", get(page))
        .route("/metrics", get(metrics))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .with_state(Shared { pulse, scrapes });
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely; others give theirs back.
                warn!(%error, "cannot accept on the metrics address");
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
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

async fn metrics(State(shared): State<Shared>) -> Response {
    let (answer, text) = oneshot::channel();
    let asked = shared.scrapes.send(answer).await.is_ok();
    match text.await {
        Ok(text) if asked => (
            [(
                header::CONTENT_TYPE,
                "text/plain; version=0.0.4; charset=utf-8",
            )],
            text,
        )
            .into_response(),
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
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

async fn readyz(State(shared): State<Shared>) -> (StatusCode, &'static str) {
    if shared.pulse.ready.load(Relaxed) {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not attached yet\n")
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
