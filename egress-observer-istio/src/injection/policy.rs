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
    rules::Version,
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

/// `AmbientLabel` is what labels say about ambient mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmbientLabel {
    /// The pod's Namespace is not given, and its own labels say nothing.
    Unknown,
    /// The labels do not ask for ambient mode, or something else has the pod already.
    No,
    /// The namespace asks for ambient mode, and the pod does not want it.
    OptedOut,
    /// The labels ask for ambient mode.
    Asked,
}

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
        // The webhooks look at the label alone, and at these two words alone.
        if self.label(INJECT) == Some("false") {
            return Injection::No(format!("label {INJECT} is \"false\""), true);
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
        let default = default.filter(|_| self.label(INJECT).is_none());
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

    /// What the injector itself decides, once a webhook has asked it (`pkg/kube/inject/inject.go`
    /// `injectRequired`): the pod's own word, else the selectors, else `policy`.
    pub(super) fn refused(&self, injector: &Injector, version: Option<Version>) -> Option<String> {
        let labels = &self.metadata.labels;
        let config = &injector.config;
        // The label wins over the annotation.
        let own = self.label(INJECT).or(self.annotation(INJECT));
        match own_word(own.unwrap_or_default(), version) {
            Some(true) => return None,
            Some(false) => return Some(format!("{INJECT} is {:?}", own.unwrap_or_default())),
            None => {}
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
        // Without the key, nobody has said anything here.
        let policy = config.policy.as_str();
        (!["enabled", ""].contains(&policy))
            .then(|| format!("policy: {policy} of ConfigMap {}", injector.name))
    }

    /// What the labels of pod and namespace say about ambient mode, which acts at once, without a
    /// restart (`cni/pkg/nodeagent/informers.go`): the pod's before the namespace's
    /// (`cni/pkg/nodeagent/enablement_selector.go`).
    pub(super) fn ambient_label(&self) -> AmbientLabel {
        let of_namespace = self.labels.map(|namespace| {
            let mode = namespace.labels.get(DATAPLANE_MODE);
            mode.map(String::as_str) == Some("ambient")
        });
        match (self.label(DATAPLANE_MODE), of_namespace) {
            _ if self.annotation(STATUS).is_some() || self.spec.host_network => AmbientLabel::No,
            (Some("ambient"), _) | (None, Some(true)) => AmbientLabel::Asked,
            (Some("none"), Some(true)) => AmbientLabel::OptedOut,
            (None, None) => AmbientLabel::Unknown,
            (Some(_), _) | (None, Some(false)) => AmbientLabel::No,
        }
    }

    /// The setup of a pod whose labels ask for ambient mode.
    pub(super) fn ambient(&self) -> Option<Setup> {
        (self.ambient_label() == AmbientLabel::Asked).then(|| {
            let version = self.today.mesh.istiods_version("");
            let config = ambient_config(&self.metadata.annotations, version);
            Setup::new(
                Membership::Ambient(config),
                format!("label {DATAPLANE_MODE}=ambient"),
            )
        })
    }
}

/// Whether the pod's own word is to inject: up to 1.26 as YAML 1.1 has truth values, everything else being
/// no; from 1.27 on `true` and `false` alone, everything else being none.
fn own_word(word: &str, version: Option<Version>) -> Option<bool> {
    let lower = word.to_lowercase();
    if version.is_some_and(|version| version < Version(27)) {
        return (!word.is_empty()).then(|| ["y", "yes", "true", "on"].contains(&lower.as_str()));
    }
    match word {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn selected(selectors: &[LabelSelector], labels: &BTreeMap<String, String>) -> bool {
    selectors.iter().any(|selector| selector.selects(labels))
}
