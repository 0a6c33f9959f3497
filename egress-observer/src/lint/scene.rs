//! What rules look at: the objects with their places, and what follows from them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use ipnet::IpNet;

use super::{
    Settings,
    code::Code,
    finding::{Finding, Place},
    protocol::Class,
};
use egress_observer_istio::{
    injection::{
        pod::{self, Pod},
        setup::{Membership, Setup},
    },
    manifests::{Located, Object},
    mesh::{Injector, InjectorValues, Mesh, MeshConfig},
    objects::{self, ConfigMap, Metadata, PodSpec, ServiceEntryObject, Workload},
    rules::prefix,
    view::Snapshot,
};

/// The manifests, taken apart.
pub(super) struct Scene<'a> {
    pub(super) objects: &'a [Located],
    pub(super) settings: &'a Settings,
    pub(super) mesh: &'a Mesh,
    /// Pods, and templates that make pods.
    pub(super) subjects: Vec<Subject<'a>>,
    pub(super) injectors: Vec<InjectorMap>,
    pub(super) meshes: Vec<MeshMap>,
    pub(super) entries: Vec<Entry<'a>>,
    /// Metadata of namespaces that have an object.
    pub(super) namespaces: HashMap<&'a str, &'a Metadata>,
}

/// A ServiceEntry.
pub(super) struct Entry<'a> {
    pub(super) place: Place,
    pub(super) object: &'a ServiceEntryObject,
}

impl Entry<'_> {
    /// Whether `exportTo` shows it to a namespace.
    pub(super) fn is_seen_in(&self, namespace: &str) -> bool {
        let export_to = &self.object.spec.export_to;
        let shows = |to: &String| match to.as_str() {
            "*" => true,
            "." => self.place.namespace == namespace,
            name => name == namespace,
        };
        export_to.is_empty() || export_to.iter().any(shows)
    }

    /// The ports that may be captured.
    pub(super) fn ports(&self) -> impl Iterator<Item = u16> {
        let ports = self.object.spec.ports.iter();
        let ports = ports.filter(|port| Class::of(port) != Class::Udp);
        ports.map(|port| port.number)
    }

    /// The addresses that people declare, with field and text of each: endpoints only where there
    /// is nothing before them.
    pub(super) fn declared(&self) -> Vec<(String, &str, IpNet)> {
        let object = self.object;
        let addresses = object.spec.addresses.iter().map(String::as_str).enumerate();
        let addresses = addresses
            .map(|(at, text)| (format!("spec.addresses[{at}]"), text))
            .filter_map(|(field, text)| Some((field, text, range(text)?)));
        let addresses: Vec<_> = addresses.collect();
        if !addresses.is_empty() || !object.status.addresses.is_empty() {
            return addresses;
        }
        let endpoints = object.spec.endpoints.iter().enumerate();
        endpoints
            .map(|(at, endpoint)| (format!("spec.endpoints[{at}].address"), &*endpoint.address))
            .filter_map(|(field, text)| Some((field, text, range(text)?)))
            .collect()
    }

    /// The addresses that clients dial, as far as they are known.
    pub(super) fn reached(&self) -> Vec<IpNet> {
        let allocated = self.object.status.addresses.iter();
        let allocated = allocated.filter_map(|address| range(&address.value));
        let declared = self.declared().into_iter().map(|(_, _, range)| range);
        declared.chain(allocated).collect()
    }
}

/// An address, or a range in CIDR form.
pub(super) fn range(text: &str) -> Option<IpNet> {
    let address = text.parse::<IpAddr>().ok();
    address.map(IpNet::from).or_else(|| prefix(text))
}

/// The injector's ConfigMap.
pub(super) struct InjectorMap {
    pub(super) place: Place,
    pub(super) injector: Injector,
}

/// The ConfigMap of the mesh configuration.
pub(super) struct MeshMap {
    pub(super) place: Place,
    pub(super) config: MeshConfig,
}

/// A pod, or a template that makes some.
pub(super) struct Subject<'a> {
    pub(super) place: Place,
    pub(super) metadata: &'a Metadata,
    pub(super) spec: &'a PodSpec,
    /// The path of the template; empty for a pod.
    pub(super) path: &'static str,
    /// As far as it can be known: for a template, a pod that it would make.
    pub(super) pod: Arc<Pod>,
    /// Whether it is a pod that runs.
    pub(super) runs: bool,
    /// Whether the template of the pod is a subject, too.
    pub(super) has_template: bool,
}

