//! What Istio refuses in a mesh configuration whose types are right
//! (`pkg/config/validation/agent/validation.go` `ValidateMeshConfig`,
//! `ValidateMeshConfigProxyConfig`), as far as it is about ports and about words that must not be empty.

use serde_json::{Map, Value};

use crate::{objects::fields::shown, protojson::Refused};

const PORT: &str = "a port from 1 to 65535";
const NOT_EMPTY: &str = "a word: Istio needs one there";

/// `proxyListenPort`, and what proxies have.
pub(super) fn validate_mesh(fields: &Map<String, Value>) -> Result<(), Refused> {
    port(fields, "", "proxyListenPort")?;
    match fields.get("defaultConfig") {
        Some(Value::Object(proxy)) => validate_proxy(proxy, "defaultConfig."),
        Some(_) | None => Ok(()),
    }
}

/// The same of a `ProxyConfig`, which stands at this place.
pub(super) fn validate_proxy(fields: &Map<String, Value>, place: &str) -> Result<(), Refused> {
    for name in ["proxyAdminPort", "statusPort"] {
        port(fields, place, name)?;
    }
    for name in [
        "configPath",
        "binaryPath",
        "discoveryAddress",
        "serviceCluster",
    ] {
        let value = fields.get(name);
        if value.and_then(Value::as_str) == Some("") {
            return Err(refused(place, name, value, NOT_EMPTY));
        }
    }
    Ok(())
}

fn port(fields: &Map<String, Value>, place: &str, name: &str) -> Result<(), Refused> {
    match fields.get(name) {
        Some(value)
            if !value
                .as_i64()
                .is_some_and(|port| (1..=65_535).contains(&port)) =>
        {
            Err(refused(place, name, Some(value), PORT))
        }
        Some(_) | None => Ok(()),
    }
}

fn refused(place: &str, name: &str, value: Option<&Value>, expected: &'static str) -> Refused {
    Refused::Field {
        field: format!("{place}{name}"),
        value: shown(value),
        expected,
    }
}
