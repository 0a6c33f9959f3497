//! The types of all fields of Istio's configuration, as tables: only with all of them can be said
//! whether Istio refuses a document. Fields that Istio has dropped since are those it passes over today.

mod mesh_config;
mod providers;
mod proxy_config;
mod traffic;
mod values;

pub(super) use self::{mesh_config::MESH_CONFIG, proxy_config::PROXY_CONFIG, values::VALUES};
