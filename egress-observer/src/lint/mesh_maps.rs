//! The ConfigMaps of the mesh, each with its place: every one that is there, and not only those
//! that count.

use super::finding::ObjectPlace;
use egress_observer_istio::{
    manifests::Located,
    mesh::{Injector, InjectorValues, Mesh, MeshConfig, revision_of},
    objects::ConfigMap,
    protojson::Refused,
};

/// The injector's ConfigMap.
pub(super) struct InjectorMap {
    pub(super) place: ObjectPlace,
    pub(super) injector: Injector,
}

/// The ConfigMap of the mesh configuration.
pub(super) struct MeshMap {
    pub(super) place: ObjectPlace,
    pub(super) config: MeshConfig,
}

/// A ConfigMap that Istio refuses.
pub(super) struct RefusedMap {
    pub(super) place: ObjectPlace,
    /// The key that holds what is refused.
    pub(super) key: &'static str,
    pub(super) refused: Refused,
}

/// A ConfigMap of the mesh.
pub(super) enum IstioMap {
    Injector(InjectorMap),
    Mesh(MeshMap),
    Refused(RefusedMap),
}

impl IstioMap {
    /// What a ConfigMap is to the mesh, if it is anything.
    pub(super) fn of(located: &Located, object: &ConfigMap, mesh: &Mesh) -> Option<Self> {
        let name = &object.metadata.name;
        let place = ObjectPlace::of(located, "ConfigMap", &object.metadata);
        if revision_of(name, "istio-sidecar-injector").is_some() {
            let values = InjectorValues::read(object.data.get("values")?);
            return Some(match values {
                Ok(values) => Self::Injector(InjectorMap::new(place, object, values)),
                Err(refused) => Self::Refused(RefusedMap {
                    place,
                    key: "values",
                    refused,
                }),
            });
        }
        let text = object.data.get("mesh")?;
        if !mesh.is_mesh_config(&place.namespace, name) {
            return None;
        }
        Some(match MeshConfig::read(text) {
            Ok(config) => Self::Mesh(MeshMap { place, config }),
            Err(refused) => Self::Refused(RefusedMap {
                place,
                key: "mesh",
                refused,
            }),
        })
    }
}

impl InjectorMap {
    fn new(place: ObjectPlace, object: &ConfigMap, values: InjectorValues) -> Self {
        let config = object.data.get("config");
        let config = config.and_then(|text| serde_saphyr::from_str(text).ok());
        let injector = Injector {
            name: format!("{}/{}", place.namespace, place.name),
            values,
            config: config.unwrap_or_default(),
        };
        Self { place, injector }
    }
}

impl MeshMap {
    /// Whether a setting of all proxies is on.
    pub(super) fn is_on(&self, setting: &str) -> bool {
        let metadata = &self.config.default_config.proxy_metadata;
        metadata.get(setting).map(String::as_str) == Some("true")
    }

    /// Whether the policy that counts for its revision stands in it, also by saying nothing.
    pub(super) fn says_policy(&self, mesh: &Mesh) -> bool {
        let revision = revision_of(&self.place.name, "istio").unwrap_or_default();
        let own = format!("{}/", self.place.namespace);
        let said_by = mesh.config_name(revision).unwrap_or_default();
        let said_by = said_by.strip_prefix("ConfigMap ").unwrap_or_default();
        // One of another namespace is another mesh's.
        said_by
            .strip_prefix(&own)
            .is_none_or(|name| name == self.place.name)
            || self.config.outbound_traffic_policy.is_some()
    }
}

/// Whether rules are made by the CNI plugin.
pub(super) fn by_cni(injector: &Injector) -> bool {
    injector.values.by_cni()
}
