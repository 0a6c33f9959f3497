//! What the injector's template renders for a pod to be made, and what is made of it.

use super::{
    lists::{Chosen, lists},
    proxy_config::proxy_config,
    rules::{by_cni as by_cni_plugin, by_init},
};
use crate::{
    injection::{
        names::{INTERCEPTION_MODE, TEMPLATES},
        pod_to_be::PodToBe,
        setup::{Injected, Setup},
    },
    mesh::Injector,
};

/// What the template renders, and what is made of it.
pub(super) fn rendered(pod: &PodToBe<'_>, injector: &Injector, revision: &str) -> Setup {
    let source = format!("ConfigMap {}", injector.name);
    let templates = pod.annotation(TEMPLATES).unwrap_or("sidecar");
    let mut templates = templates.split(',').map(str::trim);
    if let Some(other) = templates.find(|name| *name == "gateway" || name.starts_with("grpc-")) {
        let because = format!("annotation {TEMPLATES}: the template {other} redirects nothing");
        return Setup::not_redirected(because);
    }
    let config = match proxy_config(pod, revision) {
        Ok(config) => config,
        Err(problem) => return Setup::unreadable(source, &problem),
    };
    let cni = injector.values.pilot.cni.enabled || injector.values.istio_cni.enabled;
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
    if let Some(problem) = values.iter().find_map(Chosen::refused) {
        let refused = format!("the injector refuses the pod: {problem}");
        return Setup::unreadable(source, &refused);
    }
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
