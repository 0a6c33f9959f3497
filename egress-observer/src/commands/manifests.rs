//! Objects from the command line's files, for every offline command alike: what cannot be read is
//! told, by name, and the answer is of the rest.

use std::path::PathBuf;

use clap::Args;
use ipnet::IpNet;
use tracing::{debug, warn};

use super::outcome::Outcome;
use crate::text::count;
use egress_observer_istio::{
    manifests::{self, ManifestError, ObjectTally, Repeated, Unreadable},
    objects::Object,
    view::{Snapshot, live::Live},
};

/// Files with the cluster's objects.
#[derive(Debug, Args)]
pub struct ManifestPaths {
    /// Files or directories with Pods, ConfigMaps, Namespaces, workloads and Istio's objects as YAML
    /// or JSON.
    #[arg(long, num_args = 1.., value_name = "PATH", value_delimiter = ',', env = "EGRESS_OBSERVER_MANIFESTS")]
    pub manifests: Vec<PathBuf>,
    /// How Istio is installed: Helm values of the chart istiod, an IstioOperator, or an Istio or
    /// IstioRevision of the Sail operator, in place of the ConfigMaps that come of it. Of several, later
    /// ones go on top.
    #[arg(long, num_args = 1.., value_name = "FILE", value_delimiter = ',', env = "EGRESS_OBSERVER_VALUES")]
    pub values: Vec<PathBuf>,
}

/// The cluster's ranges.
#[derive(Debug, Args)]
pub struct ClusterRanges {
    /// Pod and Service ranges of this cluster: what is in them is inside the cluster.
    #[arg(
        long,
        value_name = "CIDR",
        value_delimiter = ',',
        env = "EGRESS_OBSERVER_CLUSTER_CIDRS"
    )]
    pub cluster_cidrs: Vec<IpNet>,
}

/// A cluster: its objects and its ranges.
#[derive(Debug, Args)]
pub struct ClusterArgs {
    #[command(flatten)]
    pub paths: ManifestPaths,
    #[command(flatten)]
    pub ranges: ClusterRanges,
}

/// Objects that were read.
#[derive(Debug, Default)]
pub(in crate::commands) struct GivenObjects {
    pub(in crate::commands) objects: Vec<Object>,
    n_unreadable: usize,
}

impl GivenObjects {
    /// Reads files, and says what is wrong with them. No path is no object.
    pub(in crate::commands) fn read(paths: &ManifestPaths) -> Result<Self, ManifestError> {
        Self::of_files(&paths.manifests, &paths.values)
    }

    /// The same of these files, where those of `values` say how Istio is installed.
    pub(in crate::commands) fn of_files(
        paths: &[PathBuf],
        values: &[PathBuf],
    ) -> Result<Self, ManifestError> {
        if paths.is_empty() && values.is_empty() {
            return Ok(Self::default());
        }
        let reading = manifests::read_installed(paths, values)?;
        for remark in &reading.remarks {
            warn!("{remark}");
        }
        warn_of_unreadable(&reading.unreadable);
        warn_if_nothing(&reading.tally);
        let n_unreadable = reading.unreadable.len();
        let (objects, repeated) = reading.unique();
        warn_of_repeated(&repeated);
        Ok(Self {
            objects,
            n_unreadable,
        })
    }

    /// The state that the objects describe, and how the command ends for them.
    pub(in crate::commands) fn snapshot(self, ranges: &ClusterRanges) -> (Snapshot, Outcome) {
        let outcome = self.outcome();
        let live = Live::of(self.objects, &ranges.cluster_cidrs);
        (live.into_snapshot(), outcome)
    }

    /// How the command ends for them.
    pub(in crate::commands) fn outcome(&self) -> Outcome {
        if self.n_unreadable == 0 {
            return Outcome::Done;
        }
        let n = count(self.n_unreadable as u64, "object");
        Outcome::BadInput(format!("{n} cannot be read: the answer is of the others"))
    }
}

/// So many are named, of each.
const NAMED: usize = 20;

fn warn_of_unreadable(unreadable: &[Unreadable]) {
    for one in unreadable.iter().take(NAMED) {
        warn!("{one}");
    }
    if let Some(more) = unreadable.len().checked_sub(NAMED + 1) {
        warn!("and {} more that cannot be read", more + 1);
    }
}

/// Says that files hold nothing, or nothing that is read.
fn warn_if_nothing(tally: &ObjectTally) {
    for path in tally.empty_files() {
        warn!("{}: holds no object", path.display());
    }
    if tally.is_nothing() {
        warn!("{tally}");
    } else {
        debug!("{tally}");
    }
}

/// Says which objects stand in files more than once.
fn warn_of_repeated(repeated: &[Repeated]) {
    for one in repeated.iter().take(NAMED) {
        warn!("{one}");
    }
    if let Some(more) = repeated.len().checked_sub(NAMED + 1) {
        warn!("and {} more of which the last one counts", more + 1);
    }
}
