//! What each revision's ConfigMaps amount to: which of them istiod reads, as far as somebody says so.

use std::collections::{BTreeMap, HashMap};

use super::{
    super::{
        control_plane::{ControlPlane, SharedConfig},
        names::{canonical, outranks, revision_of, usual_shared},
        sources::{
            ISTIOD_HIDDEN, NAMED_ELSEWHERE, RevisionConfig, Shared, Source, revision_config,
        },
    },
    Mesh, object_name, own_name,
};
use crate::objects::{istiod::SHARED_MESH_CONFIG, name::ObjectName};

/// What is known of the ConfigMap below a revision's own.
enum Below<'a> {
    /// istiod reads none.
    No,
    /// The one that is called so.
    Named(&'a str),
    /// Nobody says whether there is one, and who would is not there: istiod may run elsewhere.
    Unsaid,
    /// One may be there, for this reason.
    Unseen(&'static str),
}

impl Mesh {
    /// Works out anew what each revision's ConfigMaps amount to.
    pub(super) fn settle(&mut self) {
        let mut owns: HashMap<&str, &ObjectName> = HashMap::new();
        for map in self.texts.keys().filter(|map| !self.is_shared(map)) {
            let Some(revision) = revision_of(&map.name, "istio").map(canonical) else {
                continue;
            };
            let best = owns.entry(revision).or_insert(map);
            if self.rank(revision, map) > self.rank(revision, best) {
                *best = map;
            }
        }
        let planes = self.control_planes.values();
        let owns = owns.into_iter();
        let mut wanted: BTreeMap<String, ObjectName> = planes
            .filter(|plane| matches!(plane.shared_config(), SharedConfig::Named(_)))
            .map(|plane| {
                let own = object_name(&plane.namespace, &own_name(&plane.revision));
                (plane.revision.clone(), own)
            })
            .collect();
        wanted.extend(owns.map(|(revision, map)| (revision.to_owned(), map.clone())));
        let configs = wanted.into_iter().filter_map(|(revision, map)| {
            let config = self.revision_config(&revision, &map)?;
            Some((revision, config))
        });
        self.configs = configs.collect();
    }

    /// How sure it is that a ConfigMap is the one of this revision, among several of the name.
    fn rank(&self, revision: &str, map: &ObjectName) -> (bool, bool) {
        let beside_istiod = self.control_plane_in(&map.namespace, revision).is_some();
        (beside_istiod, outranks(&map.namespace, ""))
    }

    /// A ConfigMap for people: its namespace and name, and what it was made from if that is something else.
    pub(super) fn told(&self, map: &ObjectName) -> String {
        match self.made_from.get(map) {
            Some(origin) => format!("{map}, made from {origin}"),
            None => map.to_string(),
        }
    }

    fn control_plane_in(&self, namespace: &str, revision: &str) -> Option<&ControlPlane> {
        let mut all = self.control_planes.values();
        all.find(|plane| plane.namespace == namespace && plane.revision == revision)
    }

    fn revision_config(&self, revision: &str, own: &ObjectName) -> Option<RevisionConfig> {
        let own_name = self.told(own);
        let own_source = self.source(own, &own_name);
        let name = match self.below(&own.namespace, revision) {
            Below::No => return revision_config(own_source, Shared::No),
            Below::Unseen(why) => return revision_config(own_source, Shared::Unseen(why)),
            Below::Named(name) => Some(name.to_owned()),
            Below::Unsaid => None,
        };
        let is_named = name.is_some();
        let name = name.unwrap_or_else(|| usual_shared(revision));
        let map = object_name(&own.namespace, &name);
        let shared_name = self.told(&map);
        let source = self.source(&map, &shared_name);
        let shared = match source.text {
            _ if is_named => Shared::Named(source),
            Ok(_) => Shared::Perhaps(source),
            Err(_) => Shared::No,
        };
        revision_config(own_source, shared)
    }

    fn source<'a>(&'a self, map: &ObjectName, name: &'a str) -> Source<'a> {
        let text = self.texts.get(map);
        Source {
            name,
            text: text.ok_or_else(|| self.coverage.absence(map)),
        }
    }

    /// As istiod's environment has it; without istiod as the injector's values do, which have that
    /// environment from 1.26 on (`pilot.env`, in `templates/istiod-injector-configmap.yaml` of the chart
    /// `istio-discovery`).
    fn below(&self, namespace: &str, revision: &str) -> Below<'_> {
        if let Some(plane) = self.control_plane_in(namespace, revision) {
            return match plane.shared_config() {
                SharedConfig::No => Below::No,
                SharedConfig::Named(name) => Below::Named(name),
                SharedConfig::Elsewhere => Below::Unseen(NAMED_ELSEWHERE),
            };
        }
        match self.named_by_values(namespace, revision) {
            Some(name) => Below::Named(name),
            None if self.coverage.istiods_hidden => Below::Unseen(ISTIOD_HIDDEN),
            None => Below::Unsaid,
        }
    }

    fn named_by_values(&self, namespace: &str, revision: &str) -> Option<&str> {
        let injector = self.injectors.get(revision)?;
        let values = &injector.known.taken()?.values;
        let name = values.pilot.env.get(SHARED_MESH_CONFIG)?.as_str()?;
        let here = injector.map.namespace == namespace && !name.is_empty();
        here.then_some(name)
    }

    /// Whether an istiod reads this ConfigMap below its revision's own.
    pub(super) fn is_shared(&self, map: &ObjectName) -> bool {
        let planes = self.control_planes.values().map(|plane| &plane.revision);
        let mut revisions = planes.chain(self.injectors.keys());
        revisions.any(|revision| {
            let below = self.below(&map.namespace, revision);
            matches!(below, Below::Named(name) if name == map.name)
        })
    }

    /// The ConfigMap of a namespace that has to be known besides the revision's own: the one that istiod
    /// is told to read, or the one by its usual name that it may read.
    pub fn shared_map(&self, namespace: &str, revision: &str) -> Option<String> {
        let revision = canonical(revision);
        match self.below(namespace, revision) {
            Below::No | Below::Unseen(_) => None,
            Below::Named(name) => Some(name.to_owned()),
            Below::Unsaid => Some(usual_shared(revision)),
        }
    }

    /// Whether an istiod of this revision is known in a namespace.
    pub fn has_control_plane(&self, namespace: &str, revision: &str) -> bool {
        let plane = self.control_plane_in(namespace, canonical(revision));
        plane.is_some()
    }
}
