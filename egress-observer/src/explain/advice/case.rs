//! What advice is about: who connects where, what comes of it today, and a cluster to try changes in.

use std::net::IpAddr;

use crate::trial::{Sight, Trial, TriedChange, losses, stand_in};
use egress_observer_istio::{
    injection::pod::Pod,
    judgement::{Asker, Endpoint, Evidence, Judgement, assess},
    registry::{Fate, NearMiss, Registry, Why},
    view::Snapshot,
    vocabulary::{Policy, Verdict},
};

/// A connection that advice is wanted for.
pub(in crate::explain) struct AdviceCase<'c> {
    pub(in crate::explain) snapshot: &'c Snapshot,
    pub(in crate::explain) trial: &'c Trial<'c>,
    pub(in crate::explain) pod: &'c Pod,
    pub(in crate::explain) asker: &'c Asker<'c>,
    /// Where to; the address is the one that the name is known to lead to.
    pub(in crate::explain) to: Endpoint,
    pub(in crate::explain) host: Option<&'c str>,
    /// Whether the address was asked for, and does not follow from the name.
    pub(in crate::explain) ip_is_given: bool,
    pub(in crate::explain) judged: &'c Judgement<'c>,
    /// Entries that one would think of, for what is dialled.
    pub(in crate::explain) near: &'c [NearMiss<'c>],
}

/// What came of a trial.
#[derive(Clone, Debug)]
pub(super) struct Tried {
    pub(super) verdict: Verdict,
    /// Connections that do worse.
    pub(super) lost: Vec<String>,
}

impl<'c> AdviceCase<'c> {
    pub(super) fn registry(&self) -> &'c Registry {
        &self.snapshot.registry
    }

    /// Whether the mesh would send it to the host that was dialled, if the sidecar got it.
    pub(super) fn is_known(&self) -> bool {
        let routed = self.judged.routed();
        routed.is_some_and(|routed| routed.fate == Fate::AsDialled)
    }

    /// An address that stands for the destination's, where that is not known.
    pub(super) fn stand_in(&self) -> IpAddr {
        stand_in(&self.pod.ips)
    }

    /// What becomes of the connection with these changes, and what they take away. Where an address
    /// stands for the host's own, the connection is taken to go there.
    pub(super) fn with(&self, changes: &[TriedChange], at: Option<IpAddr>) -> Option<Tried> {
        let policy = self.asker.policy();
        let ip = if self.ip_is_given { self.to.ip } else { at };
        let to = Endpoint { ip, ..self.to };
        let query = to.query(self.host);
        let now = self.sight(self.snapshot, policy);
        self.trial.with(changes, |then| {
            let socket = self.asker.socket().clone();
            let asker = Asker::new(then, self.pod, self.asker.role(), socket);
            let name = self.host.as_slice();
            let judged = assess(then, &asker, &to, name, Evidence::AsApplied);
            let is_new_host = self.judged.routed().is_none() && !self.near.iter().any(is_telling);
            Tried {
                verdict: judged.verdict,
                lost: self.trial.lost(changes, is_new_host, || {
                    losses(&now, &self.sight(then, policy), &query, changes)
                }),
            }
        })
    }

    /// The verdict under another policy.
    pub(super) fn under(&self, policy: Policy) -> Verdict {
        let socket = self.asker.socket().clone();
        let asker = Asker::new(self.snapshot, self.pod, self.asker.role(), socket);
        let asker = asker.with_policy(policy);
        let name = self.host.as_slice();
        assess(self.snapshot, &asker, &self.to, name, Evidence::AsApplied).verdict
    }

    fn sight<'s>(&'s self, snapshot: &'s Snapshot, policy: Option<Policy>) -> Sight<'s> {
        Sight {
            registry: &snapshot.registry,
            viewer: snapshot.viewer(self.pod),
            policy,
        }
    }
}

/// Whether an entry has anything to do with the host or the address.
fn is_telling(miss: &NearMiss<'_>) -> bool {
    !matches!(miss.why, Why::OtherHost)
}
