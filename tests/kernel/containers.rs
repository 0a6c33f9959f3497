//! Whose connection it is, however short the container lives.

use anyhow::{Result, ensure};
use egress_observer_tests::{
    cgroup::{Driver, command_in},
    identity,
    pod::Mesh,
    process::output,
};

use crate::bed::Bed;

/// A container is made, connects once, and is gone with its cgroup before anybody reads a counter.
#[test]
fn a_container_that_ends_at_once_is_attributed() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.pod("pod", Mesh::Plain)?;
    bed.start_agent(&[])?;
    for (n, driver) in [(1, Driver::Systemd), (2, Driver::Cgroupfs)] {
        let pod = bed.get("pod")?;
        let id = identity::container_id(&format!("short-lived {n}"));
        let cgroup = bed.cgroup.container(driver, &pod.uid, &id)?;
        let program = "import socket; socket.create_connection(('198.18.0.10', 80))";
        let mut command = command_in(&cgroup, "nsenter");
        command
            .args(pod.network.netns.nsenter_args())
            .args(["python3", "-c", program]);
        output(&mut command)?;
        std::fs::remove_dir(&cgroup)?;
        bed.expect("pod", [("tcp direct unmeshed no_sidecar", n)])?;
    }
    Ok(())
}

/// Connections of the node's own processes are no pod's, and are not lost either.
#[test]
fn what_is_outside_any_pod_counts_for_the_node() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.start_agent(&[])?;
    let cgroup = bed
        .cgroup
        .child(std::path::Path::new("system.slice/other.service"))?;
    let before = bed
        .scrape()?
        .sum("egress_observer_host_connections_total", &[]);
    let program = "import socket; s = socket.socket(); s.connect_ex(('127.0.0.1', 1))";
    output(command_in(&cgroup, "python3").args(["-c", program]))?;
    let scrape = bed.scrape()?;
    let n = scrape.sum("egress_observer_host_connections_total", &[]) - before;
    ensure!(n == 1.0, "{n} connections of the node");
    ensure!(
        scrape
            .select("egress_observer_connections_total", &[])
            .next()
            .is_none()
    );
    Ok(())
}

/// A cgroup of a pod that no manifest names is nobody's, and says so.
#[test]
fn a_pod_that_is_not_known_is_unknown() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.start_agent(&[])?;
    let cgroup = bed.cgroup.container(
        Driver::Systemd,
        &identity::uid("nobody's"),
        &identity::container_id("nobody's"),
    )?;
    let program = "import socket; s = socket.socket(); s.connect_ex(('127.0.0.1', 1))";
    output(command_in(&cgroup, "python3").args(["-c", program]))?;
    bed.expect("unknown", [("tcp unknown unknown not_attributed", 1)])
}
