//! Istio and IstioRevision of the Sail operator (`sailoperator.io`): Helm values with a version and a
//! namespace.

use serde_json::Value;

use super::{
    FieldPaths, Installation, InstallationError, InstallationKind, fields, merge, text,
    with_profile,
};

const PATHS: FieldPaths = FieldPaths {
    mesh: "spec.values.meshConfig",
    values: "spec.values",
};

/// Reads one. An Istio makes an IstioRevision of its own name, or with the strategy RevisionBased one
/// for each version (`getActiveRevisionName` in `controllers/istio/istio_controller.go` of
/// istio-ecosystem/sail-operator); the revision `default` is the one without a name.
pub(super) fn read(is_istio: bool, object: &Value) -> Result<Installation, InstallationError> {
    let spec = fields("spec", object.get("spec"))?;
    let mut values = fields("spec.values", spec.get("values"))?;
    let own = name(object);
    let version = text(spec.get("version"));
    let strategy = text(merge::at(&spec, &["updateStrategy", "type"]));
    let revision = match (is_istio && strategy == Some("RevisionBased"), version) {
        (false, _) => own.clone(),
        (true, Some(version)) => format!("{own}-{}", version.replace('.', "-")),
        (true, None) => {
            return Err(InstallationError::wrong(
                "spec.version",
                &Value::Null,
                "a version, such as v1.27.0, of which the revision has its name",
            ));
        }
    };
    merge::set_default(&mut values, &["revision"], revision.into());
    if let Some(namespace) = spec.get("namespace") {
        merge::set_default(
            &mut values,
            &["global", "istioNamespace"],
            namespace.clone(),
        );
    }
    if let Some(version) = version {
        let tag = version.strip_prefix('v').unwrap_or(version);
        merge::set_default(&mut values, &["global", "tag"], tag.into());
    }
    let of = InstallationKind {
        kind: if is_istio { "Istio" } else { "IstioRevision" },
        name: own,
    };
    with_profile(of, (PATHS, "spec.profile"), spec.get("profile"), values)
}

/// An object's own name.
pub(super) fn name(object: &Value) -> String {
    let name = object
        .get("metadata")
        .and_then(|metadata| metadata.get("name"));
    text(name).unwrap_or_default().to_owned()
}
