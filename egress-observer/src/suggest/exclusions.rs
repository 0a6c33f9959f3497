//! Destinations that should go around the sidecar, with a reason: well-known addresses that pods
//! were seen to use through it. Pure: flows and a snapshot in, suggestions out.
//!
//! ```text
//! flows -> seen::Uses x cluster::Cluster -> Exclusions -> text
//! ```

mod cluster;
mod known;
mod seen;
mod text;
mod values;

use ipnet::IpNet;
use serde::Serialize;

pub(crate) use self::cluster::Cluster;
use self::{
    known::{API_SERVER, KNOWN, KnownAddress},
    seen::{Uses, Way},
    values::{MeshValue, WorkloadValue, mesh_values, workload_values},
};
use crate::{api_version::API_VERSION, flows::RecordedFlow};
use egress_observer_istio::vocabulary::{Actor, Protocol};

/// The answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExclusionSuggestions {
    /// `egress-observer.io/v1alpha1`.
    pub(crate) api_version: &'static str,
    /// `ExclusionSuggestions`.
    pub(crate) kind: &'static str,
    /// The most used first.
    pub(crate) suggestions: Vec<Suggestion>,
    /// What may be excluded, at its price; not in the values.
    pub(crate) options: Vec<Suggestion>,
    /// What goes around the sidecar as configured.
    pub(crate) already: Vec<Already>,
    /// `excludeIPRanges` of the mesh by revision: what is set today and what is suggested.
    pub(crate) mesh: Vec<MeshValue>,
    /// The same as annotations of workloads.
    pub(crate) workloads: Vec<WorkloadValue>,
    pub(crate) notes: Vec<String>,
}

/// A destination to exclude.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Suggestion {
    #[serde(serialize_with = "super::as_text")]
    pub(crate) cidr: IpNet,
    pub(crate) what: &'static str,
    pub(crate) why: &'static str,
    pub(crate) price: &'static str,
    /// The better way, where there is one.
    pub(crate) instead: Option<&'static str>,
    /// The page that says what it is.
    pub(crate) page: &'static str,
    pub(crate) connections: u64,
    /// The most connections first.
    pub(crate) used_by: Vec<User>,
}

/// A workload that uses a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    pub(crate) namespace: String,
    pub(crate) workload: String,
    pub(crate) actors: Vec<Actor>,
    pub(crate) ports: Vec<u16>,
    /// Those that the sidecar got.
    pub(crate) connections: u64,
    /// Those of them that it refused.
    pub(crate) blocked: u64,
    /// Those of which the way was not proved, such as those that failed.
    pub(crate) unproved: u64,
    /// Whether today's configuration excludes it already: a restart is enough. Null without the pod.
    pub(crate) restart_is_enough: Option<bool>,
}

/// A destination that goes around the sidecar already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Already {
    #[serde(serialize_with = "super::as_text")]
    pub(crate) cidr: IpNet,
    pub(crate) what: &'static str,
    pub(crate) connections: u64,
    /// Namespace and name.
    pub(crate) workloads: Vec<String>,
}

impl ExclusionSuggestions {
    /// Whether there is nothing to say but notes.
    pub(crate) fn is_empty(&self) -> bool {
        self.suggestions.is_empty() && self.options.is_empty() && self.already.is_empty()
    }
}

/// What flows show of the addresses that are looked for.
#[derive(Debug)]
pub(crate) struct Exclusions<'a> {
    cluster: &'a Cluster,
    uses: Uses,
}

impl<'a> Exclusions<'a> {
    pub(crate) fn new(cluster: &'a Cluster) -> Self {
        Self {
            cluster,
            uses: Uses::default(),
        }
    }

    /// Takes in a flow. Only TCP is ever captured, and the proxy's own is not.
    pub(crate) fn add(&mut self, flow: &RecordedFlow) {
        let tcp = flow.to.protocol != Some(Protocol::Udp);
        let Some(ip) = flow.to.ip.filter(|_| tcp) else {
            return;
        };
        let looked_for = self.cluster.is_api_server(ip) || KNOWN.iter().any(|known| known.ip == ip);
        if looked_for && let Some(way) = Way::of(flow) {
            self.uses.add(ip, flow, way, self.cluster);
        }
    }

    /// What follows.
    pub(crate) fn suggest(self) -> ExclusionSuggestions {
        let (mut suggestions, mut options, mut already) = (Vec::new(), Vec::new(), Vec::new());
        let mut notes = Vec::new();
        for (ip, uses) in self.uses.by_address() {
            let known = KNOWN.iter().find(|known| known.ip == ip);
            let known = known.unwrap_or(&API_SERVER);
            notes.extend(uses.notes(known.what));
            already.extend(uses.already(known.what));
            let Some(found) = suggestion(known, ip, uses.users(self.cluster)) else {
                continue;
            };
            if self.cluster.is_api_server(ip) && !uses.is_early(self.cluster) {
                options.push(found);
            } else {
                suggestions.push(found);
            }
        }
        for list in [&mut suggestions, &mut options] {
            list.sort_by_key(|found| (std::cmp::Reverse(found.connections), found.cidr));
        }
        notes.extend(self.uses.undecided());
        let (mesh, more) = mesh_values(self.cluster, &suggestions);
        notes.extend(more);
        ExclusionSuggestions {
            api_version: API_VERSION,
            kind: "ExclusionSuggestions",
            mesh,
            workloads: workload_values(self.cluster, &suggestions),
            suggestions,
            options,
            already,
            notes,
        }
    }
}

/// Nobody uses it through the sidecar: nothing to suggest.
fn suggestion(
    known: &KnownAddress,
    ip: std::net::IpAddr,
    used_by: Vec<User>,
) -> Option<Suggestion> {
    let connections = used_by.iter().map(|user| user.connections);
    let connections = connections.fold(0, u64::saturating_add);
    (!used_by.is_empty()).then(|| Suggestion {
        cidr: ip.into(),
        what: known.what,
        why: known.why,
        price: known.price,
        instead: known.instead,
        page: known.page,
        connections,
        used_by,
    })
}

#[cfg(test)]
mod tests;
