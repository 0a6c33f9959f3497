//! Istio's mesh configuration and the injector's values, by revision, from the ConfigMaps
//! `istio[-<revision>]` and `istio-sidecar-injector[-<revision>]`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use tracing::warn;

use crate::{
    objects::{ConfigMap, Metadata, OutboundTrafficPolicy},
    vocabulary::Policy,
};

/// `MeshConfig`, as far as it is read (`istio/api mesh/v1alpha1/config.proto`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MeshConfig {
    pub outbound_traffic_policy: OutboundTrafficPolicy,
    pub proxy_listen_port: Option<u16>,
    pub proxy_inbound_listen_port: Option<u16>,
    pub default_config: ProxyConfigText,
    pub root_namespace: String,
    pub default_service_export_to: Vec<String>,
}

/// `ProxyConfig` as part of the mesh configuration and of the annotation `proxy.istio.io/config`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyConfigText {
    pub interception_mode: Option<String>,
    pub proxy_metadata: BTreeMap<String, String>,
}

/// The injector's ConfigMap.
#[derive(Clone, Debug, Default)]
pub struct Injector {
    /// Namespace and name of the ConfigMap.
    pub name: String,
    pub values: Values,
    pub config: InjectorConfig,
}

/// Key `values`: Helm values, as far as they are read
/// (`manifests/charts/istio-control/istio-discovery/values.yaml`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Values {
    pub global: Global,
    pub pilot: Pilot,
    /// Up to 1.21.
    #[serde(rename = "istio_cni")]
    pub istio_cni: Enabled,
    pub sidecar_injector_webhook: Webhook,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Global {
    pub proxy: Proxy,
    pub native_nftables: bool,
    pub platform: String,
    #[serde(deserialize_with = "text")]
    pub tag: String,
}

/// `global.proxy`; absent is the chart's default.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Proxy {
    #[serde(rename = "includeIPRanges", deserialize_with = "text")]
    pub include_ip_ranges: String,
    #[serde(rename = "excludeIPRanges", deserialize_with = "text")]
    pub exclude_ip_ranges: String,
    #[serde(deserialize_with = "text")]
    pub include_outbound_ports: String,
    #[serde(deserialize_with = "text")]
    pub exclude_outbound_ports: String,
}

