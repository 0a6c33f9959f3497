//! The ConfigMaps that istiod reads below its revision's own: which these are is said by its Deployment,
//! so their watches come and go with what that says.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    time::{Duration, Instant},
};

use tokio::task::AbortHandle;
use tracing::{info, warn};

use super::{
    jitter::random,
    selection::Selection,
    start::Start,
    status::{WatchId, Watches},
};
use egress_observer_istio::{
    mesh::Mesh,
    objects::{self, kinds::Kind, name::ObjectName},
    view::{change::ObjectChange, live::Live},
};

/// Names of the ConfigMaps of these revisions.
pub(super) fn config_maps(revisions: &[String]) -> Vec<String> {
    let suffix = |revision: &String| match revision.as_str() {
        "" | "default" => String::new(),
        own => format!("-{own}"),
    };
    let names = revisions.iter().map(suffix).flat_map(|suffix| {
        [
            format!("istio{suffix}"),
            format!("istio-sidecar-injector{suffix}"),
        ]
    });
    names.collect()
}

/// Watches of the ConfigMaps that istiod is told to read.
pub(crate) struct SharedMaps {
    start: Start,
    namespace: String,
    revisions: Vec<String>,
    /// The longest wait before a request: many nodes hear of a change at once.
    jitter: Duration,
    followed: BTreeMap<String, (WatchId, AbortHandle)>,
    /// Whether it was known before which istiods there are.
    begun: bool,
    /// What was said of each revision's configuration.
    told: BTreeMap<String, String>,
}

impl SharedMaps {
    pub(super) fn new(
        start: Start,
        namespace: &str,
        revisions: &[String],
        jitter: Duration,
    ) -> Self {
        Self {
            start,
            namespace: namespace.to_owned(),
            revisions: revisions.to_vec(),
            jitter,
            followed: BTreeMap::new(),
            begun: false,
            told: BTreeMap::new(),
        }
    }

    /// Watches what istiod reads by now, and nothing else.
    pub(crate) fn follow(&mut self, live: &mut Live, watches: &mut Watches) {
        if !watches.istiods_asked_for() {
            return;
        }
        let wait = if mem::replace(&mut self.begun, true) {
            random(Duration::ZERO, self.jitter)
        } else {
            Duration::ZERO
        };
        let wanted = self.wanted(live.snapshot().mesh());
        if !self.followed.keys().eq(&wanted) {
            self.stop_all_but(&wanted, live, watches);
            for name in wanted {
                if !self.followed.contains_key(&name) {
                    let selection = Selection::named(&self.namespace, &name);
                    let start = &self.start;
                    let watch = start.watch::<objects::ConfigMap>(watches, selection, wait);
                    self.followed.insert(name, watch);
                }
            }
            live.set_coverage(watches.coverage());
        }
        if watches.settled() {
            self.tell(live.snapshot().mesh());
        }
    }

    fn stop_all_but(&mut self, wanted: &BTreeSet<String>, live: &mut Live, watches: &mut Watches) {
        let unwanted = self
            .followed
            .extract_if(.., |name, _| !wanted.contains(name));
        for (name, (id, task)) in unwanted {
            task.abort();
            watches.remove(id);
            let name = ObjectName {
                namespace: self.namespace.clone(),
                name,
            };
            let gone = ObjectChange::Removed(Kind::ConfigMap, name);
            live.apply(vec![gone], Instant::now());
        }
    }

    /// The names of ConfigMaps that are wanted and not watched anyway.
    fn wanted(&self, mesh: &Mesh) -> BTreeSet<String> {
        let own = config_maps(&self.revisions);
        let shared = self.revisions.iter();
        let shared = shared.filter_map(|revision| mesh.shared_map(&self.namespace, revision));
        shared.filter(|name| !own.contains(name)).collect()
    }

    /// Names in the log what stands in the way of a revision's configuration, and what is taken for
    /// granted.
    fn tell(&mut self, mesh: &Mesh) {
        for revision in &self.revisions {
            let doubt = mesh.doubt(revision).map(|doubt| doubt.text.clone());
            let text = doubt.clone().unwrap_or_default();
            if self.told.get(revision) == Some(&text) {
                continue;
            }
            let namespace = &self.namespace;
            match doubt {
                Some(problem) => warn!(
                    revision,
                    problem, "the mesh configuration cannot be told: see docs/troubleshooting.md"
                ),
                None if !mesh.has_control_plane(namespace, revision) => info!(
                    revision,
                    namespace,
                    "no istiod of this revision runs here: taken to read its own ConfigMap alone"
                ),
                None => {}
            }
            self.told.insert(revision.clone(), text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_lead_to_the_names_of_their_config_maps() {
        let revisions = ["default".to_owned(), "1-27".to_owned()];
        assert_eq!(
            config_maps(&revisions),
            [
                "istio",
                "istio-sidecar-injector",
                "istio-1-27",
                "istio-sidecar-injector-1-27"
            ]
        );
    }
}
