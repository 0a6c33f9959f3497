//! What rules look at: the objects with their places, and what follows from them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    entry::PlacedEntry,
    finding::ObjectPlace,
    mesh_maps::{InjectorMap, IstioMap, MeshMap, RefusedMap},
    population::{pod_key, template_key},
    settings::LintSettings,
    subject::LintSubject,
};
use egress_observer_istio::{
    manifests::{Located, Object},
    mesh::Injector,
    objects::{ConfigMap, Metadata, PodObject, Workload},
    registry::Viewer,
    rules::Version,
    validation::NEWEST,
    view::Snapshot,
};

/// The manifests, taken apart.
pub(super) struct Scene<'a> {
    pub(super) objects: &'a [Located],
    pub(super) settings: &'a LintSettings,
    /// What the same objects are in the model.
    pub(super) snapshot: &'a Snapshot,
    /// Pods, and templates that make pods.
    pub(super) subjects: Vec<LintSubject<'a>>,
    pub(super) injectors: Vec<InjectorMap>,
    pub(super) meshes: Vec<MeshMap>,
    /// ConfigMaps of Istio that it refuses.
    pub(super) refused: Vec<RefusedMap>,
    pub(super) entries: Vec<PlacedEntry<'a>>,
    /// Metadata of namespaces that have an object.
    pub(super) namespaces: HashMap<&'a str, &'a Metadata>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        objects: &'a [Located],
        snapshot: &'a Snapshot,
        settings: &'a LintSettings,
    ) -> Self {
        let mut scene = Self {
            objects,
            settings,
            snapshot,
            subjects: Vec::new(),
            injectors: Vec::new(),
            meshes: Vec::new(),
            refused: Vec::new(),
            entries: Vec::new(),
            namespaces: HashMap::new(),
        };
        for located in objects {
            scene.add(located);
        }
        scene.note_templates();
        scene
    }

    fn add(&mut self, located: &'a Located) {
        let object = &located.object;
        if let Object::Pod(object) = object {
            self.add_pod(located, object);
        } else if let Object::Workload(object) = object {
            self.add_template(located, object);
        } else if let Object::ConfigMap(object) = object {
            self.add_config_map(located, object);
        } else if let Object::ServiceEntry(object) = object {
            let place = ObjectPlace::of(located, "ServiceEntry", &object.metadata);
            self.entries.push(PlacedEntry { place, object });
        } else if let Object::Namespace(object) = object {
            let metadata = &object.metadata;
            self.namespaces.insert(&metadata.name, metadata);
        }
    }

    fn add_pod(&mut self, located: &Located, object: &'a PodObject) {
        let Some(pod) = self.snapshot.pod(&pod_key(&object.metadata)) else {
            return;
        };
        let status = &object.status;
        let runs = !object.metadata.uid.is_empty()
            || !status.pod_ip.is_empty()
            || !status.pod_ips.is_empty()
            || !status.container_statuses.is_empty();
        self.subjects.push(LintSubject {
            place: ObjectPlace::of(located, "Pod", &object.metadata),
            metadata: &object.metadata,
            spec: &object.spec,
            path: "",
            pod: Arc::clone(pod),
            runs,
            has_template: false,
        });
    }

    fn add_template(&mut self, located: &Located, object: &'a Workload) {
        // What another workload makes is judged there.
        let owned = !object.metadata.owner_references.is_empty();
        let pod = self.snapshot.pod(&template_key(object));
        let (Some(template), Some(pod), false) = (object.template(), pod, owned) else {
            return;
        };
        self.subjects.push(LintSubject {
            place: ObjectPlace::of(located, &object.kind, &object.metadata),
            metadata: &template.metadata,
            spec: &template.spec,
            path: match object.kind.as_str() {
                "CronJob" => "spec.jobTemplate.spec.template.",
                _ => "spec.template.",
            },
            pod: Arc::clone(pod),
            runs: false,
            has_template: false,
        });
    }

    fn add_config_map(&mut self, located: &Located, object: &ConfigMap) {
        match IstioMap::of(located, object, self.snapshot.mesh()) {
            Some(IstioMap::Injector(map)) => self.injectors.push(map),
            Some(IstioMap::Mesh(map)) => self.meshes.push(map),
            Some(IstioMap::Refused(map)) => self.refused.push(map),
            None => {}
        }
    }

    /// Says of each pod whether its template is there, too.
    fn note_templates(&mut self) {
        let subjects = self.subjects.iter();
        let templates: BTreeSet<(String, String)> = subjects
            .filter(|subject| !subject.path.is_empty())
            .map(|subject| (subject.place.namespace.clone(), subject.place.name.clone()))
            .collect();
        for subject in &mut self.subjects {
            let owners = &subject.metadata.owner_references;
            let names = owners.iter().map(|owner| owner.name.as_str());
            let mut names = names.chain([&*subject.pod.workload]);
            subject.has_template = subject.path.is_empty()
                && !owners.is_empty()
                && names.any(|name| {
                    let namespace = subject.place.namespace.clone();
                    templates.contains(&(namespace, name.to_owned()))
                });
        }
    }

    /// The revision that injects, or injected, a subject; empty for the default one.
    fn revision<'s>(&'s self, subject: &'s LintSubject<'_>) -> &'s str {
        const REVISION: &str = "istio.io/rev";
        if subject.runs {
            return &subject.pod.revision;
        }
        let namespace = self.namespaces.get(&*subject.pod.namespace);
        let of_namespace = namespace.and_then(|metadata| metadata.labels.get(REVISION));
        let own = subject.metadata.labels.get(REVISION);
        of_namespace.or(own).map_or("", String::as_str)
    }

    /// The injector of a subject.
    pub(super) fn injector(&self, subject: &LintSubject<'_>) -> Option<&'a Injector> {
        self.snapshot.mesh().injector(self.revision(subject))
    }

    /// The version of the default revision, whose webhook looks at objects that name none.
    pub(super) fn version(&self) -> Version {
        let injector = self.snapshot.mesh().injector("");
        let version = injector.and_then(|injector| Version::of_tag(&injector.values.global.tag));
        version.unwrap_or(NEWEST)
    }

    /// Whose view of the registry the pods of a subject have, as they have a sidecar.
    pub(super) fn viewer<'s>(&'s self, subject: &'s LintSubject<'_>) -> Viewer<'s> {
        let (namespace, labels) = (&*subject.pod.namespace, &subject.pod.labels);
        Viewer {
            namespace,
            sidecar: self.snapshot.registry.sidecar_for(namespace, labels),
            ..Viewer::default()
        }
    }
}
