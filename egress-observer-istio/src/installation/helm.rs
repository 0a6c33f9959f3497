//! Helm values of the chart istiod.

use serde_json::{Map, Value};

use super::{
    FieldPaths, Installation, InstallationError, InstallationKind, fields, merge, with_profile,
};

const PATHS: FieldPaths = FieldPaths {
    mesh: "meshConfig",
    values: "",
};

/// What tells values of istiod from others.
const KNOWN: [&str; 11] = [
    "meshConfig",
    "global",
    "pilot",
    "sidecarInjectorWebhook",
    "revision",
    "istio_cni",
    "env",
    "cni",
    "profile",
    "defaults",
    "_internal_defaults_do_not_set",
];

/// Fields of a mesh configuration that stand where values should.
const MESH: [&str; 3] = [
    "outboundTrafficPolicy",
    "defaultConfig",
    "discoverySelectors",
];

/// Reads values, also those of a chart that has istiod as a dependency.
pub(super) fn read(document: &Value) -> Result<Installation, InstallationError> {
    let values = &fields("the document", Some(document))?;
    let is_known = KNOWN.iter().any(|name| values.contains_key(*name));
    let values = match values.get("istiod") {
        Some(Value::Object(below)) if !is_known => below,
        _ if is_known => values,
        _ => return Err(something_else(values)),
    };
    let mut values = values.clone();
    descope(&mut values);
    fields("global", values.get("global"))?;
    let of = InstallationKind {
        kind: "Helm values",
        name: String::new(),
    };
    with_profile(of, (PATHS, "profile"), None, values)
}

fn something_else(values: &Map<String, Value>) -> InstallationError {
    let fix = if MESH.iter().any(|name| values.contains_key(*name)) {
        "indent them below `meshConfig:`"
    } else {
        "give a file with meshConfig, global, pilot or sidecarInjectorWebhook, as `helm get values` prints it"
    };
    let names: Vec<&str> = values.keys().take(3).map(String::as_str).collect();
    let found = match names[..] {
        [] => "an empty document".to_owned(),
        _ => format!("fields {}", names.join(", ")),
    };
    InstallationError::SomethingElse { found, fix }
}

/// From 1.24 on the chart's own values stand at the top, and those below `pilot` count there, too
/// (`templates/zzy_descope_legacy.yaml`). Here they are all below `pilot`, as before.
fn descope(values: &mut Map<String, Value>) {
    let mut own = Map::new();
    for name in ["cni", "env"] {
        if let Some(value) = values.get(name) {
            own.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(Value::Object(pilot)) = values.get("pilot") {
        merge::over(&mut own, pilot);
    } else if values.get("pilot").is_some_and(|pilot| !pilot.is_null()) {
        return;
    }
    values.insert("pilot".to_owned(), Value::Object(own));
}