impl Subject<'_> {
    /// What its rules are made from: as they are in a pod that runs, else as they would be.
    pub(super) fn setup(&self) -> &Setup {
        if self.runs {
            &self.pod.applied
        } else {
            &self.pod.desired
        }
    }

    /// Whether it certainly has no sidecar with rules.
    pub(super) fn is_outside(&self) -> bool {
        match self.setup().membership {
            Membership::Sidecar(_) | Membership::Unknown(_) => false,
            Membership::NotRedirected | Membership::Ambient(_) | Membership::Outside(_) => true,
        }
    }

    /// The path of an annotation.
    pub(super) fn annotation_field(&self, key: &str) -> String {
        format!("{}metadata.annotations[{key}]", self.path)
    }

    /// The path of something in the pod's spec.
    pub(super) fn spec_field(&self, field: &str) -> String {
        format!("{}spec.{field}", self.path)
    }

    /// Namespace and name of the workload.
    pub(super) fn workload(&self) -> String {
        format!("{}/{}", self.pod.namespace, self.pod.workload)
    }
}

/// What a rule finds in pods, once for each workload: its pods are alike.
pub(super) fn once_per_workload<'s, 'a>(
    subjects: impl Iterator<Item = &'s Subject<'a>>,
    rule: impl Fn(&'s Subject<'a>) -> Vec<Finding>,
) -> Vec<Finding>
where
    'a: 's,
{
    let mut found: BTreeMap<(String, Code, String, String), (Finding, usize)> = BTreeMap::new();
    for subject in subjects {
        for finding in rule(subject) {
            let key = (
                subject.workload(),
                finding.code,
                finding.field.clone(),
                finding.message.clone(),
            );
            let (_, n) = found.entry(key).or_insert((finding, 0));
            *n += 1;
        }
    }
    let found = found.into_iter();
    found
        .map(|((workload, ..), (finding, n))| match n {
            1 => finding,
            n => {
                let pods = if n == 2 { "pod" } else { "pods" };
                let message = format!("{} ({} more {pods} of {workload})", finding.message, n - 1);
                Finding { message, ..finding }
            }
        })
        .collect()
}

/// The objects that a snapshot for [`Scene::new`] is made of: pods by a name of ours where they
/// have no `uid`, and one pod for each template.
pub(crate) fn population(objects: &[Located]) -> Vec<Object> {
    let mut population = Vec::new();
    for located in objects {
        match &located.object {
            Object::Pod(pod) => {
                let mut pod = pod.clone();
                pod.metadata.uid = pod_key(&pod.metadata);
                // Its own hash would be the key otherwise.
                pod.metadata
                    .annotations
                    .remove("kubernetes.io/config.mirror");
                population.push(Object::Pod(pod));
            }
            Object::Workload(workload) => {
                population.push(located.object.clone());
                population.extend(made_by(workload).map(Object::Pod));
            }
            Object::ConfigMap(_)
            | Object::Namespace(_)
            | Object::Service(_)
            | Object::MutatingWebhookConfiguration(_)
            | Object::ProxyConfig(_) => population.push(located.object.clone()),
            // No pod depends on them.
            Object::ServiceEntry(_)
            | Object::Sidecar(_)
            | Object::VirtualService(_)
            | Object::DestinationRule(_)
            | Object::ServiceCidr(_)
            | Object::Node(_)
            | Object::IpPool(_)
            | Object::CiliumNode(_)
            | Object::Network(_) => {}
        }
    }
    population
}

/// A pod that the workload would make.
fn made_by(workload: &Workload) -> Option<objects::PodObject> {
    let template = workload.template()?;
    Some(objects::PodObject {
        metadata: Metadata {
            name: workload.metadata.name.clone(),
            namespace: workload.metadata.namespace.clone(),
            uid: template_key(workload),
            owner_references: vec![objects::OwnerReference {
                kind: workload.kind.clone(),
                name: workload.metadata.name.clone(),
                controller: true,
            }],
            ..template.metadata.clone()
        },
        spec: template.spec.clone(),
        status: objects::PodStatus::default(),
    })
}

fn pod_key(metadata: &Metadata) -> String {
    if metadata.uid.is_empty() {
        format!("Pod {}/{}", metadata.namespace, metadata.name)
    } else {
        metadata.uid.clone()
    }
}

