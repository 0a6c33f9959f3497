//! The kinds of objects that are read: the one list of them. How files are told apart, what is
//! watched and in which versions, what a metric calls it and what `what-if --delete` takes follow
//! from it.

use std::fmt;

use serde_json::Value;

use super::{
    addressing::{CiliumNode, IpPool, Network, Node, ServiceCidr},
    core::{ConfigMap, NamespaceObject, ServiceObject, WebhookObject},
    fields::{FieldError, read_value},
    gateway::Gateway,
    istio::{DestinationRule, ProxyConfig, ServiceEntryObject},
    metadata::{AnyObject, Metadata},
    pod::PodObject,
    sidecar::Sidecar,
    virtual_service::VirtualService,
    workload::Workload,
};

/// How much of a kind's objects an agent watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// Nothing: the kind is read from files only.
    No,
    /// The agent watches the `metadata` of the objects.
    Metadata,
    /// The agent watches the objects as they are.
    Whole,
}

/// What is known of a kind without any object of it.
#[derive(Debug)]
pub struct KindFacts {
    /// The `kind` as objects name it.
    pub name: &'static str,
    /// The word for several of them, which the API has in its paths.
    pub plural: &'static str,
    /// The API groups that have the kind, the one to ask for first; empty text for the core group.
    pub groups: &'static [&'static str],
    /// The versions of the kind, the one to ask for first.
    pub versions: &'static [&'static str],
    /// Whether the kind's objects are in namespaces.
    pub namespaced: bool,
    /// How much of the kind's objects an agent watches.
    pub watched: Watched,
}

/// A type that objects of exactly one kind are read as.
pub trait OneKind: AnyObject {
    /// The kind that the type is of.
    const KIND: Kind;

    /// The same object, as one of any kind.
    fn object(self) -> Object;
}

macro_rules! kinds {
    ($($variant:ident($object:ty) {
        $($kind:ident {
            name: $name:literal, plural: $plural:literal,
            groups: $groups:expr, versions: $versions:expr,
            namespaced: $namespaced:literal, watched: $watched:ident
        })+
    })+) => {
        /// A kind of objects that is read. Those that are watched come first.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($($kind,)+)+ }

        impl Kind {
            /// Every kind, in the order of the list.
            pub const ALL: &'static [Self] = &[$($(Self::$kind,)+)+];

            /// What is known of the kind without any object of it.
            pub const fn facts(self) -> &'static KindFacts {
                match self {
                    $($(Self::$kind => &KindFacts {
                        name: $name,
                        plural: $plural,
                        groups: $groups,
                        versions: $versions,
                        namespaced: $namespaced,
                        watched: Watched::$watched,
                    },)+)+
                }
            }
        }

        /// An object of any of the kinds that are read.
        #[derive(Clone, Debug)]
        pub enum Object { $($variant($object),)+ }

        impl Object {
            /// Reads an object of a kind; the error is about the first field that has the wrong
            /// type.
            pub fn read(kind: Kind, value: Value) -> Result<Self, FieldError> {
                match kind {
                    $($(Kind::$kind => read_value::<$object>(value).map(Self::$variant),)+)+
                }
            }

            /// The kind that the object is of.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$variant(object) => one_of(&[$(Kind::$kind,)+], object),)+
                }
            }

            /// The object's `metadata`.
            pub fn metadata(&self) -> &Metadata {
                match self { $(Self::$variant(object) => object.metadata(),)+ }
            }

            /// The object's `metadata`, to change it.
            pub fn metadata_mut(&mut self) -> &mut Metadata {
                match self { $(Self::$variant(object) => object.metadata_mut(),)+ }
            }
        }

        $(one_kind! { $variant($object) $($kind)+ })+
    };
}

macro_rules! one_kind {
    ($variant:ident($object:ty) $kind:ident) => {
        impl OneKind for $object {
            const KIND: Kind = Kind::$kind;

            fn object(self) -> Object {
                Object::$variant(self)
            }
        }
    };
    ($variant:ident($object:ty) $($kind:ident)+) => {};
}

const CORE: &[&str] = &[""];
const APPS: &[&str] = &["apps"];
const BATCH: &[&str] = &["batch"];
const ISTIO: &[&str] = &["networking.istio.io"];
const CALICO: &[&str] = &["crd.projectcalico.org", "projectcalico.org"];
const KNATIVE: &str = "serving.knative.dev";
const V1: &[&str] = &["v1"];
/// v1 since Istio 1.22; the others share its schema.
const ISTIO_VERSIONS: &[&str] = &["v1", "v1beta1", "v1alpha3"];

