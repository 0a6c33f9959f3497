//! Ranges on the command lines of the control plane and of `kube-proxy`.

use super::super::statement::{RangeOrigin, RangePlace, RangeStatements, name};
use crate::lint::output::plain;
use egress_observer_istio::{
    objects::{PodObject, addressing::Node},
    vocabulary::{Confidence, RangeOf},
};

/// A flag of a program that is a range.
struct Flag {
    program: &'static str,
    flag: &'static str,
    of: RangeOf,
    confidence: Confidence,
    origin: RangeOrigin,
}

const FLAGS: [Flag; 4] = [
    Flag {
        program: "kube-apiserver",
        flag: "--service-cluster-ip-range",
        of: RangeOf::Services,
        confidence: Confidence::Exact,
        origin: RangeOrigin::ApiServer,
    },
    Flag {
        program: "kube-controller-manager",
        flag: "--service-cluster-ip-range",
        of: RangeOf::Services,
        confidence: Confidence::Exact,
        origin: RangeOrigin::ControllerManager,
    },
    Flag {
        program: "kube-controller-manager",
        flag: "--cluster-cidr",
        of: RangeOf::Pods,
        confidence: Confidence::Exact,
        origin: RangeOrigin::ControllerManager,
    },
    Flag {
        program: "kube-proxy",
        flag: "--cluster-cidr",
        of: RangeOf::Pods,
        confidence: Confidence::High,
        origin: RangeOrigin::KubeProxy,
    },
];

/// The control plane's own namespace. Elsewhere they belong to clusters that are hosted in this one.
const SYSTEM: &str = "kube-system";

/// What the pod's programs were started with, if it is the control plane's.
pub(super) fn read(said: &mut RangeStatements, pod: &PodObject) {
    if pod.metadata.namespace != SYSTEM {
        return;
    }
    for container in &pod.spec.containers {
        let lines = container.command.iter().chain(&container.args);
        let words: Vec<&str> = lines.flat_map(|line| words(line)).collect();
        for flag in &FLAGS {
            let mut programs = words.iter().map(|word| word.rsplit('/').next());
            if container.name != flag.program && !programs.any(|name| name == Some(flag.program)) {
                continue;
            }
            let Some(text) = value(&words, flag.flag) else {
                continue;
            };
            let place = RangePlace {
                of: flag.of,
                confidence: flag.confidence,
                origin: flag.origin,
                source: format!("Pod {} {}", name(&pod.metadata), flag.flag),
            };
            said.ranges(&place, text);
        }
    }
}

/// What k3s writes of its own command line and configuration to its nodes.
pub(super) fn of_node(said: &mut RangeStatements, node: &Node) {
    const ARGUMENTS: &str = "k3s.io/node-args";
    let metadata = &node.metadata;
    let text = metadata.annotations.get(ARGUMENTS).map(String::as_str);
    let words: Vec<String> = text
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    for (flag, of) in [
        ("--cluster-cidr", RangeOf::Pods),
        ("--service-cidr", RangeOf::Services),
    ] {
        if let Some(text) = value(&words, flag) {
            let node = plain(&metadata.name);
            let place = RangePlace {
                of,
                confidence: Confidence::Exact,
                origin: RangeOrigin::NodeArguments,
                source: format!("Node {node} annotation {ARGUMENTS} {flag}"),
            };
            said.ranges(&place, text);
        }
    }
}

/// The words of an argument: a shell's holds a whole command line.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split_whitespace()
        .map(|word| word.trim_matches(['"', '\'']))
}

/// A flag's value, `--flag=value` or `--flag value`; the last one wins, as in pflag.
fn value<'a>(words: &[&'a str], flag: &str) -> Option<&'a str> {
    let mut last = None;
    for (place, word) in words.iter().enumerate() {
        match word.strip_prefix(flag) {
            Some("") => last = words.get(place + 1).copied().or(last),
            Some(rest) => last = rest.strip_prefix('=').or(last),
            None => {}
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            read,
            tests::{lines, objects},
        },
        *,
    };

    #[test]
    fn the_control_plane_tells_its_flags() {
        let cases: [(&str, &[&str]); 5] = [
            // kubeadm's static pods.
            (
                "kind: Pod\nmetadata: {name: kube-apiserver-cp1, namespace: kube-system}\n\
                 spec: {containers: [{name: kube-apiserver, command: [kube-apiserver, \
                 --advertise-address=192.0.2.1, \"--service-cluster-ip-range=10.96.0.0/12,fd00:10:96::/112\"]}]}\n",
                &[
                    "services 10.96.0.0/12 exact: Pod kube-system/kube-apiserver-cp1 --service-cluster-ip-range",
                    "services fd00:10:96::/112 exact: Pod kube-system/kube-apiserver-cp1 --service-cluster-ip-range",
                ],
            ),
            // Its arguments as words of their own.
            (
                "kind: Pod\nmetadata: {name: kcm, namespace: kube-system}\n\
                 spec: {containers: [{name: a, command: [/usr/local/bin/kube-controller-manager], \
                 args: [--cluster-cidr, 10.244.0.0/16, --service-cluster-ip-range, 10.96.0.0/12]}]}\n",
                &[
                    "services 10.96.0.0/12 exact: Pod kube-system/kcm --service-cluster-ip-range",
                    "pods 10.244.0.0/16 exact: Pod kube-system/kcm --cluster-cidr",
                ],
            ),
            // GKE's.
            (
                "kind: Pod\nmetadata: {name: kube-proxy-gke-a, namespace: kube-system}\n\
                 spec: {containers: [{name: kube-proxy, command: [/bin/sh, -c, \
                 \"exec kube-proxy --master=https://192.0.2.1 --cluster-cidr=10.104.0.0/14 --v=2 1>>/var/log/kube-proxy.log 2>&1\"]}]}\n",
                &["pods 10.104.0.0/14 high: Pod kube-system/kube-proxy-gke-a --cluster-cidr"],
            ),
            // Another cluster's, hosted in this one.
            (
                "kind: Pod\nmetadata: {name: kube-apiserver-0, namespace: tenant-a}\n\
                 spec: {containers: [{name: kube-apiserver, command: [kube-apiserver, --service-cluster-ip-range=10.1.0.0/16]}]}\n",
                &[],
            ),
            (
                "kind: Node\nmetadata: {name: k3s-1, annotations: {k3s.io/node-args: \
                 '[\"server\",\"--cluster-cidr\",\"10.52.0.0/16\",\"--service-cidr=10.53.0.0/16\"]'}}\n",
                &[
                    "pods 10.52.0.0/16 exact: Node k3s-1 annotation k3s.io/node-args --cluster-cidr",
                    "services 10.53.0.0/16 exact: Node k3s-1 annotation k3s.io/node-args --service-cidr",
                ],
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(lines(&read(&objects(text))), expected, "{text}");
        }
    }

    #[test]
    fn the_last_spelling_of_a_flag_wins_and_one_without_a_value_is_none() {
        let value = |words: &[&'static str]| value(words, "--cluster-cidr");
        assert_eq!(
            value(&["--cluster-cidr=a", "--cluster-cidr", "b"]),
            Some("b")
        );
        assert_eq!(value(&["--cluster-cidr-x=a", "--cluster-cidr"]), None);
    }
}
