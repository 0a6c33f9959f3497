//! Text in lists that Istio reads otherwise than meant, or not at all.

use super::{
    code::LintCode,
    finding::LintFinding,
    list::List,
    lists::{CaptureLists, ListOrigin},
    scene::Scene,
};
use egress_observer_istio::{
    injection::{
        annotations::validate,
        setup::{EXCLUDE, INCLUDE, INCLUDE_PORTS},
    },
    rules::{Backend, Version, prefix},
};

pub(super) fn findings(_scene: &Scene<'_>, lists: &CaptureLists<'_>) -> Vec<LintFinding> {
    let own = lists.all().into_iter().filter(|list| list.own);
    own.flat_map(|list| {
        let ranges = [INCLUDE, EXCLUDE].contains(&list.name);
        if lists.origin == ListOrigin::Annotations && list.name != INCLUDE_PORTS {
            refused(lists, list)
        } else if ranges {
            unread_ranges(lists, list)
        } else {
            unread_ports(lists, list)
        }
    })
    .collect()
}

/// The injector validates these annotations, and refuses the pod.
fn refused(lists: &CaptureLists<'_>, list: &List<'_>) -> Vec<LintFinding> {
    let Err(problem) = validate(list.name, list.text) else {
        return Vec::new();
    };
    let element = list
        .text
        .split(',')
        .find(|element| validate(list.name, element).is_err() || element.is_empty());
    let message = format!("{problem}: the injector refuses the pod, and no new pod starts");
    let fix = hint(element.unwrap_or(list.text), list);
    vec![lists.finding(LintCode::RefusedAnnotation, list, list.text, message, fix)]
}

fn unread_ranges(lists: &CaptureLists<'_>, list: &List<'_>) -> Vec<LintFinding> {
    let star = "`*` is not allowed among excluded ranges: istio-init ends with an error, and no \
                new pod starts";
    if list.name == EXCLUDE && list.is_star() {
        let fix = "to let everything bypass the sidecar, switch injection off instead";
        return vec![lists.finding(LintCode::UnreadRange, list, "*", star, fix)];
    }
    let strict = Version(27);
    let happens = match lists.version {
        Some(version) if version < strict => {
            format!("Istio {version} ignores it; from 1.27 on istio-init ends with an error")
        }
        Some(version) => {
            format!("istio-init of Istio {version} ends with an error, and no new pod starts")
        }
        None => "Istio ignores it up to 1.26; from 1.27 on istio-init ends with an error, and no \
                 new pod starts"
            .to_owned(),
    };
    let unread = list.elements().filter(|(_, range)| range.is_none());
    unread
        .map(|(element, _)| {
            let message = format!("`{element}` is not in CIDR form: {happens}");
            lists.finding(
                LintCode::UnreadRange,
                list,
                element,
                message,
                hint(element, list),
            )
        })
        .collect()
}

fn unread_ports(lists: &CaptureLists<'_>, list: &List<'_>) -> Vec<LintFinding> {
    let (tool, joint) = match lists.backend {
        Backend::Iptables => ("iptables-restore", ':'),
        Backend::Nftables => ("nft", '-'),
    };
    let who = if lists.cni {
        "the CNI plugin fails, and the pod's sandbox is not made"
    } else {
        "istio-init fails, and the pod does not start"
    };
    let unread = list.ports(lists.backend).into_iter();
    unread
        .filter(|(_, ports)| ports.is_none())
        .map(|(element, _)| {
            let message = format!("nothing validates this list; {tool} refuses `{element}`: {who}");
            let fix = format!("write numbers from 0 to 65535, or two joined by `{joint}`");
            lists.finding(LintCode::UnreadPort, list, element, message, fix)
        })
        .collect()
}

/// What was probably meant.
fn hint(element: &str, list: &List<'_>) -> String {
    let bare = element.trim();
    let example = if [INCLUDE, EXCLUDE].contains(&list.name) {
        "10.0.0.0/8,10.96.0.0/12"
    } else {
        "80,443"
    };
    if element.ends_with('\\') {
        return "write a plain comma: `\\,` is for Helm's --set on a command line only".to_owned();
    }
    if bare != element && (prefix(bare).is_some() || bare == "*") {
        return format!("remove the blanks: `{bare}`");
    }
    match bare.parse() {
        Ok(std::net::IpAddr::V4(ip)) => format!("write `{ip}/32`"),
        Ok(std::net::IpAddr::V6(ip)) => format!("write `{ip}/128`"),
        Err(_) if bare == "*" => "`*` stands alone, and only among included ranges".to_owned(),
        Err(_) if bare.is_empty() => format!("remove the empty element: `{example}`"),
        Err(_) => format!("write a list such as `{example}`, without blanks"),
    }
}
