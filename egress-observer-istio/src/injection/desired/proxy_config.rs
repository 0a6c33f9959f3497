//! The `ProxyConfig` of a pod to be made (`pilot/pkg/model/proxy_config.go`).

use crate::{
    injection::{names::PROXY_CONFIG, pod_to_be::PodToBe},
    mesh::{ProxyConfigText, ROOT_NAMESPACE},
    objects::ProxyConfig,
    protojson::Refused,
};

/// `ProxyConfig` comes from the mesh, from objects and from the annotation, the lowest first
/// (`pilot/pkg/model/proxy_config.go`).
pub(super) fn proxy_config(pod: &PodToBe<'_>, revision: &str) -> Result<ProxyConfigText, Refused> {
    let mesh = pod.today.mesh.config(revision);
    let mut config = mesh
        .map(|mesh| mesh.default_config.clone())
        .unwrap_or_default();
    let root = mesh.map_or("", |mesh| mesh.root_namespace.as_str());
    let root = if root.is_empty() {
        ROOT_NAMESPACE
    } else {
        root
    };
    for (namespace, selected) in [(root, false), (pod.namespace, false)] {
        extend(&mut config, pod, namespace, selected);
    }
    if let Some(text) = pod.annotation(PROXY_CONFIG) {
        let own = ProxyConfigText::read(text)?;
        config.interception_mode = own.interception_mode.or(config.interception_mode);
        config.proxy_metadata.extend(own.proxy_metadata);
    }
    extend(&mut config, pod, pod.namespace, true);
    Ok(config)
}

/// Takes in the variables of a namespace's objects: of those that select the pod, or of those that
/// select none.
fn extend(config: &mut ProxyConfigText, pod: &PodToBe<'_>, namespace: &str, selected: bool) {
    for object in pod.today.proxy_configs {
        if object.metadata.namespace == namespace && counts(object, pod, selected) {
            let variables = object.spec.environment_variables.clone();
            config.proxy_metadata.extend(variables);
        }
    }
}

fn counts(object: &ProxyConfig, pod: &PodToBe<'_>, selected: bool) -> bool {
    let selector = object.spec.selector.as_ref();
    match selector.map(|selector| &selector.match_labels) {
        Some(labels) if !labels.is_empty() => {
            let mut labels = labels.iter();
            selected && labels.all(|(key, value)| pod.metadata.labels.get(key) == Some(value))
        }
        Some(_) | None => !selected,
    }
}