kinds! {
    Pod(PodObject) {
        Pod {
            name: "Pod", plural: "pods", groups: CORE, versions: V1,
            namespaced: true, watched: Whole
        }
    }
    Namespace(NamespaceObject) {
        Namespace {
            name: "Namespace", plural: "namespaces", groups: CORE, versions: V1,
            namespaced: false, watched: Metadata
        }
    }
    ConfigMap(ConfigMap) {
        ConfigMap {
            name: "ConfigMap", plural: "configmaps", groups: CORE, versions: V1,
            namespaced: true, watched: Whole
        }
    }
    MutatingWebhookConfiguration(WebhookObject) {
        MutatingWebhookConfiguration {
            name: "MutatingWebhookConfiguration", plural: "mutatingwebhookconfigurations",
            groups: &["admissionregistration.k8s.io"], versions: V1,
            namespaced: false, watched: Metadata
        }
    }
    ServiceEntry(ServiceEntryObject) {
        ServiceEntry {
            name: "ServiceEntry", plural: "serviceentries", groups: ISTIO, versions: ISTIO_VERSIONS,
            namespaced: true, watched: Whole
        }
    }
    Sidecar(Sidecar) {
        Sidecar {
            name: "Sidecar", plural: "sidecars", groups: ISTIO, versions: ISTIO_VERSIONS,
            namespaced: true, watched: Whole
        }
    }
    VirtualService(VirtualService) {
        VirtualService {
            name: "VirtualService", plural: "virtualservices", groups: ISTIO, versions: ISTIO_VERSIONS,
            namespaced: true, watched: Whole
        }
    }
    DestinationRule(DestinationRule) {
        DestinationRule {
            name: "DestinationRule", plural: "destinationrules", groups: ISTIO, versions: ISTIO_VERSIONS,
            namespaced: true, watched: Whole
        }
    }
    ProxyConfig(ProxyConfig) {
        ProxyConfig {
            name: "ProxyConfig", plural: "proxyconfigs", groups: ISTIO, versions: &["v1beta1"],
            namespaced: true, watched: Whole
        }
    }
    // Since Kubernetes 1.33.
    ServiceCidr(ServiceCidr) {
        ServiceCidr {
            name: "ServiceCIDR", plural: "servicecidrs", groups: &["networking.k8s.io"], versions: V1,
            namespaced: false, watched: Whole
        }
    }
    Service(ServiceObject) {
        Service {
            name: "Service", plural: "services", groups: CORE, versions: V1,
            namespaced: true, watched: Whole
        }
    }
    Workload(Box<Workload>) {
        // istiod's are watched, as `IstiodDeployment`.
        Deployment {
            name: "Deployment", plural: "deployments", groups: APPS, versions: V1,
            namespaced: true, watched: Whole
        }
        ReplicaSet {
            name: "ReplicaSet", plural: "replicasets", groups: APPS, versions: V1,
            namespaced: true, watched: No
        }
        StatefulSet {
            name: "StatefulSet", plural: "statefulsets", groups: APPS, versions: V1,
            namespaced: true, watched: No
        }
        DaemonSet {
            name: "DaemonSet", plural: "daemonsets", groups: APPS, versions: V1,
            namespaced: true, watched: No
        }
        Job {
            name: "Job", plural: "jobs", groups: BATCH, versions: V1,
            namespaced: true, watched: No
        }
        CronJob {
            name: "CronJob", plural: "cronjobs", groups: BATCH, versions: V1,
            namespaced: true, watched: No
        }
        ReplicationController {
            name: "ReplicationController", plural: "replicationcontrollers", groups: CORE,
            versions: V1, namespaced: true, watched: No
        }
        DeploymentConfig {
            // In the core group up to OpenShift 3.6.
            name: "DeploymentConfig", plural: "deploymentconfigs",
            groups: &["apps.openshift.io", ""], versions: V1, namespaced: true, watched: No
        }
        // Argo's.
        Rollout {
            name: "Rollout", plural: "rollouts", groups: &["argoproj.io"],
            versions: &["v1alpha1"], namespaced: true, watched: No
        }
        // Its kind is Service, see `Kind::find`.
        KnativeService {
            name: "KnativeService", plural: "knativeservices", groups: &[KNATIVE],
            versions: V1, namespaced: true, watched: No
        }
    }
    // Waypoints.
    Gateway(Gateway) {
        Gateway {
            name: "Gateway", plural: "gateways", groups: &["gateway.networking.k8s.io"],
            versions: &["v1", "v1beta1"], namespaced: true, watched: No
        }
    }
    Node(Node) {
        Node {
            name: "Node", plural: "nodes", groups: CORE, versions: V1,
            namespaced: false, watched: No
        }
    }
    IpPool(IpPool) {
        IpPool {
            name: "IPPool", plural: "ippools", groups: CALICO, versions: &["v1", "v3"],
            namespaced: false, watched: No
        }
    }
    CiliumNode(CiliumNode) {
        CiliumNode {
            name: "CiliumNode", plural: "ciliumnodes", groups: &["cilium.io"], versions: &["v2"],
            namespaced: false, watched: No
        }
    }
    Network(Network) {
        Network {
            name: "Network", plural: "networks", groups: &["config.openshift.io"], versions: V1,
            namespaced: false, watched: No
        }
    }
}

