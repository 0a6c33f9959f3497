//! What agents leave in the kernel goes away, by a pod that may do nothing else.

use std::{fs, process::Output};

use anyhow::{Context as _, Result, ensure};
use egress_observer_tests::{
    cgroup::Driver,
    node::Node,
    oci::agent::{self, AgentPodSettings},
    pod::{Mesh, Runtime},
};
use serde_json::Value;

use crate::bed::{Delivery, daemon_set_in, envoy};

/// The DaemonSet that the chart makes with `mode: uninstall`.
fn daemon_set() -> Result<Value> {
    let manifests = include_str!("../../deploy/kustomize/uninstall/manifests.yaml");
    let mut daemon_set = daemon_set_in(manifests)?;
    agent::keep_init_container(&mut daemon_set)?;
    Ok(daemon_set)
}

fn uninstall(delivery: &Delivery, node: &mut Node) -> Result<Output> {
    let daemon_set = daemon_set()?;
    node.run_agent_pod(&AgentPodSettings {
        daemon_set: &daemon_set,
        ..delivery.settings()
    })
}

#[test]
fn a_pod_that_uninstalls_leaves_nothing_in_the_kernel() -> Result<()> {
    let delivery = Delivery::unpack()?;
    let runtime = Runtime::Runc { shared: Vec::new() };
    let mut node = Node::create_with(&envoy(), Driver::Systemd, runtime)?;
    node.add_pod("shop", "plain", Mesh::Plain)?;
    let agent = delivery.start_agent(&mut node)?;

    let refused = uninstall(&delivery, &mut node)?;
    let said = String::from_utf8_lossy(&refused.stderr);
    ensure!(
        !refused.status.success() && said.contains("is in use by another agent"),
        "beside an agent: {refused:?}"
    );

    agent.stop()?;
    let pins = node.pin_dir();
    let layout = fs::read_dir(&pins)?.next().context("no pins")??.path();
    let n_pins = fs::read_dir(&layout)?.count();
    ensure!(n_pins > 10, "{n_pins} pins in {}", layout.display());

    let done = uninstall(&delivery, &mut node)?;
    ensure!(done.status.success(), "{done:?}");
    ensure!(!pins.exists(), "{} is still there", pins.display());
    Ok(())
}
