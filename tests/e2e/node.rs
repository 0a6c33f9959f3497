//! The simulated node does what Istio does, whatever the agent thinks of it: judged by what
//! clients see and by the kernel's connection tracking.

use egress_observer_tests::{
    cgroup::Driver,
    envoy::Policy,
    istio::OUTBOUND_PORT,
    network::BAIDU,
    node::Node,
    pod::{APP, Mesh, Pod, User},
    process::output,
    run, servers,
    story::{NAMESPACE, make_node, steps},
};

use crate::story::envoy;

/// Captured connections to an address: those whose answers come from the capture port.
fn n_captured(pod: &Pod, to: &str) -> usize {
    let mut conntrack = pod.network.netns.command("conntrack");
    conntrack.args(["--dump", "--proto", "tcp", "--orig-dst", to]);
    let table = output(&mut conntrack).unwrap();
    table
        .lines()
        .filter(|line| line.contains(&format!("sport={OUTBOUND_PORT} ")))
        .count()
}

#[test]
fn clients_and_connection_tracking_agree_with_every_step_of_the_story() {
    let mut node = make_node(&envoy()).unwrap();
    let mut policy = None;
    for step in steps() {
        if policy != Some(step.policy) {
            policy = Some(step.policy);
            for workload in ["sleep", "ranges", "broken"] {
                node.start_sidecar(NAMESPACE, workload, step.policy)
                    .unwrap();
            }
        }
        let pod = node.pod(NAMESPACE, step.workload).unwrap();
        let to = step.server.v4.to_string();
        let before = n_captured(pod, &to);
        let saw = step.ask(&node).unwrap();
        let captured = n_captured(pod, &to) - before;
        assert_eq!(saw, step.client, "{step:?}");
        assert_eq!(
            captured,
            usize::from(step.wanted.path == "captured"),
            "{step:?}"
        );
    }
}

#[test]
fn ipv6_is_captured_by_its_own_rules() {
    let mut node = make_node(&envoy()).unwrap();
    node.start_sidecar(NAMESPACE, "sleep", Policy::RegistryOnly)
        .unwrap();
    let to = BAIDU.v6.to_string();
    let url = format!("http://[{to}]/");
    let curl = [
        "curl",
        "--silent",
        "--max-time",
        "10",
        "--write-out",
        "%{http_code}",
        &url,
    ];
    let ask = |workload| {
        let pod = node.pod(NAMESPACE, workload).unwrap();
        let saw = pod.exec(APP, User::APP, &curl).unwrap();
        String::from_utf8(saw.stdout).unwrap()
    };
    assert_eq!(ask("sleep"), "502");
    assert_eq!(ask("plain"), format!("{}200", servers::body(BAIDU, 80)));
}

#[test]
fn nothing_is_left_of_a_node() {
    let mut node = Node::create(&envoy(), Driver::Cgroupfs).unwrap();
    node.add_pod(NAMESPACE, "plain", Mesh::Plain).unwrap();
    // Stands for an application that is still running when everything ends.
    let pod = node.pod(NAMESPACE, "plain").unwrap();
    let sleep = pod
        .spawn(APP, User::APP, "sleep", &["sleep", "600"])
        .unwrap();
    let id = node.run().id().to_owned();
    let there = run::leftovers(&id).unwrap();
    for kind in ["network namespace", "directory", "mount"] {
        assert!(
            there.iter().any(|item| item.starts_with(kind)),
            "no {kind} in {there:?}"
        );
    }
    drop(node);
    drop(sleep);
    assert_eq!(run::leftovers(&id).unwrap(), [] as [String; 0]);
}
