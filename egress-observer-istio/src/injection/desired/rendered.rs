//! What the injector's template renders for a pod to be made, and what is made of it.

use super::{
    lists::lists,
    proxy_config::proxy_config,
    rules::{by_cni as by_cni_plugin, by_init, version},
};
use crate::{
    injection::{
        annotations,
        names::{INTERCEPTION_MODE, TEMPLATES},
        pod_to_be::PodToBe,
        setup::{Injected, Setup},
    },
    mesh::Injector,
};

/// What the template renders, and what is made of it.
pub(super) fn rendered(pod: &PodToBe<'_>, injector: &Injector, revision: &str) -> Setup {
    let source = format!("ConfigMap {}", injector.name);
    let annotations = &pod.metadata.annotations;
    if let Some((key, problem)) = annotations::refused(annotations, version(pod, injector)) {
        let refused = format!("the injector refuses the pod: annotation {key}: {problem}");
        return Setup::unreadable(source, &refused);
    }
    let templates = pod.annotation(TEMPLATES).unwrap_or("sidecar");
    let mut templates = templates.split(',').map(str::trim);
    if let Some(other) = templates.find(|name| *name == "gateway" || name.starts_with("grpc-")) {
        let because = format!("annotation {TEMPLATES}: the template {other} redirects nothing");
        return Setup::not_redirected(because);
    }
    if let Some(doubt) = pod.today.mesh.doubt(revision) {
        return Setup::in_doubt(doubt.reason, &doubt.text);
    }
    let config = match proxy_config(pod, revision) {
        Ok(config) => config,
        Err(problem) => return Setup::unreadable(source, &problem),
    };
    let cni = injector.values.by_cni();
    let by_cni = cni || pod.was_by_cni();
    // The injector itself writes this annotation for the CNI plugin.
    let own_mode = pod
        .annotation(INTERCEPTION_MODE)
        .filter(|_| !pod.may_be_written(by_cni));
    let mode = own_mode
        .or(config.interception_mode.as_deref())
        .unwrap_or("REDIRECT");
    if mode == "NONE" {
        return Setup::not_redirected("interceptionMode NONE");
    }
    let values = match lists(pod, injector, by_cni) {
        Ok(values) => values,
        Err(setup) => return *setup,
    };
    let metadata = &config.proxy_metadata;
    let made = if cni {
        by_cni_plugin(pod, injector, &values, metadata)
    } else {
        by_init(pod, injector, revision, &values, metadata)
    };
    match made {
        Ok(setup) => {
            let origins = values
                .into_iter()
                .map(|value| (value.setting, value.origin));
            Setup {
                origins: origins.collect(),
                injected: Some(Injected {
                    revision: revision.to_owned(),
                    by_cni: cni,
                }),
                source,
                ..setup
            }
        }
        Err(problem) => Setup::unreadable(source, &problem),
    }
}
