//! The lists of a pod to be made: a pod's annotation before the mesh's value.

use crate::{
    injection::{
        names::{EXCLUDE, EXCLUDE_PORTS, INCLUDE, INCLUDE_PORTS, INTERFACES, TRAFFIC},
        pod_to_be::PodToBe,
        setup::{Membership, Setup},
    },
    mesh::{Injector, ProxyValues},
    rules::RuleSetting,
    vocabulary::Reason,
};

/// A list, and where it comes from.
pub(super) struct Chosen {
    /// As in the annotation.
    pub(super) name: &'static str,
    /// What the rules make of it.
    pub(super) setting: RuleSetting,
    /// Where it comes from, for people.
    pub(super) origin: String,
    /// Whether an annotation says so.
    pub(super) by_annotation: bool,
    /// The list itself.
    pub(super) text: String,
}

/// The lists that the mesh has a value for.
fn of_mesh(proxy: &ProxyValues) -> [(&'static str, RuleSetting, &str, &'static str); 4] {
    [
        (
            INCLUDE,
            RuleSetting::Include,
            &proxy.include_ip_ranges,
            "includeIPRanges",
        ),
        (
            EXCLUDE,
            RuleSetting::Exclude,
            &proxy.exclude_ip_ranges,
            "excludeIPRanges",
        ),
        (
            INCLUDE_PORTS,
            RuleSetting::IncludePorts,
            &proxy.include_outbound_ports,
            "includeOutboundPorts",
        ),
        (
            EXCLUDE_PORTS,
            RuleSetting::ExcludePorts,
            &proxy.exclude_outbound_ports,
            "excludeOutboundPorts",
        ),
    ]
}

/// Every list that counts; the setup where one of them is not to be told.
pub(super) fn lists(
    pod: &PodToBe<'_>,
    injector: &Injector,
    by_cni: bool,
) -> Result<Vec<Chosen>, Box<Setup>> {
    let mut lists = Vec::new();
    for (name, setting, mesh, field) in of_mesh(&injector.values.global.proxy) {
        let key = format!("{TRAFFIC}{name}");
        let annotation = pod.annotation(&key);
        // The injector never writes empty text.
        let written = annotation.is_some_and(|text| !text.is_empty() && text != mesh);
        if written && pod.may_be_written(by_cni) {
            let unknown = Membership::Unknown(Reason::AnnotationOrigin);
            return Err(Box::new(Setup::new(
                unknown,
                format!(
                    "annotation {key}: the pod's own, or what the injector once wrote from the \
                     mesh's values? Its workload's template would tell"
                ),
            )));
        }
        lists.push(Chosen {
            name,
            setting,
            origin: match annotation {
                Some(text) => format!("annotation {key} {text:?}"),
                None => format!(
                    "ConfigMap {}: values: global.proxy.{field} {mesh:?}",
                    injector.name
                ),
            },
            by_annotation: annotation.is_some(),
            text: annotation.unwrap_or(mesh).to_owned(),
        });
    }
    if let Some(text) = pod.annotation(&format!("{TRAFFIC}{INTERFACES}")) {
        lists.push(Chosen {
            name: INTERFACES,
            setting: RuleSetting::Interfaces,
            origin: format!("annotation {TRAFFIC}{INTERFACES} {text:?}"),
            by_annotation: true,
            text: text.to_owned(),
        });
    }
    Ok(lists)
}
