//! Destinations that should go around the sidecar, with a reason: well-known addresses that pods
//! were seen to use through it. Pure: flows and a snapshot in, suggestions out.
//!
//! ```text
//! flows -> seen::Uses x cluster::ExclusionCluster -> Exclusions -> text
//! ```

mod answer;
mod cluster;
mod known;
mod seen;
mod text;
mod values;

pub(crate) use self::cluster::ExclusionCluster;
use self::{
    answer::{AddressUser, ExclusionSuggestions, Suggestion},
    known::{API_SERVER, KNOWN, KnownAddress},
    seen::{Uses, Way},
    values::{mesh_values, workload_values},
};
use crate::{api_version::API_VERSION, flows::RecordedFlow};
use egress_observer_istio::vocabulary::Protocol;

/// What flows show of the addresses that are looked for.
#[derive(Debug)]
pub(crate) struct Exclusions<'a> {
    cluster: &'a ExclusionCluster,
    uses: Uses,
}

impl<'a> Exclusions<'a> {
    pub(crate) fn new(cluster: &'a ExclusionCluster) -> Self {
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
    used_by: Vec<AddressUser>,
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
