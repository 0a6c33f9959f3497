//! Profiles: what one changes of the values that are read
//! (`manifests/charts/istio-control/istio-discovery/files/profile-*.yaml`; up to 1.21, and for what
//! istioctl installs beside istiod, `manifests/profiles`).

use serde_json::{Map, Value, json};

use super::{InstallationError, merge, text};

/// All that Istio has, `external` and `openshift-ambient` in some versions only.
pub(super) const NAMES: [&str; 11] = [
    "default",
    "ambient",
    "demo",
    "empty",
    "external",
    "minimal",
    "openshift",
    "openshift-ambient",
    "preview",
    "remote",
    "stable",
];

/// The values of an installation's profile and platform. `with_cni` says that a profile's other
/// components are installed, too: istioctl then tells istiod of the CNI plugin
/// (`operator/pkg/render/manifest.go`).
pub(super) fn values(
    field: &'static str,
    given: Option<&Value>,
    user: &Map<String, Value>,
    with_cni: bool,
) -> Result<Map<String, Value>, InstallationError> {
    let own = text(given).or_else(|| text(user.get("profile")));
    let name = own.or_else(|| text(merge::at(user, &["global", "profile"])));
    let name = name.unwrap_or("default");
    if !NAMES.contains(&name) {
        return Err(InstallationError::Profile {
            field,
            name: name.to_owned(),
        });
    }
    if ["remote", "external"].contains(&name) {
        return Err(InstallationError::Remote {
            field,
            name: name.to_owned(),
        });
    }
    let platform =
        text(user.get("platform")).or_else(|| text(merge::at(user, &["global", "platform"])));
    let is_ambient = ["ambient", "openshift-ambient"].contains(&name);
    let on_openshift =
        ["openshift", "openshift-ambient"].contains(&name) || platform == Some("openshift");
    let mut values = Map::new();
    let metadata = ["meshConfig", "defaultConfig", "proxyMetadata"];
    if is_ambient {
        merge::set_default(
            &mut values,
            &[&metadata[..], &["ISTIO_META_ENABLE_HBONE"]].concat(),
            json!("true"),
        );
    }
    if name == "preview" {
        merge::set_default(
            &mut values,
            &[&metadata[..], &["ISTIO_META_DNS_CAPTURE"]].concat(),
            json!("true"),
        );
    }
    if on_openshift || is_ambient && with_cni {
        merge::set_default(&mut values, &["pilot", "cni", "enabled"], json!(true));
    }
    if on_openshift {
        merge::set_default(&mut values, &["global", "platform"], json!("openshift"));
    }
    Ok(values)
}
