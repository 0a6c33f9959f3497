//! Istio's mesh configuration and the injector's values, by revision, from the ConfigMaps
//! `istio[-<revision>]` and `istio-sidecar-injector[-<revision>]`.

mod config;
mod injector;
mod names;
mod revisions;
mod selector;
mod values;

pub use self::{
    config::{MeshConfig, ProxyConfigText, policy},
    injector::{Injector, InjectorConfig},
    names::{ROOT_NAMESPACE, canonical, revision_of},
    revisions::Mesh,
    selector::LabelSelector,
    values::{EnabledValue, GlobalValues, InjectorValues, PilotValues, ProxyValues, WebhookValues},
};
