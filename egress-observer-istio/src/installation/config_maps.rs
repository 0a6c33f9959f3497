//! The ConfigMaps that an installation makes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Installation, InstallationError, fields, joined, merge, text};
use crate::{
    mesh::{InjectorValues, MADE_FROM, MeshText},
    objects::{ConfigMap, Metadata},
};

impl Installation {
    /// Refuses what Istio would refuse as a whole.
    pub(super) fn check(&self) -> Result<(), InstallationError> {
        let mesh = self.mesh()?;
        MeshText::read(&mesh)
            .map_err(|refused| InstallationError::refused(self.paths.mesh, &refused))?;
        let values = self.injector_values()?;
        match InjectorValues::read(&values) {
            Ok(_) => Ok(()),
            Err(refused) => Err(InstallationError::refused(self.paths.values, &refused)),
        }
    }

    /// The ConfigMaps that istiod reads, made from what `origin` names.
    pub fn config_maps(&self, origin: &str) -> Vec<ConfigMap> {
        // `check` has seen that there is no error.
        let mesh = self.mesh().unwrap_or_default();
        let values = self.injector_values().unwrap_or_default();
        let injector = [("values", values), ("config", self.injector_config())];
        vec![
            self.config_map("istio", origin, [("mesh", mesh)]),
            self.config_map("istio-sidecar-injector", origin, injector),
        ]
    }

    /// `templates/configmap.yaml` of the chart, as far as it is read: the root namespace is the control
    /// plane's.
    fn mesh(&self) -> Result<String, InstallationError> {
        let mut mesh = fields(self.paths.mesh, self.values.get("meshConfig"))?;
        merge::set_default(&mut mesh, &["rootNamespace"], json!(self.namespace));
        Ok(Value::Object(mesh).to_string())
    }

    /// `templates/istiod-injector-configmap.yaml`: what the chart picks.
    fn injector_values(&self) -> Result<String, InstallationError> {
        let mut picked = Map::new();
        for name in ["global", "istio_cni", "sidecarInjectorWebhook", "revision"] {
            if let Some(value) = self.values.get(name) {
                picked.insert(name.to_owned(), value.clone());
            }
        }
        let path = joined(self.paths.values, "pilot");
        let mut pilot = fields(&path, self.values.get("pilot"))?;
        pilot.retain(|name, _| ["cni", "env"].contains(&name.as_str()));
        picked.insert("pilot".to_owned(), Value::Object(pilot));
        Ok(Value::Object(picked).to_string())
    }

    /// The same template's `config`: whether pods are injected.
    fn injector_config(&self) -> String {
        let policy = text(merge::at(&self.values, &["global", "proxy", "autoInject"]));
        let webhook = self.values.get("sidecarInjectorWebhook");
        let [never, always] = ["neverInjectSelector", "alwaysInjectSelector"]
            .map(|name| webhook.and_then(|webhook| webhook.get(name)));
        json!({
            "policy": policy.unwrap_or("enabled"),
            "neverInjectSelector": never.unwrap_or(&json!([])),
            "alwaysInjectSelector": always.unwrap_or(&json!([])),
        })
        .to_string()
    }

    fn config_map<const N: usize>(
        &self,
        base: &str,
        origin: &str,
        data: [(&str, String); N],
    ) -> ConfigMap {
        let name = match &*self.revision {
            "" => base.to_owned(),
            revision => format!("{base}-{revision}"),
        };
        ConfigMap {
            metadata: Metadata {
                name,
                namespace: self.namespace.clone(),
                annotations: BTreeMap::from([(MADE_FROM.to_owned(), origin.to_owned())]),
                ..Metadata::default()
            },
            data: data.map(|(key, text)| (key.to_owned(), text)).into(),
        }
    }
}
