//! What the CNI plugin has set up: by annotations (`cni/pkg/plugin/plugin.go`,
//! `cni/pkg/plugin/sidecar_redirect.go`).

use std::{collections::BTreeMap, net::IpAddr};

use crate::{
    injection::{
        cni::CniPlugin,
        names::{
            EXCLUDE, EXCLUDE_PORTS, INCLUDE, INCLUDE_PORTS, INJECT, STATUS, TRAFFIC, VALIDATION,
        },
        setup::{Membership, Setup},
        spec::{has_ipv6, release, truthy, version},
    },
    objects::{ContainerSpec, PodObject},
    rules::{Backend, flags},
};

/// Why the CNI plugin makes no rules for a pod with a proxy (`cni/pkg/plugin/plugin.go`).
pub(super) fn skips(object: &PodObject) -> Option<String> {
    let metadata = &object.metadata;
    // The plugin's default; others may be configured.
    if metadata.namespace == "kube-system" {
        return Some("namespace kube-system".to_owned());
    }
    // The label wins over the annotation.
    let inject = metadata
        .labels
        .get(INJECT)
        .or(metadata.annotations.get(INJECT));
    if inject.map(|value| flags::parse_bool(value)) == Some(Some(false)) {
        return Some(format!("{INJECT} is false"));
    }
    (!metadata.annotations.contains_key(STATUS)).then(|| format!("no annotation {STATUS}"))
}

/// The setup that the annotations stand for, and the one from before they were changed.
pub(super) fn setup(
    object: &PodObject,
    proxy: &ContainerSpec,
    validation: Option<&ContainerSpec>,
    ips: &[IpAddr],
) -> Setup {
    let source = "annotations, as the CNI plugin reads them".to_owned();
    let args = validation.map_or_else(Vec::new, |validation| {
        flags::arguments(&validation.command, &validation.args)
    });
    let plugin = CniPlugin {
        version: version(&[validation, Some(proxy)]),
        release: release(&[validation, Some(proxy)]),
        backend: Backend::of(args.contains(&"--native-nftables")),
        uid: proxy.security_context.run_as_user,
        gid: proxy.security_context.run_as_group,
        dns: truthy(proxy, "ISTIO_META_DNS_CAPTURE"),
        ipv6: has_ipv6(ips, truthy(proxy, "ISTIO_DUAL_STACK")),
    };
    let annotations = &object.metadata.annotations;
    match plugin.setup(annotations, source.clone()) {
        Ok(mut setup) => {
            let rendered = rendered(annotations, &args);
            if rendered != *annotations
                && let Ok(before) = plugin.setup(&rendered, source)
                && let Membership::Sidecar(config) = before.membership
            {
                setup.notes.push(format!(
                    "the arguments of {VALIDATION} say something else than the annotations: these \
                     were changed after the pod was made, or the template is not Istio's"
                ));
                setup.before_change = Some(config);
            }
            setup
        }
        Err(problem) => Setup::unreadable(source, &problem),
    }
}

/// The annotations as the injector's template left them, by the arguments that it rendered for
/// `istio-validation` from the same values. Two differences are usual: an empty list of the mesh
/// is no annotation, and neither is an absent one.
fn rendered(annotations: &BTreeMap<String, String>, args: &[&str]) -> BTreeMap<String, String> {
    let mut rendered = annotations.clone();
    for (flag, name) in [
        ("-i", INCLUDE),
        ("-x", EXCLUDE),
        ("-q", INCLUDE_PORTS),
        ("-o", EXCLUDE_PORTS),
    ] {
        let mut pairs = args.windows(2);
        let Some([_, value]) = pairs.find(|pair| pair.first() == Some(&flag)) else {
            continue;
        };
        let key = format!("{TRAFFIC}{name}");
        if rendered.contains_key(&key) || !value.is_empty() {
            rendered.insert(key, (*value).to_owned());
        }
    }
    rendered
}