fn template_key(workload: &Workload) -> String {
    let metadata = &workload.metadata;
    format!("{} {}/{}", workload.kind, metadata.namespace, metadata.name)
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        objects: &'a [Located],
        snapshot: &'a Snapshot,
        settings: &'a Settings,
    ) -> Self {
        let mut scene = Self {
            objects,
            settings,
            mesh: snapshot.mesh(),
            subjects: Vec::new(),
            injectors: Vec::new(),
            meshes: Vec::new(),
            entries: Vec::new(),
            namespaces: HashMap::new(),
        };
        for located in objects {
            match &located.object {
                Object::Pod(object) => scene.add_pod(located, object, snapshot),
                Object::Workload(object) => scene.add_template(located, object, snapshot),
                Object::ConfigMap(object) => scene.add_config_map(located, object),
                Object::ServiceEntry(object) => scene.entries.push(Entry {
                    place: place(located, "ServiceEntry", &object.metadata),
                    object,
                }),
                Object::Namespace(object) => {
                    let metadata = &object.metadata;
                    scene.namespaces.insert(&metadata.name, metadata);
                }
                Object::Service(_)
                | Object::MutatingWebhookConfiguration(_)
                | Object::Sidecar(_)
                | Object::VirtualService(_)
                | Object::DestinationRule(_)
                | Object::ProxyConfig(_)
                | Object::ServiceCidr(_)
                | Object::Node(_)
                | Object::IpPool(_)
                | Object::CiliumNode(_)
                | Object::Network(_) => {}
            }
        }
        let templates: BTreeSet<(String, String)> = scene
            .subjects
            .iter()
            .filter(|subject| !subject.path.is_empty())
            .map(|subject| (subject.place.namespace.clone(), subject.place.name.clone()))
            .collect();
        for subject in &mut scene.subjects {
            let named = |name: &str| {
                templates.contains(&(subject.place.namespace.clone(), name.to_owned()))
            };
            let owners = &subject.metadata.owner_references;
            subject.has_template = subject.path.is_empty()
                && !owners.is_empty()
                && (named(&subject.pod.workload) || owners.iter().any(|owner| named(&owner.name)));
        }
        scene
    }

    fn add_pod(&mut self, located: &Located, object: &'a objects::PodObject, snapshot: &Snapshot) {
        let Some(pod) = snapshot.pod(&pod_key(&object.metadata)) else {
            return;
        };
        let status = &object.status;
        let runs = !object.metadata.uid.is_empty()
            || !status.pod_ip.is_empty()
            || !status.pod_ips.is_empty()
            || !status.container_statuses.is_empty();
        self.subjects.push(Subject {
            place: place(located, "Pod", &object.metadata),
            metadata: &object.metadata,
            spec: &object.spec,
            path: "",
            pod: Arc::clone(pod),
            runs,
            has_template: false,
        });
    }

    fn add_template(&mut self, located: &Located, object: &'a Workload, snapshot: &Snapshot) {
        // What another workload makes is judged there.
        let owned = !object.metadata.owner_references.is_empty();
        let pod = snapshot.pod(&template_key(object));
        let (Some(template), Some(pod), false) = (object.template(), pod, owned) else {
            return;
        };
        self.subjects.push(Subject {
            place: place(located, &object.kind, &object.metadata),
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

    /// What cannot be read is named in the log, when the snapshot is made.
    fn add_config_map(&mut self, located: &Located, object: &ConfigMap) {
        let name = &object.metadata.name;
        let is = |base: &str| {
            let rest = name.strip_prefix(base);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let place = place(located, "ConfigMap", &object.metadata);
        if is("istio-sidecar-injector")
            && let Some(text) = object.data.get("values")
            && let Ok(values) = serde_saphyr::from_str::<InjectorValues>(text)
        {
            let config = object.data.get("config");
            let config = config.and_then(|text| serde_saphyr::from_str(text).ok());
            let injector = Injector {
                name: format!("{}/{name}", place.namespace),
                values,
                config: config.unwrap_or_default(),
            };
            self.injectors.push(InjectorMap { place, injector });
        } else if is("istio")
            && let Some(text) = object.data.get("mesh")
            && let Ok(config) = serde_saphyr::from_str::<MeshConfig>(text)
        {
            self.meshes.push(MeshMap { place, config });
        }
    }

    /// The revision that injects, or injected, a subject; empty for the default one.
    pub(super) fn revision<'s>(&'s self, subject: &'s Subject<'_>) -> &'s str {
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
    pub(super) fn injector(&self, subject: &Subject<'_>) -> Option<&Injector> {
        self.mesh.injector(self.revision(subject))
    }
}

/// Whether rules are made by the CNI plugin.
pub(super) fn by_cni(injector: &Injector) -> bool {
    injector.values.pilot.cni.enabled || injector.values.istio_cni.enabled
}

/// Where an object stands.
pub(super) fn place(located: &Located, kind: &str, metadata: &Metadata) -> Place {
    Place {
        path: Arc::clone(&located.path),
        namespace: pod::namespace(&metadata.namespace).to_string(),
        kind: kind.to_owned(),
        name: metadata.name.clone(),
    }
}
