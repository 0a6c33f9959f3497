//! What the agent's container may do, as the kernel sees it.

use std::{collections::BTreeMap, fs};

use egress_observer_tests::{agent::Agent, cgroup::Driver, node::Node, pod::Runtime, run};

use crate::bed::{Delivery, envoy};

/// CAP_NET_ADMIN, CAP_PERFMON and CAP_BPF: bits 12, 38 and 39 of capabilities(7).
const THREE: u64 = 1 << 12 | 1 << 38 | 1 << 39;

/// `Name: value` lines of `/proc/<pid>/status`.
fn status(pid: u32) -> BTreeMap<String, String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let fields = text.lines().filter_map(|line| line.split_once(":\t"));
    fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Options of a mount in the container, by its place.
fn mounts(pid: u32) -> BTreeMap<String, String> {
    let text = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    let mounts = text.lines().map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        (fields[4].to_owned(), fields[5].to_owned())
    });
    mounts.collect()
}

fn is_read_only(options: &str) -> bool {
    options.split(',').next() == Some("ro")
}

fn pid(agent: &Agent) -> u32 {
    agent.pod().unwrap().container.pid().unwrap()
}

#[test]
fn the_agent_has_three_capabilities_and_can_write_to_its_pins_only() {
    let delivery = Delivery::unpack().unwrap();
    let runtime = Runtime::Runc { shared: Vec::new() };
    let mut node = Node::create_with(&envoy(), Driver::Systemd, runtime).unwrap();
    let mut agent = delivery.start_agent(&mut node).unwrap();
    check_rights(&agent);
    // They are enough for all programs, those at tracepoints as well.
    let attached = agent.scrape().unwrap();
    let attached = attached.sum("egress_observer_bpf_program_attached", &[]);
    assert_eq!(attached, 8.0, "{}", agent.log());
    check_namespaces(&agent);
    agent.stop().unwrap();
    let id = node.run().id().to_owned();
    drop(node);
    assert_eq!(run::leftovers(&id).unwrap(), [] as [String; 0]);
}

fn check_rights(agent: &Agent) {
    let status = status(pid(agent));
    let capabilities = |set: &str| u64::from_str_radix(&status[set], 16).unwrap();
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(capabilities(set), THREE, "{set}: {status:#?}");
    }
    for set in ["CapInh", "CapAmb"] {
        assert_eq!(capabilities(set), 0, "{set}: {status:#?}");
    }
    assert_eq!(status["NoNewPrivs"], "1");
    assert_eq!(status["Seccomp"], "0");
    assert!(status["Uid"].starts_with("0\t"), "{}", status["Uid"]);

    let mounts = mounts(pid(agent));
    for place in ["/", "/sys", "/host/sys/fs/cgroup", "/sys/fs/cgroup"] {
        assert!(is_read_only(&mounts[place]), "{place}: {}", mounts[place]);
    }
    for place in ["/sys/fs/bpf", "/run/egress-observer"] {
        assert!(!is_read_only(&mounts[place]), "{place}: {}", mounts[place]);
    }
}

/// None of the machine's own, without which it would not be the container of a pod.
fn check_namespaces(agent: &Agent) {
    for kind in ["mnt", "pid", "net", "ipc", "uts", "cgroup"] {
        let of = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap();
        assert_ne!(of(&pid(agent).to_string()), of("self"), "{kind}");
    }
}
