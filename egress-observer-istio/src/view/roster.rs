//! The pods that are there, and for a while those that are gone: their connections are read later.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::Arc,
    time::Instant,
};

use crate::injection::pod::Pod;

/// Pods by uid.
#[derive(Clone, Debug, Default)]
pub(super) struct Roster {
    pods: HashMap<String, Arc<Pod>>,
    /// Those that the cluster has no more, and since when.
    gone: HashMap<String, Instant>,
    /// How many of the others have each address: one on the host's network has its node's, and one that
    /// has ended what may be another's by now. Counted as they come and go, for where they come and go
    /// by the minute, hundreds stay.
    addresses: HashMap<IpAddr, u32>,
}

impl Roster {
    /// One that is there, or for a while one that is gone.
    pub(super) fn get(&self, uid: &str) -> Option<&Arc<Pod>> {
        self.pods.get(uid)
    }

    /// Those that are there and those that are not, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Pod>> {
        self.pods.values()
    }

    /// Those that are there, in no order.
    pub(super) fn there(&self) -> impl Iterator<Item = &Arc<Pod>> {
        let there = self.pods.iter();
        let there = there.filter(|(uid, _)| !self.gone.contains_key(*uid));
        there.map(|(_, pod)| pod)
    }

    /// Whether a pod that is there has this address.
    pub(super) fn has_address(&self, ip: IpAddr) -> bool {
        self.addresses.contains_key(&ip)
    }

    /// It is there, or is something else now.
    pub(super) fn set(&mut self, uid: String, pod: Pod) {
        if self.gone.remove(&uid).is_none() {
            self.forget_addresses(&uid);
        }
        for ip in &pod.ips {
            *self.addresses.entry(*ip).or_default() += 1;
        }
        self.pods.insert(uid, Arc::new(pod));
    }

    /// The cluster has it no more.
    pub(super) fn leave(&mut self, uid: String, now: Instant) {
        if self.gone.contains_key(&uid) {
            return;
        }
        self.forget_addresses(&uid);
        self.gone.insert(uid, now);
    }

    /// Forgets those that are gone and of which `is_over` says so, by uid and since when.
    pub(super) fn forget(&mut self, is_over: impl Fn(&str, Instant) -> bool) {
        let Self { pods, gone, .. } = self;
        gone.retain(|uid, since| {
            let over = is_over(uid, *since);
            if over {
                pods.remove(uid);
            }
            !over
        });
    }

    fn forget_addresses(&mut self, uid: &str) {
        for ip in self.pods.get(uid).into_iter().flat_map(|pod| &pod.ips) {
            if let Entry::Occupied(mut n) = self.addresses.entry(*ip) {
                *n.get_mut() -= 1;
                if *n.get() == 0 {
                    n.remove();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::{mesh::Mesh, view::surroundings::PodSurroundings};

    /// One with these addresses; what else it is does not matter here.
    fn pod(ips: &[&str]) -> Pod {
        let ips: Vec<_> = ips.iter().map(|ip| json!({"ip": ip})).collect();
        let object = json!({"metadata": {"name": "a"}, "status": {"podIPs": ips}});
        let object = serde_json::from_value(object).unwrap();
        PodSurroundings::default().pod(&object, &Mesh::default())
    }

    #[test]
    fn an_address_is_known_for_as_long_as_a_pod_that_is_there_has_it() {
        let now = Instant::now();
        let mut pods = Roster::default();
        let has = |pods: &Roster, ip: &str| pods.has_address(ip.parse().unwrap());
        pods.set("a".to_owned(), pod(&["10.0.0.1", "fd00::1"]));
        pods.set("b".to_owned(), pod(&["10.0.0.1"]));
        pods.leave("a".to_owned(), now);
        pods.leave("a".to_owned(), now);
        assert!(has(&pods, "10.0.0.1"));
        assert!(!has(&pods, "fd00::1"));
        pods.set("b".to_owned(), pod(&["10.0.0.2"]));
        assert!(!has(&pods, "10.0.0.1"));
        // It was away only for whoever looked.
        pods.set("a".to_owned(), pod(&["10.0.0.1"]));
        assert!(has(&pods, "10.0.0.1"));
        pods.leave("a".to_owned(), now);
        pods.leave("b".to_owned(), now);
        assert!(pods.addresses.is_empty());
    }

    #[test]
    fn only_pods_that_are_gone_are_forgotten() {
        let now = Instant::now();
        let mut pods = Roster::default();
        pods.set("a".to_owned(), pod(&[]));
        pods.set("b".to_owned(), pod(&[]));
        pods.leave("b".to_owned(), now);
        pods.leave("nobody".to_owned(), now);
        assert_eq!((pods.all().count(), pods.there().count()), (2, 1));
        let later = now + Duration::from_secs(60);
        pods.forget(|_, since| later - since > Duration::from_secs(90));
        assert!(pods.get("b").is_some());
        pods.forget(|_, since| later - since > Duration::from_secs(30));
        assert!(pods.get("b").is_none() && pods.get("a").is_some());
        assert!(pods.gone.is_empty());
    }
}
