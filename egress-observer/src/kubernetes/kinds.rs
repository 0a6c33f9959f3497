//! The kinds that are watched: where each is served, and what of it is kept.

use std::fmt::Debug;

use kube::core::ApiResource;
use serde::{Deserialize, de::DeserializeOwned};

use egress_observer_istio::{
    manifests::Object,
    objects::{self, MetadataOnly, addressing},
    vocabulary,
};

/// A kind of objects.
pub(super) trait Kind: DeserializeOwned + Clone + Debug + Send + Sync + 'static {
    const RESOURCE: vocabulary::Resource;
    const KIND: &'static str;
    const GROUP: &'static str;
    /// The one to ask for first comes first.
    const VERSIONS: &'static [&'static str];
    /// Whether nothing but metadata is asked for.
    const METADATA_ONLY: bool = false;

    fn object(self) -> Object;

    /// Without what nobody reads.
    fn trimmed(self) -> Self {
        self
    }

    fn api(version: &str) -> ApiResource {
        let (group, kind) = (Self::GROUP, Self::KIND);
        let api_version = match group {
            "" => version.to_owned(),
            _ => format!("{group}/{version}"),
        };
        ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version,
            kind: kind.to_owned(),
            plural: Self::RESOURCE.as_str().to_owned(),
        }
    }
}

/// `networking.istio.io`; v1 since Istio 1.22, the others share its schema.
const ISTIO: &str = "networking.istio.io";
const ISTIO_VERSIONS: &[&str] = &["v1", "v1beta1", "v1alpha3"];

/// A namespace.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Namespace(MetadataOnly);

/// An injection webhook.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Webhook(MetadataOnly);

impl Kind for objects::Pod {
    const RESOURCE: vocabulary::Resource = vocabulary::Resource::Pods;
    const KIND: &'static str = "Pod";
    const GROUP: &'static str = "";
    const VERSIONS: &'static [&'static str] = &["v1"];

    fn object(self) -> Object {
        Object::Pod(self)
    }

    fn trimmed(mut self) -> Self {
        let annotations = &mut self.metadata.annotations;
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        let spec = &mut self.spec;
        let containers = spec.containers.iter_mut().chain(&mut spec.init_containers);
        for container in containers.filter(|own| !own.name.starts_with("istio-")) {
            container.image.clear();
            container.command = Vec::new();
            container.args = Vec::new();
            container.env = Vec::new();
        }
        self
    }
}

impl Kind for Namespace {
    const RESOURCE: vocabulary::Resource = vocabulary::Resource::Namespaces;
    const KIND: &'static str = "Namespace";
    const GROUP: &'static str = "";
    const VERSIONS: &'static [&'static str] = &["v1"];
    const METADATA_ONLY: bool = true;

    fn object(self) -> Object {
        Object::Namespace(self.0)
    }
}

impl Kind for objects::ConfigMap {
    const RESOURCE: vocabulary::Resource = vocabulary::Resource::ConfigMaps;
    const KIND: &'static str = "ConfigMap";
    const GROUP: &'static str = "";
    const VERSIONS: &'static [&'static str] = &["v1"];

    fn object(self) -> Object {
        Object::ConfigMap(self)
    }
}

impl Kind for Webhook {
    const RESOURCE: vocabulary::Resource = vocabulary::Resource::MutatingWebhookConfigurations;
    const KIND: &'static str = "MutatingWebhookConfiguration";
    const GROUP: &'static str = "admissionregistration.k8s.io";
    const VERSIONS: &'static [&'static str] = &["v1"];
    const METADATA_ONLY: bool = true;

    fn object(self) -> Object {
        Object::MutatingWebhookConfiguration(self.0)
    }
}

impl Kind for addressing::ServiceCidr {
    const RESOURCE: vocabulary::Resource = vocabulary::Resource::ServiceCidrs;
    const KIND: &'static str = "ServiceCIDR";
    const GROUP: &'static str = "networking.k8s.io";
    /// Since Kubernetes 1.33.
    const VERSIONS: &'static [&'static str] = &["v1"];

    fn object(self) -> Object {
        Object::Addressing(addressing::Addressing::ServiceCidr(self))
    }
}

macro_rules! istio_kind {
    ($kind:ident, $resource:ident, $versions:expr) => {
        impl Kind for objects::$kind {
            const RESOURCE: vocabulary::Resource = vocabulary::Resource::$resource;
            const KIND: &'static str = stringify!($kind);
            const GROUP: &'static str = ISTIO;
            const VERSIONS: &'static [&'static str] = $versions;

            fn object(self) -> Object {
                Object::$kind(self)
            }
        }
    };
}

istio_kind!(ServiceEntry, ServiceEntries, ISTIO_VERSIONS);
istio_kind!(Sidecar, Sidecars, ISTIO_VERSIONS);
istio_kind!(VirtualService, VirtualServices, ISTIO_VERSIONS);
istio_kind!(DestinationRule, DestinationRules, ISTIO_VERSIONS);
istio_kind!(ProxyConfig, ProxyConfigs, &["v1beta1"]);
