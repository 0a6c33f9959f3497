//! What istiod would send to a sidecar, and what Envoy makes of it.
//!
//! An oracle for `egress-observer`: written from Istio's and Envoy's sources alone, it follows istiod step by
//! step, from manifests and a client to listeners, routes and clusters ([`write`]), and then looks up where
//! a connection goes as Envoy does ([`matcher`]). It shares no code with what it is there to check.
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
pub mod protocol;
mod push;
pub mod random;
pub mod real;
pub mod routes;
mod service;
mod sidecar;
pub mod version;
mod virtual_service;

use serde_json::Value;

pub use self::config::Config;
pub use self::mesh::Client;
pub use self::routes::Order;
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
