//! What a cluster is given, checked with the tools that users have.
//!
//! The chart is the source. The kustomize base and the table of values in `docs/install.md` are made
//! from it (`generate-from-chart`), and the checks in `tests/checks.rs` fail where they differ.
//!
//! - [`tools`], [`helm`], [`objects`]: other programs, and what they print;
//! - [`values`], [`cases`], [`refused`]: what the chart is given; [`render`]: what it makes of it;
//! - [`schema`], [`policy`], [`settings`]: what manifests must be;
//! - [`kustomize`], [`promtool`], [`dashboards`]: what goes with the chart.
#![forbid(unsafe_code)]

pub mod helm;
pub mod objects;
pub mod tools;

pub mod cases;
pub mod refused;
pub mod render;
pub mod values;

pub mod policy;
pub mod schema;
pub mod settings;

pub mod dashboards;
pub mod kustomize;
pub mod promtool;

mod command;
mod parallel;
mod workspace;
