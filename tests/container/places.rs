//! Pods are found wherever kubelet and container runtime put them, and wherever the host's cgroups
//! are in the agent's container.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use egress_observer_tests::{
    agent::Agent,
    cgroup::Driver,
    hierarchies,
    network::HTTPBIN,
    node::Node,
    oci::agent::HostCgroups,
    pod::{APP, Mesh, Runtime, User},
    story::CONNECTIONS,
    wait,
};

use crate::bed::{Delivery, envoy};

fn node(driver: Driver) -> Result<Node> {
    let runtime = Runtime::Runc { shared: Vec::new() };
    let mut node = Node::create_with(&envoy(), driver, runtime)?;
    node.add_pod("shop", "plain", Mesh::Plain)?;
    Ok(node)
}

/// One connection of the pod, which has to be counted for its workload and its application.
fn check_attribution(node: &Node, agent: &mut Agent) -> Result<()> {
    let url = format!("http://{}/", HTTPBIN.v4);
    let curl = ["curl", "--silent", "--max-time", "10", &url];
    let asked = node.pod("shop", "plain")?.exec(APP, User::APP, &curl)?;
    ensure!(asked.status.success(), "{asked:?}");
    let labels = [
        ("source_workload", "plain"),
        ("actor", "app"),
        ("verdict", "unmeshed"),
    ];
    let counted = wait::until("the connection is counted", Duration::from_secs(10), || {
        Ok((agent.scrape()?.sum(CONNECTIONS, &labels) == 1.0).then_some(()))
    });
    let log = agent.log();
    ensure!(counted.is_ok(), "{}\n{log}", agent.scrape()?.text);
    Ok(())
}

#[test]
fn every_runtimes_cgroups_are_known() -> Result<()> {
    let delivery = Delivery::unpack()?;
    for driver in [
        Driver::Systemd,
        Driver::SystemdCrio,
        Driver::SystemdDocker,
        Driver::Cgroupfs,
    ] {
        let mut node = node(driver)?;
        let mut agent = delivery.start_agent(&mut node)?;
        check_attribution(&node, &mut agent)?;
        agent.stop()?;
    }
    Ok(())
}

/// On a machine with cgroup v1 beside v2, the v2 hierarchy is mounted within what the DaemonSet
/// mounts; and the container has a part of it of its own, which is not what the agent looks for.
#[test]
fn the_machines_hierarchy_is_found_in_what_the_daemon_set_mounts() -> Result<()> {
    let delivery = Delivery::unpack()?;
    let mut node = node(Driver::Systemd)?;
    let mut agent = delivery.start_agent_that_sees(HostCgroups::Machine, &mut node)?;
    let below = hierarchies::v2()?;
    let wanted = Path::new("/host").join(below.strip_prefix("/")?);
    let wanted = wanted.display().to_string();
    // runc hands on what the agent says, which may take longer than to become ready.
    let said = wait::until("the agent names it", Duration::from_secs(10), || {
        Ok(agent.log().contains(&wanted).then_some(()))
    });
    said.with_context(|| format!("{wanted} is not in\n{}", agent.log()))?;
    check_attribution(&node, &mut agent)?;
    agent.stop()
}
