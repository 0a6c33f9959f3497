//! Istio's mesh configuration and the injector's values, by revision, from the ConfigMaps
//! `istio[-<revision>]`, `istio-sidecar-injector[-<revision>]` and the one that istiod's environment names.

mod config;
mod control_plane;
mod coverage;
mod injector;
mod known;
mod names;
mod revisions;
mod schema;
mod selector;
mod sources;
mod validate;
mod values;

pub use self::{
    config::{MeshConfig, MeshOutboundPolicy, MeshText, OutboundMode, ProxyConfigText, policy},
    control_plane::ControlPlane,
    coverage::MeshCoverage,
    injector::{Injector, InjectorConfig},
    names::{MADE_FROM, ROOT_NAMESPACE, canonical, revision_of},
    revisions::Mesh,
    selector::LabelSelector,
    sources::MeshDoubt,
    values::{EnabledValue, GlobalValues, InjectorValues, PilotValues, ProxyValues, WebhookValues},
};
