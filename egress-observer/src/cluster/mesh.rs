//! Istio's mesh configuration, from the ConfigMaps `istio` and `istio-<revision>`.

use std::collections::HashMap;

use serde::Deserialize;
use tracing::warn;

use super::objects::ConfigMap;
use crate::model::Policy;

/// `MeshConfig`, as far as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MeshConfig {
    outbound_traffic_policy: OutboundTrafficPolicy,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OutboundTrafficPolicy {
    mode: Option<String>,
}

/// The policies of all revisions.
#[derive(Debug, Default)]
pub(crate) struct MeshConfigs {
    /// By revision; the default one is the empty string.
    policy_by_revision: HashMap<String, Policy>,
}

impl MeshConfigs {
    /// Takes a ConfigMap in, if it is one of Istio's. A mesh configuration that cannot be read is
    /// named in the log, and its policy is not known.
    pub(crate) fn apply(&mut self, object: &ConfigMap) -> bool {
        let name = object.metadata.name.as_str();
        if name.starts_with("istio-sidecar-injector") {
            return true;
        }
        let Some(revision) = (name == "istio")
            .then_some("")
            .or_else(|| name.strip_prefix("istio-"))
        else {
            return false;
        };
        let Some(text) = object.data.get("mesh") else {
            return false;
        };
        match policy(text) {
            Ok(policy) => {
                self.policy_by_revision
                    .insert(canonical(revision).to_owned(), policy);
            }
            Err(problem) => {
                warn!(config_map = name, key = "mesh", %problem, "policy not known");
            }
        }
        true
    }

    /// The policy of a revision. An unknown revision (a tag, perhaps) stands for the only one
    /// there is.
    pub(crate) fn policy(&self, revision: &str) -> Option<Policy> {
        let policies = &self.policy_by_revision;
        match (policies.get(canonical(revision)), policies.len()) {
            (Some(policy), _) => Some(*policy),
            (None, 1) => policies.values().next().copied(),
            (None, _) => None,
        }
    }
}

/// Istio names the default revision's objects without a suffix.
fn canonical(revision: &str) -> &str {
    if revision == "default" { "" } else { revision }
}

/// ALLOW_ANY is Istio's default since 1.1 (`pkg/config/mesh/mesh.go`).
fn policy(text: &str) -> Result<Policy, String> {
    let mesh: MeshConfig = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    match mesh.outbound_traffic_policy.mode.as_deref() {
        None | Some("ALLOW_ANY" | "ALLOW_ANY_DYNAMIC_DNS") => Ok(Policy::AllowAny),
        Some("REGISTRY_ONLY") => Ok(Policy::RegistryOnly),
        Some(other) => Err(format!(
            "outboundTrafficPolicy.mode: unknown value `{other}`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config_map(name: &str, mesh: &str) -> ConfigMap {
        serde_json::from_value(serde_json::json!({
            "metadata": {"name": name, "namespace": "istio-system"},
            "data": {"mesh": mesh},
        }))
        .unwrap()
    }

    #[test]
    fn each_revision_has_its_policy() {
        let mut mesh = MeshConfigs::default();
        assert!(mesh.apply(&config_map("istio", "accessLogFile: /dev/stdout\n")));
        let strict = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}";
        assert!(mesh.apply(&config_map("istio-1-27", strict)));
        assert!(!mesh.apply(&config_map("other", strict)));
        assert_eq!(mesh.policy(""), Some(Policy::AllowAny));
        assert_eq!(mesh.policy("default"), Some(Policy::AllowAny));
        assert_eq!(mesh.policy("1-27"), Some(Policy::RegistryOnly));
        assert_eq!(mesh.policy("canary"), None);
    }

    #[test]
    fn an_unknown_mode_is_no_policy() {
        let mut mesh = MeshConfigs::default();
        mesh.apply(&config_map("istio", "outboundTrafficPolicy: {mode: DENY}"));
        assert_eq!(mesh.policy(""), None);
    }
}
