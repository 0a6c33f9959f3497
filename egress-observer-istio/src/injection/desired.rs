//! What today's configuration would set up for a pod if it were made anew.
//!
//! The injector decides by labels (`pkg/kube/inject/inject.go` `injectRequired`, and the selectors
//! of its webhooks) and renders a template (`manifests/charts/istio-control/istio-discovery/files/
//! injection-template.yaml`): annotations replace the mesh's values, also with empty text.

mod lists;
mod proxy_config;
mod rendered;
mod rules;

use std::net::IpAddr;

use self::{rendered::rendered, rules::version};
pub(crate) use super::today::Today;
use super::{
    applied::applied,
    identity::namespace,
    names::{INIT, INJECT, PROXY, STATUS, VALIDATION},
    pod_to_be::PodToBe,
    policy::{AmbientLabel, Injection},
    setup::Setup,
    spec::{container, not_a_sidecar},
};
use crate::{
    objects::{PodObject, PodStatus, PodTemplate},
    vocabulary::Reason,
};

/// What would be set up for the pod, and what labels ask for at once: by its workload's template, where that is known, else by the
/// pod itself. Under the CNI plugin the injector writes its own values into a pod's annotations:
/// without the template, one that is not today's value may be an order or a leftover, and what
/// would be set up is not known.
pub(super) fn desired(
    pod: &PodObject,
    was_applied: &Setup,
    ips: &[IpAddr],
    template: Option<&PodTemplate>,
    today: Today<'_>,
) -> (Setup, AmbientNow) {
    let (metadata, spec) = match template {
        Some(template) => (&template.metadata, &template.spec),
        None => (&pod.metadata, &pod.spec),
    };
    let namespace = namespace(&pod.metadata.namespace);
    let to_be = PodToBe {
        metadata,
        spec,
        namespace: &namespace,
        labels: today.namespaces.get(&*namespace),
        from_template: template.is_some(),
        applied: was_applied,
        ips,
        today,
    };
    // Its own labels, and not those of its successor, count at once.
    let running = PodToBe {
        metadata: &pod.metadata,
        spec: &pod.spec,
        from_template: false,
        ..to_be
    };
    let now = AmbientNow {
        label: running.ambient_label(),
        setup: running.ambient(),
    };
    (setup(&to_be), now)
}

/// `AmbientNow` is what labels say about a running pod and ambient mode, which needs no restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmbientNow {
    /// What the labels of the pod and of its namespace say.
    pub label: AmbientLabel,
    /// The setup that the labels ask for; `None` if they do not ask for ambient mode.
    pub setup: Option<Setup>,
}

/// Whoever would inject the pod says what would be set up.
fn setup(pod: &PodToBe<'_>) -> Setup {
    if pod.spec.host_network {
        return Setup::outside(Reason::HostNetwork, "spec.hostNetwork: true");
    }
    let (revision, because) = match pod.injection() {
        Injection::Yes(revision, because) => (revision, because),
        Injection::Unknown(missing) => {
            return injected_already(pod, missing);
        }
        Injection::No(because, said) => return not_injected(pod, because, said),
    };
    let mesh = pod.today.mesh;
    let Some(injector) = mesh.injector(&revision) else {
        return match mesh.injector_refused(&revision) {
            Some(refused) => Setup::in_doubt(Reason::ConfigRefused, &refused),
            None => {
                let wanted = mesh.wanted_injector(&revision);
                injected_already(pod, &format!("the ConfigMap {wanted}"))
            }
        };
    };
    if let Some(because) = pod.refused(injector, version(pod, injector)) {
        return not_injected(pod, because, true);
    }
    let mut setup = rendered(pod, injector, &revision);
    // No news to a pod that has a sidecar.
    if pod.applied.config().is_none() {
        setup.notes.push(format!("injected because of {because}"));
    }
    setup
}

/// A pod of which something that would tell is not there. A template that was injected already
/// (`istioctl kube-inject`) tells it itself where neither its Namespace nor an injector is given, as long
/// as no webhook injects it anew (`stripPod` in `pkg/kube/inject/inject.go`), which is said.
fn injected_already(pod: &PodToBe<'_>, missing: &str) -> Setup {
    let asks = pod.label(INJECT) == Some("true");
    if !pod.from_template || pod.labels.is_some() || asks || !has_been_injected(pod) {
        return Setup::not_synced(format!("not known without {missing}"));
    }
    let own = with_its_own_proxy(pod, "injected already");
    let mut own = own.unwrap_or_else(|| {
        let source = format!("annotation {STATUS}, and no container {PROXY}");
        Setup::outside(Reason::NoSidecar, source)
    });
    own.notes.push(format!(
        "rests on this: its template is injected already, as by istioctl kube-inject, and no webhook \
         injects it anew; the Namespace {}, which is not given, would tell",
        pod.namespace
    ));
    own
}

/// Whether the injector has been at a template: its annotation, or, as it writes a CronJob's to the Job
/// (`IntoObject` in `pkg/kube/inject/inject.go`), a container of its own with arguments. One without is a
/// placeholder for what it will add.
fn has_been_injected(pod: &PodToBe<'_>) -> bool {
    let mut own = [INIT, VALIDATION].iter();
    pod.annotation(STATUS).is_some()
        || own.any(|name| container(pod.spec, name).is_some_and(|own| !own.args.is_empty()))
}

/// A pod that nobody injects; `said` if somebody said so.
fn not_injected(pod: &PodToBe<'_>, because: String, said: bool) -> Setup {
    if let Some(own) = with_its_own_proxy(pod, &because) {
        return own;
    }
    if let Some(ambient) = pod.ambient() {
        return ambient;
    }
    let reason = if said {
        Reason::InjectionDisabled
    } else {
        Reason::NoSidecar
    };
    Setup::outside(reason, because)
}

/// A pod that is not injected and has a proxy all the same: a gateway, or injected by hand
/// (`istioctl kube-inject`). Its template is the truth; without one, a sidecar may have come
/// from the injector of another day.
fn with_its_own_proxy(pod: &PodToBe<'_>, because: &str) -> Option<Setup> {
    let proxy = container(pod.spec, PROXY)?;
    if let Some(source) = not_a_sidecar(proxy) {
        return Some(Setup::not_redirected(source));
    }
    if !pod.from_template {
        return Some(Setup::not_synced(format!(
            "{because}, and its sidecar may be its own: not known without its template"
        )));
    }
    let object = PodObject {
        metadata: pod.metadata.clone(),
        spec: pod.spec.clone(),
        status: PodStatus::default(),
    };
    Some(applied(&object, pod.ips, pod.today))
}
