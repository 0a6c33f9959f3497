//! The injector's ConfigMap, `istio-sidecar-injector[-<revision>]`.

use serde::Deserialize;

use super::{selector::LabelSelector, values::InjectorValues};

/// `Injector` is what the injector's ConfigMap says.
#[derive(Clone, Debug, Default)]
pub struct Injector {
    /// Namespace and name of the ConfigMap.
    pub name: String,
    /// Key `values`.
    pub values: InjectorValues,
    /// Key `config`.
    pub config: InjectorConfig,
}

/// `InjectorConfig` is key `config`, as far as it is read (`pkg/kube/inject/inject.go`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InjectorConfig {
    pub policy: String,
    pub never_inject_selector: Vec<LabelSelector>,
    pub always_inject_selector: Vec<LabelSelector>,
}
