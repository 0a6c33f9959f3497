//! What is fuzzed: every reader of text from outside. Each function takes any bytes; it must not
//! panic, and what it asserts must hold. The property tests call them, too.

use std::net::IpAddr;

use crate::{
    cgroup, dns,
    explain::{Explainer, To, Who},
    flows,
    kernel::preflight,
};
use egress_observer_istio::{
    manifests::Reading,
    rules::{
        Backend, Dialled, Ports, Ranges, Version, decide,
        flags::{self, FlagContext, FlagVariable},
    },
    view::live::Live,
    vocabulary::Protocol,
};

/// A target, by the name of its file in `fuzz/fuzz_targets`.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("cgroup_path", cgroup_path),
    ("destination", destination),
    ("dns_answer", dns_answer),
    ("flows", flows),
    ("istio_iptables", istio_iptables),
    ("lists", lists),
    ("manifests", manifests),
    ("mesh", mesh),
    ("mount_table", mount_table),
];

fn text(data: &[u8]) -> String {
    String::from_utf8_lossy(data).into_owned()
}

/// The path of a cgroup.
pub fn cgroup_path(data: &[u8]) {
    drop(cgroup::path::place(text(data).as_ref()));
}

/// The mount table of the node.
pub fn mount_table(data: &[u8]) {
    let text = text(data);
    if let Ok(root) = preflight::cgroup_root(&text) {
        drop(preflight::pods_in_v1(&text, &root));
    }
}

/// A DNS answer: what comes out is what a host can be called.
pub fn dns_answer(data: &[u8]) {
    if let Ok(answer) = dns::parse(data) {
        let to = To::of_parts(Some(&answer.name), None, 1, Protocol::Tcp);
        assert_eq!(to.map(|to| to.host), Ok(Some(answer.name)));
        assert!(!answer.addresses.is_empty());
    }
}

/// `--to`: what is written is read again.
pub fn destination(data: &[u8]) {
    let Ok(to) = text(data).parse::<To>() else {
        return;
    };
    let again = To {
        protocol: None,
        ..to.clone()
    };
    assert_eq!(to.to_string().parse(), Ok(again));
}

/// Recorded flows.
pub fn flows(data: &[u8]) {
    for line in data.split(|byte| *byte == b'\n') {
        drop(flows::parse(line));
    }
}

/// Lists of ranges and ports: a list holds what one of its elements holds.
pub fn lists(data: &[u8]) {
    let text = text(data);
    for version in [None, Some(Version(26)), Some(Version(27))] {
        let Ok((ranges, _)) = Ranges::parse(&text, version) else {
            continue;
        };
        let ends: Vec<IpAddr> = ranges.ends().collect();
        for ip in ends {
            let one = ranges.list().iter().position(|range| range.contains(&ip));
            assert_eq!(ranges.first(ip).map(|place| place as usize), one);
        }
    }
    for backend in [Backend::Iptables, Backend::Nftables] {
        let Ok(ports) = Ports::parse(&text, backend) else {
            continue;
        };
        for range in ports.list() {
            assert!(ports.first(*range.start()).is_some());
        }
    }
}

/// The command line of `istio-iptables`, an argument a line, and its environment behind a blank
/// line.
pub fn istio_iptables(data: &[u8]) {
    let text = text(data);
    let (args, env) = text.split_once("\n\n").unwrap_or((&text, ""));
    let args: Vec<&str> = args.lines().collect();
    let env: Vec<FlagVariable<'_>> = env
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| FlagVariable {
            name,
            value: Some(value),
        })
        .collect();
    for version in [None, Some(Version(20)), Some(Version::CURRENT)] {
        let around = FlagContext {
            version,
            env: &env,
            nameservers: (vec![[10, 96, 0, 10].into()], true),
        };
        if let Ok(parsed) = flags::parse(&args, &around) {
            let dialled = Dialled {
                ip: [192, 0, 2, 1].into(),
                port: 53,
                protocol: Protocol::Tcp,
                uid: 1000,
                gid: 1000,
                own: &[],
                source: None,
                interface: None,
            };
            let decision = decide(&parsed.config, &dialled);
            drop(decision.rule.text(&parsed.config));
        }
    }
}

/// Files of objects, and an explanation for each pod in them.
pub fn manifests(data: &[u8]) {
    explain_all(&text(data));
}

/// The texts within Istio's ConfigMaps.
pub fn mesh(data: &[u8]) {
    let text = text(data);
    let pod = serde_json::json!({
        "kind": "Pod",
        "metadata": {
            "name": "a", "namespace": "shop",
            "annotations": {
                "sidecar.istio.io/status": "{}",
                "proxy.istio.io/config": text,
            },
        },
        "spec": {
            "initContainers": [{"name": "istio-init", "args": ["istio-iptables", "-i", "*"]}],
            "containers": [{"name": "istio-proxy", "args": ["proxy", "sidecar"]}],
        },
    });
    let items = [
        config_map("istio", "mesh", &text),
        config_map("istio-sidecar-injector", "values", &text),
        pod,
    ];
    explain_all(&serde_json::json!({"kind": "List", "items": items}).to_string());
}

fn config_map(name: &str, key: &str, text: &str) -> serde_json::Value {
    serde_json::json!({
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "istio-system"},
        "data": {key: text},
    })
}

fn explain_all(text: &str) {
    let reading = Reading::of("fuzz.yaml".as_ref(), text);
    for unreadable in &reading.unreadable {
        drop(unreadable.to_string());
    }
    let (objects, _) = reading.unique();
    let snapshot = Live::of(objects, &[]).into_snapshot();
    let questions = ["a.test:443", "192.0.2.1:80", "a.test@192.0.2.1:53/udp"];
    for pod in snapshot.pods() {
        if let Ok(explainer) = Explainer::new(&snapshot, pod, Who::default()) {
            for question in questions {
                let to: To = question.parse().unwrap_or_else(|_no| unreachable!());
                let explanation = explainer.explain(&to, Protocol::Tcp);
                drop(explanation.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_is_read_or_refused(
            data in prop::collection::vec(any::<u8>(), 0..200),
            yaml in "(kind|metadata|spec|name|Pod|args|[-:{}\\[\\], \n]){0,40}",
        ) {
            for (_, target) in TARGETS {
                target(&data);
                target(yaml.as_bytes());
            }
        }
    }
}
