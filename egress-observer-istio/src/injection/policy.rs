//! Whether a pod would be injected, and by which revision: the labels that the webhooks, the injector
//! and istio-cni look at.

use std::collections::BTreeMap;

use crate::{
    injection::{
        names::{INJECT, STATUS},
        pod_to_be::PodToBe,
        setup::{Membership, Setup},
        spec::ambient_config,
    },
    mesh::{Injector, LabelSelector},
    rules::flags,
};

/// Namespaces that are never injected.
const NEVER: [&str; 4] = [
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "local-path-storage",
];
const INJECTION: &str = "istio-injection";
const REVISION: &str = "istio.io/rev";
const DATAPLANE_MODE: &str = "istio.io/dataplane-mode";

/// `Injection` says whether and by whom a pod is injected.
pub(super) enum Injection {
    /// By this revision's (or tag's) injector, because of this.
    Yes(String, String),
    /// No, because of this; `true` if somebody said so.
    No(String, bool),
    /// Not to be told without this.
    Unknown(&'static str),
}

impl PodToBe<'_> {
    /// The webhooks' selectors (`manifests/charts/istio-control/istio-discovery/templates/
    /// mutatingwebhook.yaml`).
    pub(super) fn injection(&self) -> Injection {
        if NEVER.contains(&self.namespace) {
            return Injection::No(
                format!("namespace {}: never injected", self.namespace),
                true,
            );
        }
        // The label wins over the annotation.
        let inject = self.label(INJECT).or(self.annotation(INJECT));
        if inject.and_then(flags::parse_bool) == Some(false) {
            return Injection::No(format!("{INJECT} is false"), true);
        }
        let inject = self.label(INJECT) == Some("true");
        let Some(namespace) = self.labels else {
            return self.injection_in_unknown_namespace(inject);
        };
        let labels = &namespace.labels;
        let injection = labels.get(INJECTION).map(String::as_str);
        match (injection, labels.get(REVISION)) {
            (Some("enabled"), _) => Injection::Yes(
                String::new(),
                format!("label {INJECTION}=enabled of namespace {}", self.namespace),
            ),
            (Some(other), _) => {
                let label = format!("label {INJECTION}={other} of namespace {}", self.namespace);
                Injection::No(label, true)
            }
            (None, Some(revision)) => Injection::Yes(
                revision.clone(),
                format!(
                    "label {REVISION}={revision} of namespace {}",
                    self.namespace
                ),
            ),
            (None, None) => match self.label(REVISION) {
                Some(revision) => {
                    Injection::Yes(revision.to_owned(), format!("label {REVISION}={revision}"))
                }
                None if inject => Injection::Yes(String::new(), format!("label {INJECT}=true")),
                None => self.by_default(),
            },
        }
    }

    /// Namespaces without a label.
    fn by_default(&self) -> Injection {
        let default = self.today.mesh.injector("");
        if default.is_some_and(|injector| {
            let webhook = injector.values.sidecar_injector_webhook;
            webhook.enable_namespaces_by_default
        }) {
            let because = "sidecarInjectorWebhook.enableNamespacesByDefault".to_owned();
            return Injection::Yes(String::new(), because);
        }
        let because = format!(
            "namespace {} has neither label {INJECTION} nor {REVISION}",
            self.namespace
        );
        Injection::No(because, false)
    }

    /// What was injected once is taken to be injected again.
    fn injection_in_unknown_namespace(&self, inject: bool) -> Injection {
        let injected = match self.applied.membership {
            Membership::Sidecar(_) | Membership::NotRedirected | Membership::Unknown(_) => true,
            Membership::Ambient(_) | Membership::Outside(_) => false,
        };
        let revision = self
            .label(REVISION)
            .or(self.annotation(REVISION))
            .unwrap_or_default();
        if injected || inject {
            let because = if inject {
                format!("label {INJECT}=true")
            } else {
                "its sidecar; the Namespace is not given".to_owned()
            };
            Injection::Yes(revision.to_owned(), because)
        } else {
            Injection::Unknown("its Namespace")
        }
    }

    /// `policy` and the selectors of the injector itself.
    pub(super) fn refused(&self, injector: &Injector) -> Option<String> {
        let labels = &self.metadata.labels;
        let config = &injector.config;
        let ordered = self.label(INJECT).or(self.annotation(INJECT)).is_some();
        if ordered {
            return None;
        }
        if selected(&config.never_inject_selector, labels) {
            return Some(format!(
                "neverInjectSelector of ConfigMap {}",
                injector.name
            ));
        }
        if selected(&config.always_inject_selector, labels) {
            return None;
        }
        (config.policy == "disabled")
            .then(|| format!("policy: disabled of ConfigMap {}", injector.name))
    }

    /// Ambient mode is asked for by label, of the pod before the namespace
    /// (`cni/pkg/nodeagent/enablement_selector.go`).
    pub(super) fn ambient(&self) -> Option<Setup> {
        let mode = self.label(DATAPLANE_MODE).or_else(|| {
            let of_namespace = &self.labels?.labels;
            of_namespace.get(DATAPLANE_MODE).map(String::as_str)
        })?;
        let has_sidecar = self.annotation(STATUS).is_some();
        (mode == "ambient" && !has_sidecar).then(|| {
            let config = ambient_config(&self.metadata.annotations);
            Setup::new(
                Membership::Ambient(config),
                format!("label {DATAPLANE_MODE}=ambient"),
            )
        })
    }
}

fn selected(selectors: &[LabelSelector], labels: &BTreeMap<String, String>) -> bool {
    selectors.iter().any(|selector| selector.selects(labels))
}