impl Kind {
    /// The kind's name as objects have it, such as `ServiceEntry`.
    pub const fn as_str(self) -> &'static str {
        self.facts().name
    }

    /// The word for several of the kind, as the API's paths have it, such as `serviceentries`.
    pub const fn plural(self) -> &'static str {
        self.facts().plural
    }

    /// Whether objects of the kind make pods from a template.
    pub const fn makes_pods(self) -> bool {
        matches!(
            self,
            Self::Deployment
                | Self::ReplicaSet
                | Self::StatefulSet
                | Self::DaemonSet
                | Self::Job
                | Self::CronJob
                | Self::ReplicationController
                | Self::DeploymentConfig
                | Self::Rollout
                | Self::KnativeService
        )
    }

    /// The kinds that an agent watches, in the order of the list.
    pub fn watched() -> impl Iterator<Item = Self> {
        let all = Self::ALL.iter().copied();
        all.filter(|kind| kind.facts().watched != Watched::No)
    }

    /// The kind of this name in a group; in any, where an object does not say which. Other groups have
    /// kinds of the same names (Knative's Service, for example, which has another name here).
    pub fn find(name: &str, group: Option<&str>) -> Option<Self> {
        if (name, group) == ("Service", Some(KNATIVE)) {
            return Some(Self::KnativeService);
        }
        let mut all = Self::ALL.iter().copied();
        all.find(|kind| {
            kind.as_str() == name && group.is_none_or(|group| kind.facts().groups.contains(&group))
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The kind that an object is of, among those that are read alike.
fn one_of(kinds: &[Kind], object: &impl AnyObject) -> Kind {
    let own = object.own_kind().unwrap_or_default();
    let found = kinds.iter().find(|kind| kind.as_str() == own);
    *found.unwrap_or(&kinds[0])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_plurals_are_of_one_kind() {
        for text in [Kind::as_str, Kind::plural] {
            let all: BTreeSet<_> = Kind::ALL.iter().map(|kind| text(*kind)).collect();
            assert_eq!(all.len(), Kind::ALL.len());
        }
        let n_watched = Kind::watched().count();
        assert!(Kind::watched().eq(Kind::ALL[..n_watched].iter().copied()));
    }

    #[test]
    fn an_object_of_every_kind_is_read_and_knows_what_it_is() {
        for kind in Kind::ALL {
            let value = json!({
                "kind": kind.as_str(), "metadata": {"name": "a"}, "spec": {"hosts": ["a.test"]},
            });
            let mut object = Object::read(*kind, value).unwrap();
            assert_eq!(object.kind(), *kind);
            assert_eq!(object.metadata().name, "a");
            object.metadata_mut().name = "b".to_owned();
            assert_eq!(object.metadata().name, "b");
        }
    }

    #[test]
    fn a_kind_is_found_by_its_group() {
        assert_eq!(Kind::find("Service", Some("")), Some(Kind::Service));
        assert_eq!(Kind::find("Service", None), Some(Kind::Service));
        let knative = Kind::find("Service", Some("serving.knative.dev"));
        assert_eq!(knative, Some(Kind::KnativeService));
        assert_eq!(Kind::find("Service", Some("example.com")), None);
        assert_eq!(
            Kind::find("IPPool", Some("projectcalico.org")),
            Some(Kind::IpPool)
        );
        assert_eq!(Kind::find("service", None), None);
    }
}