impl Default for Proxy {
    fn default() -> Self {
        Self {
            include_ip_ranges: "*".to_owned(),
            exclude_ip_ranges: String::new(),
            include_outbound_ports: String::new(),
            exclude_outbound_ports: String::new(),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pilot {
    pub cni: Enabled,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Enabled {
    pub enabled: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Webhook {
    pub enable_namespaces_by_default: bool,
}

/// Key `config`, as far as it is read (`pkg/kube/inject/inject.go`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InjectorConfig {
    pub policy: String,
    pub never_inject_selector: Vec<LabelSelector>,
    pub always_inject_selector: Vec<LabelSelector>,
}

/// Kubernetes' `LabelSelector`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    match_labels: BTreeMap<String, String>,
    match_expressions: Vec<Requirement>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Requirement {
    key: String,
    operator: String,
    values: Vec<String>,
}

impl LabelSelector {
    /// Whether it selects these labels. One that is empty selects nothing here, as in the injector.
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        let empty = self.match_labels.is_empty() && self.match_expressions.is_empty();
        let equal = |(key, value): (&String, &String)| labels.get(key) == Some(value);
        let holds = |requirement: &Requirement| {
            let value = labels.get(&requirement.key);
            let among = value.is_some_and(|value| requirement.values.contains(value));
            match requirement.operator.as_str() {
                "In" => among,
                "NotIn" => !among,
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        };
        !empty && self.match_labels.iter().all(equal) && self.match_expressions.iter().all(holds)
    }
}

/// Text, or a number that stands where text should (`--set global.proxy.excludeOutboundPorts=22`).
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null => Ok(String::new()),
        other @ (Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            Err(D::Error::custom(format_args!("`{other}` is not text")))
        }
    }
}

/// The configuration of all revisions.
#[derive(Debug, Default)]
pub struct Mesh {
    /// By revision; the default one is the empty string.
    configs: HashMap<String, Config>,
    injectors: HashMap<String, (String, Injector)>,
    /// The revision that a tag stands for.
    tags: HashMap<String, String>,
    /// ConfigMaps whose last state cannot be read: the one before stays.
    unreadable: BTreeSet<String>,
}

#[derive(Debug)]
struct Config {
    namespace: String,
    /// Namespace and name of the ConfigMap.
    name: String,
    mesh: MeshConfig,
    policy: Option<Policy>,
}

/// Istio's default for `rootNamespace`, and the namespace whose ConfigMaps win over those of the same
/// name elsewhere.
pub const ROOT_NAMESPACE: &str = "istio-system";

impl Mesh {
    /// Takes a ConfigMap in, if it is one of Istio's. What cannot be read is named in the log and
    /// not known.
    pub fn apply(&mut self, object: &ConfigMap) -> bool {
        let Metadata {
            name, namespace, ..
        } = &object.metadata;
        if let Some(revision) = revision_of(name, "istio-sidecar-injector") {
            return self.apply_injector(revision, object);
        }
        let (Some(revision), Some(text)) = (revision_of(name, "istio"), object.data.get("mesh"))
        else {
            return false;
        };
        let known = self.configs.get(canonical(revision));
        if known.is_some_and(|known| outranks(&known.namespace, namespace)) {
            return true;
        }
        let mesh: MeshConfig = match serde_saphyr::from_str(text) {
            Ok(mesh) => mesh,
            Err(problem) => {
                warn!(config_map = name, key = "mesh", %problem, "mesh configuration not known");
                self.unreadable.insert(format!("{namespace}/{name}"));
                return true;
            }
        };
        let policy = match policy(mesh.outbound_traffic_policy.mode.as_deref()) {
            Ok(policy) => Some(policy),
            Err(problem) => {
                warn!(config_map = name, key = "mesh", %problem, "policy not known");
                None
            }
        };
        self.unreadable.remove(&format!("{namespace}/{name}"));
        let config = Config {
            namespace: namespace.clone(),
            name: format!("{namespace}/{name}"),
            mesh,
            policy,
        };
        self.configs.insert(canonical(revision).to_owned(), config);
        true
    }

    fn apply_injector(&mut self, revision: &str, object: &ConfigMap) -> bool {
        let Metadata {
            name, namespace, ..
        } = &object.metadata;
        let Some(values) = object.data.get("values") else {
            return false;
        };
        let known = self.injectors.get(canonical(revision));
        if known.is_some_and(|(known, _)| outranks(known, namespace)) {
            return true;
        }
        let values = match serde_saphyr::from_str(values) {
            Ok(values) => values,
            Err(problem) => {
                warn!(config_map = name, key = "values", %problem, "injection not known");
                self.unreadable.insert(format!("{namespace}/{name}"));
                return true;
            }
        };
        let config = object
            .data
            .get("config")
            .map(|text| serde_saphyr::from_str(text));
        self.unreadable.remove(&format!("{namespace}/{name}"));
        let injector = Injector {
            name: format!("{namespace}/{name}"),
            values,
            // Templates of people's own may be anything; what they select is said plainly.
            config: config.and_then(Result::ok).unwrap_or_default(),
        };
        let injector = (namespace.clone(), injector);
        self.injectors
            .insert(canonical(revision).to_owned(), injector);
        true
    }

    /// Forgets a ConfigMap. Whether anything was known from it.
    pub fn remove(&mut self, namespace: &str, name: &str) -> bool {
        let own = format!("{namespace}/{name}");
        self.unreadable.remove(&own);
        let n_before = self.configs.len() + self.injectors.len();
        self.configs.retain(|_, config| config.name != own);
        self.injectors
            .retain(|_, (_, injector)| injector.name != own);
        self.configs.len() + self.injectors.len() < n_before
    }

    /// Takes in what tags all injection webhooks stand for, in place of what was known.
    pub fn set_webhooks<'a>(&mut self, all: impl Iterator<Item = &'a Metadata>) {
        self.tags.clear();
        all.for_each(|metadata| self.apply_webhook(metadata));
    }

    /// Takes in what tag an injection webhook stands for.
    pub fn apply_webhook(&mut self, metadata: &Metadata) {
        let label = |name: &str| metadata.labels.get(name).cloned();
        if let (Some(tag), Some(revision)) = (label("istio.io/tag"), label("istio.io/rev")) {
            self.tags.insert(tag, revision);
        }
    }

    /// Whether the last state of some ConfigMap cannot be read.
    pub fn is_unreadable(&self) -> bool {
        !self.unreadable.is_empty()
    }

    /// The revision that a revision's or a tag's name stands for.
    fn revision<'a>(&'a self, name: &'a str) -> &'a str {
        let named = if name.is_empty() { "default" } else { name };
        self.tags
            .get(named)
            .map_or(canonical(name), |revision| canonical(revision))
    }

    /// A revision's own, or the only one there is for one that is not known (a tag, perhaps).
    fn of<'a, T>(&'a self, all: &'a HashMap<String, T>, revision: &str) -> Option<&'a T> {
        let only = || {
            if all.len() == 1 {
                all.values().next()
            } else {
                None
            }
        };
        let own = all.get(canonical(revision));
        own.or_else(|| all.get(self.revision(revision)))
            .or_else(only)
    }

    /// The mesh configuration of a revision.
    pub fn config(&self, revision: &str) -> Option<&MeshConfig> {
        self.of(&self.configs, revision).map(|config| &config.mesh)
    }

    /// The policy of a revision.
    pub fn policy(&self, revision: &str) -> Option<Policy> {
        self.of(&self.configs, revision)?.policy
    }

    /// The object that says so, for people.
    pub fn config_name(&self, revision: &str) -> Option<String> {
        let config = self.of(&self.configs, revision)?;
        Some(format!("ConfigMap {}", config.name))
    }

    /// Every injector by its revision, the default one (empty) first.
    pub fn injectors(&self) -> Vec<(&str, &Injector)> {
        let all = self.injectors.iter();
        let mut all: Vec<_> = all
            .map(|(revision, (_, injector))| (revision.as_str(), injector))
            .collect();
        all.sort_by_key(|(revision, _)| *revision);
        all
    }

    /// The injector of a revision.
    pub fn injector(&self, revision: &str) -> Option<&Injector> {
        self.of(&self.injectors, revision)
            .map(|(_, injector)| injector)
    }
}

/// Whether what is known from one namespace stays when another has it, too.
fn outranks(known: &str, other: &str) -> bool {
    known == ROOT_NAMESPACE && other != ROOT_NAMESPACE
}

/// The suffix of a ConfigMap's name that is a revision.
pub fn revision_of<'a>(name: &'a str, base: &str) -> Option<&'a str> {
    let rest = name.strip_prefix(base)?;
    if rest.is_empty() {
        return Some("");
    }
    rest.strip_prefix('-')
}

