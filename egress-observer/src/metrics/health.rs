//! The agent's own health: losses first.

mod cluster;
mod export;
mod flows;
mod kernel;
mod maker;
mod names;
mod process;

use prometheus::{Encoder as _, Registry, TextEncoder};

pub use self::{
    cluster::{ClusterHealth, ObjectCounts},
    export::ExportHealth,
    flows::FlowHealth,
    kernel::KernelHealth,
    names::NameHealth,
};
use self::{maker::Maker, process::ProcessHealth};
use super::connections::Metrics;
use crate::{flow::Ledger, kernel::Tables};

/// The fixed metrics.
#[derive(Debug)]
pub struct Health {
    /// The kernel side.
    pub kernel: KernelHealth,
    /// What is known of the cluster.
    pub cluster: ClusterHealth,
    /// Flows on their way to findings.
    pub flows: FlowHealth,
    /// Names of addresses.
    pub names: NameHealth,
    /// What is exported and recorded.
    pub export: ExportHealth,
    process: ProcessHealth,
    registry: Registry,
}

impl Health {
    /// All metrics, at zero.
    pub fn new() -> prometheus::Result<Self> {
        let make = Maker(Registry::new());
        let build_info = make.gauges("build_info", "Build information; always 1.", "version")?;
        build_info
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        Ok(Self {
            kernel: KernelHealth::new(&make)?,
            cluster: ClusterHealth::new(&make)?,
            flows: FlowHealth::new(&make)?,
            names: NameHealth::new(&make)?,
            export: ExportHealth::new(&make)?,
            process: ProcessHealth::new(&make)?,
            registry: make.0,
        })
    }

    /// Brings everything up to date that is counted elsewhere.
    pub fn update(&self, tables: &Tables, ledger: &Ledger, metrics: &Metrics) {
        self.kernel.update(tables, ledger);
        self.names.update(metrics);
        self.export.update(metrics);
        self.process.update();
    }

    /// The text of all metrics.
    pub fn write(&self) -> prometheus::Result<String> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        String::from_utf8(text).map_err(|error| prometheus::Error::Msg(error.to_string()))
    }
}
