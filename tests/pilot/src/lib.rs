//! What istiod would send to a sidecar, and what Envoy makes of it.
//!
//! An oracle for `egress-observer`: written from Istio's and Envoy's sources alone, it follows istiod step by
//! step, from manifests and a client to listeners, routes and clusters ([`write()`]), and then looks up where
//! a connection goes as Envoy does ([`matcher`]). It shares no code with what it is there to check. Comments
//! name Istio's functions; where versions differ, [`version`] says how.
//!
//! What is known to be right: `tests/dump` compares what it writes with what a real istiod sent,
//! `tests/rules` with the answers of Istio's own simulations, and [`real`] its matcher with where connections
//! really arrive in an Envoy that has what it wrote.
//!
//! ```sh
//! # Random clusters: what the product says of 40 destinations in each, and the oracle.
//! cargo run -p egress-observer-pilot -- compare --bin target/debug/egress-observer --seed 1 --cases 500
//! # One of them again; or only one kind of disagreement, as the table at the end names it.
//! cargo run -p egress-observer-pilot -- compare --bin target/debug/egress-observer --seed 1 --case 17
//! cargo run -p egress-observer-pilot -- compare --bin target/debug/egress-observer --kind "mediated" --show 3
//! # The matcher beside a real Envoy.
//! cargo run -p egress-observer-pilot -- envoy --envoy target/tools/envoy-1.40.0/envoy/_bin/envoy
//! ```
//!
//! `compare` prints one disagreement of each kind, with as few objects as it needs, each on a line that is
//! YAML: pasted into a file, they are the manifests of `egress-observer explain`. What the product does not
//! know (`unknown`) is counted and never wrong. Where what the client says first decides (HTTP, TLS, something
//! else; where only an address is given, for any name), an answer that is right for some clients is counted
//! apart. Where istiod goes through a map, whose order is open, each order counts as right.
//!
//! Left out: gateways, waypoints, `ALLOW_ANY_DYNAMIC_DNS`, EnvoyFilters, Gateway API routes, addresses that
//! istiod allocates without writing them into a status (before 1.25), several clusters; of random clusters 1.22 and 1.23,
//! where without a Sidecar entries that are merged by host have the first one's addresses, which the product does
//! not follow.
#![forbid(unsafe_code)]

mod clusters;
pub mod compare;
pub mod config;
mod domains;
pub mod generate;
mod host;
mod listeners;
pub mod matcher;
pub mod mesh;
pub mod objects;
mod order;
pub mod protocol;
mod push;
pub mod random;
pub mod real;
mod routes;
mod service;
mod sidecar;
pub mod version;
mod virtual_service;

use serde_json::Value;

pub use self::config::Config;
pub use self::mesh::Client;
pub use self::order::Order;
pub use self::service::cluster_name;
pub use self::version::Version;

use self::push::Push;
use self::sidecar::Scope;

/// What istiod would send to the client's sidecar.
pub fn write(manifests: &[Value], client: &Client, order: Order) -> Config {
    let push = Push::new(manifests, client);
    let scope = Scope::new(&push, client);
    let listeners = listeners::all(&push, client, &scope);
    Config {
        routes: routes::all(&listeners, &scope, client, order),
        clusters: clusters::all(&push, &scope),
        catch_all: clusters::catch_all(&scope),
        capture_port: push.mesh.proxy_listen_port,
        listeners,
    }
}