/// Istio names the default revision's objects without a suffix.
pub fn canonical(revision: &str) -> &str {
    if revision == "default" { "" } else { revision }
}

/// ALLOW_ANY is Istio's default since 1.1 (`pkg/config/mesh/mesh.go`).
pub fn policy(mode: Option<&str>) -> Result<Policy, String> {
    match mode {
        None | Some("ALLOW_ANY" | "ALLOW_ANY_DYNAMIC_DNS") => Ok(Policy::AllowAny),
        Some("REGISTRY_ONLY") => Ok(Policy::RegistryOnly),
        Some(other) => Err(format!(
            "outboundTrafficPolicy.mode: unknown value `{other}`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config_map(name: &str, namespace: &str, key: &str, text: &str) -> ConfigMap {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": namespace},
            "data": {key: text},
        }))
        .unwrap()
    }

    fn mesh_of(name: &str, text: &str) -> ConfigMap {
        config_map(name, ROOT_NAMESPACE, "mesh", text)
    }

    const STRICT: &str = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}";

    #[test]
    fn each_revision_has_its_policy() {
        let mut mesh = Mesh::default();
        assert!(mesh.apply(&mesh_of("istio", "accessLogFile: /dev/stdout\n")));
        assert!(mesh.apply(&mesh_of("istio-1-27", STRICT)));
        assert!(!mesh.apply(&mesh_of("other", STRICT)));
        assert_eq!(mesh.policy(""), Some(Policy::AllowAny));
        assert_eq!(mesh.policy("default"), Some(Policy::AllowAny));
        assert_eq!(mesh.policy("1-27"), Some(Policy::RegistryOnly));
        assert_eq!(mesh.policy("canary"), None);
    }

    #[test]
    fn a_tag_stands_for_its_revision() {
        let mut mesh = Mesh::default();
        mesh.apply(&mesh_of("istio", ""));
        mesh.apply(&mesh_of("istio-1-27", STRICT));
        let labels = json!({"istio.io/tag": "prod", "istio.io/rev": "1-27"});
        mesh.apply_webhook(&serde_json::from_value(json!({"labels": labels})).unwrap());
        assert_eq!(mesh.policy("prod"), Some(Policy::RegistryOnly));
    }

    #[test]
    fn an_unknown_mode_is_no_policy() {
        let mut mesh = Mesh::default();
        mesh.apply(&mesh_of("istio", "outboundTrafficPolicy: {mode: DENY}"));
        assert_eq!(mesh.policy(""), None);
    }

    #[test]
    fn a_config_map_of_the_same_name_elsewhere_does_not_count() {
        let mut mesh = Mesh::default();
        mesh.apply(&mesh_of("istio", STRICT));
        mesh.apply(&config_map("istio", "shop", "mesh", ""));
        assert_eq!(mesh.policy(""), Some(Policy::RegistryOnly));
    }

    #[test]
    fn absent_values_are_the_charts_and_empty_ones_are_empty() {
        let values = |text: &str| {
            let mut mesh = Mesh::default();
            let map = config_map("istio-sidecar-injector", ROOT_NAMESPACE, "values", text);
            assert!(mesh.apply(&map));
            mesh.injector("").unwrap().values.global.proxy.clone()
        };
        assert_eq!(values("{}").include_ip_ranges, "*");
        assert_eq!(
            values(r#"{"global":{"proxy":{"includeIPRanges":""}}}"#).include_ip_ranges,
            ""
        );
        let number = values(r#"{"global":{"proxy":{"excludeOutboundPorts":443}}}"#);
        assert_eq!(number.exclude_outbound_ports, "443");
    }

    #[test]
    fn selectors_select_by_labels_and_expressions() {
        let selector = |value| serde_json::from_value::<LabelSelector>(value).unwrap();
        let labels = BTreeMap::from([("app".to_owned(), "a".to_owned())]);
        assert!(selector(json!({"matchLabels": {"app": "a"}})).selects(&labels));
        assert!(!selector(json!({})).selects(&labels));
        let expression = |operator: &str, values: &[&str]| {
            let requirement = json!({"key": "app", "operator": operator, "values": values});
            selector(json!({"matchExpressions": [requirement]})).selects(&labels)
        };
        assert!(expression("In", &["a", "b"]));
        assert!(!expression("NotIn", &["a", "b"]));
        assert!(expression("Exists", &[]));
        assert!(!expression("DoesNotExist", &[]));
    }
}
