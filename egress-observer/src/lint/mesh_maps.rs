//! The ConfigMaps of the mesh, each with its place: every one that is there, and not only those
//! that count.

use super::finding::ObjectPlace;
use egress_observer_istio::{
    manifests::Located,
    mesh::{Injector, InjectorValues, MeshConfig, revision_of},
    objects::ConfigMap,
};

/// The injector's ConfigMap.
pub(super) struct InjectorMap {
    pub(super) place: ObjectPlace,
    pub(super) injector: Injector,
}

impl InjectorMap {
    /// What cannot be read is named in the log, when the snapshot is made.
    pub(super) fn of(located: &Located, object: &ConfigMap) -> Option<Self> {
        let name = &object.metadata.name;
        revision_of(name, "istio-sidecar-injector")?;
        let values: InjectorValues = serde_saphyr::from_str(object.data.get("values")?).ok()?;
        let config = object.data.get("config");
        let config = config.and_then(|text| serde_saphyr::from_str(text).ok());
        let place = ObjectPlace::of(located, "ConfigMap", &object.metadata);
        let injector = Injector {
            name: format!("{}/{name}", place.namespace),
            values,
            config: config.unwrap_or_default(),
        };
        Some(Self { place, injector })
    }
}

/// The ConfigMap of the mesh configuration.
pub(super) struct MeshMap {
    pub(super) place: ObjectPlace,
    pub(super) config: MeshConfig,
}

impl MeshMap {
    /// The same for it.
    pub(super) fn of(located: &Located, object: &ConfigMap) -> Option<Self> {
        revision_of(&object.metadata.name, "istio")?;
        let config = serde_saphyr::from_str(object.data.get("mesh")?).ok()?;
        let place = ObjectPlace::of(located, "ConfigMap", &object.metadata);
        Some(Self { place, config })
    }

    /// Whether a setting of all proxies is on.
    pub(super) fn is_on(&self, setting: &str) -> bool {
        let metadata = &self.config.default_config.proxy_metadata;
        metadata.get(setting).map(String::as_str) == Some("true")
    }
}

/// Whether rules are made by the CNI plugin.
pub(super) fn by_cni(injector: &Injector) -> bool {
    injector.values.pilot.cni.enabled || injector.values.istio_cni.enabled
}
