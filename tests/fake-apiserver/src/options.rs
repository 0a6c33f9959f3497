//! What a server is started with.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    time::Duration,
};

use crate::{rbac::Rbac, shared::StreamingLists};

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
