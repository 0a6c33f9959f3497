//! An API server for tests: what the agent asks a cluster for, answered as Kubernetes does.
//!
//! It serves objects that tests put in, over HTTPS with a token: lists with pages, watches with
//! bookmarks and streaming lists, selectors, metadata only, discovery, permissions. It speaks
//! HTTP/1.1 only and takes no writes: tests change objects here, in the process. Versions,
//! expiry and refusals follow the real one, and so do its oddities: an expired watch begins with
//! status 200, a list at version 0 has no pages, a CustomResourceDefinition that is not there is
//! answered in plain text.
//!
//! In reading order: [`resources`]; [`object`], [`store`]; [`request`], [`selector`]; [`view`], [`list`],
//! [`watch`], [`status`], [`discovery`]; [`rbac`], [`faults`], [`log`]; [`serve`]; [`server`].
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
mod object;
mod options;
mod outgoing;
mod selector;
mod serve;
mod server;
mod status;
mod store;
mod view;
mod watch;

pub use manifests::files as manifest_files;
pub use options::Options;
pub use server::ApiServer;
