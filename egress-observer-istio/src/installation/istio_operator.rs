//! IstioOperator, as istioctl reads it (`operator/pkg/render/manifest.go`).

use serde_json::{Map, Value, json};

use super::{
    FieldPaths, Installation, InstallationError, InstallationKind, fields, merge, text,
    with_profile,
};

const PATHS: FieldPaths = FieldPaths {
    mesh: "spec.meshConfig",
    values: "spec.values",
};

/// Reads one; nothing where it installs no istiod, as those for gateways alone.
pub(super) fn read(object: &Value) -> Result<Option<Installation>, InstallationError> {
    let spec = fields("spec", object.get("spec"))?;
    let enabled = merge::at(&spec, &["components", "pilot", "enabled"]);
    let is_empty = text(spec.get("profile")) == Some("empty");
    if enabled.and_then(Value::as_bool) == Some(false) || enabled.is_none() && is_empty {
        return Ok(None);
    }
    let mut values = fields("spec.values", spec.get("values"))?;
    let unvalidated = fields("spec.unvalidatedValues", spec.get("unvalidatedValues"))?;
    merge::over(&mut values, &unvalidated);
    let mesh = fields("spec.meshConfig", spec.get("meshConfig"))?;
    if !mesh.is_empty() {
        let own = Map::from_iter([("meshConfig".to_owned(), Value::Object(mesh))]);
        merge::over(&mut values, &own);
    }
    let mut moved = Map::new();
    for (from, to) in [
        ("revision", &["revision"][..]),
        ("namespace", &["global", "istioNamespace"]),
        ("tag", &["global", "tag"]),
    ] {
        if let Some(value) = spec.get(from) {
            merge::set_default(&mut moved, to, value.clone());
        }
    }
    let cni = merge::at(&spec, &["components", "cni", "enabled"]);
    if let Some(cni) = cni.and_then(Value::as_bool) {
        merge::set_default(&mut moved, &["pilot", "cni", "enabled"], json!(cni));
    }
    for (name, value) in environment(&spec) {
        merge::set_default(&mut moved, &["pilot", "env", name], json!(value));
    }
    merge::over(&mut values, &moved);
    let of = InstallationKind {
        kind: "IstioOperator",
        name: super::sail::name(object),
    };
    let profile = spec.get("profile");
    with_profile(of, (PATHS, "spec.profile"), profile, values).map(Some)
}

/// istiod's environment, as far as it is written out.
fn environment(spec: &Map<String, Value>) -> impl Iterator<Item = (&str, &str)> {
    let env = merge::at(spec, &["components", "pilot", "k8s", "env"]);
    let env = env.and_then(Value::as_array).into_iter().flatten();
    env.filter_map(|one| Some((one.get("name")?.as_str()?, one.get("value")?.as_str()?)))
}
