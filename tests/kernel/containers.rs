//! Whose connection it is, however short the container lives.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};
use egress_observer_tests::{
    cgroup::{Driver, command_in},
    identity,
    pod::Mesh,
    process::output,
};

use crate::bed::Bed;

const DIRECT: &str = "tcp direct unmeshed no_sidecar";

const CONNECT: &str = "import socket; socket.create_connection(('198.18.0.10', 80))";

/// Makes each cgroup, connects once from inside, and removes it, all in one process: it takes less
/// time than to start one. The first argument is the cgroup to go back to.
const MOMENTARY: &str = "
import os, socket, sys
home, *cgroups = sys.argv[1:]
def enter(cgroup):
    with open(cgroup + '/cgroup.procs', 'w') as procs:
        procs.write('0')
for cgroup in cgroups:
    os.makedirs(cgroup)
    enter(cgroup)
    socket.create_connection(('198.18.0.10', 80)).close()
    enter(home)
    os.rmdir(cgroup)
";

/// So many cgroups come and go that what is told of them has no room.
const FLOOD: &str = "
import os, sys
for n in range(3000):
    os.mkdir(sys.argv[1] + '/flood')
    os.rmdir(sys.argv[1] + '/flood')
";

/// Containers of a pod that live as short as any can.
fn momentary(bed: &Bed, workload: &str, cgroups: &[PathBuf]) -> Result<()> {
    let home = bed
        .cgroup
        .child(Path::new("system.slice/runtime.service"))?;
    let mut command = python(bed, workload, &home, MOMENTARY)?;
    output(command.arg(&home).args(cgroups))?;
    Ok(())
}

/// A program in a cgroup, in a pod's network.
fn python(bed: &Bed, workload: &str, cgroup: &Path, program: &str) -> Result<Command> {
    let mut command = command_in(cgroup, "nsenter");
    command
        .args(bed.get(workload)?.network.netns.nsenter_args())
        .args(["python3", "-c", program]);
    Ok(command)
}

/// Where containers of a pod would be, below a cgroup.
fn below(bed: &Bed, root: &Path, workload: &str, n: usize) -> Result<Vec<PathBuf>> {
    let uid = &bed.get(workload)?.uid;
    let path = |n| Driver::Systemd.path(uid, &identity::container_id(&format!("momentary {n}")));
    Ok((0..n).map(|n| root.join(path(n))).collect())
}

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
        output(&mut python(&bed, "pod", &cgroup, CONNECT)?)?;
        std::fs::remove_dir(&cgroup)?;
        bed.expect("pod", [("tcp direct unmeshed no_sidecar", n)])?;
    }
    Ok(())
}

/// No file system can be read that fast: the kernel tells of a cgroup before anything runs in it.
#[test]
fn a_container_that_nobody_could_have_seen_is_attributed() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.pod("pod", Mesh::Plain)?;
    bed.start_agent(&[])?;
    momentary(&bed, "pod", &below(&bed, bed.cgroup.dir(), "pod", 300)?)?;
    bed.expect("pod", [(DIRECT, 300)])
}

/// Containers may make cgroups of their own, below each other and with long names: the kernel's path
/// of the last one is cut off at 1,024 bytes.
#[test]
fn cgroups_deep_inside_a_container_are_the_containers() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.pod("pod", Mesh::Plain)?;
    bed.start_agent(&[])?;
    let container = &below(&bed, bed.cgroup.dir(), "pod", 1)?[0];
    let name = "x".repeat(200);
    let deep = (1..=6).scan(container.clone(), |dir, _| {
        dir.push(&name);
        Some(dir.clone())
    });
    let deep: Vec<PathBuf> = deep.collect();
    momentary(&bed, "pod", &[&deep[0], &deep[5]].map(PathBuf::clone))?;
    bed.expect("pod", [(DIRECT, 2)])
}

/// What the programs told while there was no agent, the next one reads.
#[test]
fn a_container_that_came_and_went_without_an_agent_is_attributed() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.pod("pod", Mesh::Plain)?;
    bed.start_agent(&[])?;
    drop(bed.take_agent()?);
    momentary(&bed, "pod", &below(&bed, bed.cgroup.dir(), "pod", 50)?)?;
    bed.start_agent(&[])?;
    bed.expect("pod", [(DIRECT, 50)])
}

/// After more cgroups than there is room for, those that are there are read anew, and those that are
/// gone are nobody's: this is said, and their connections count.
#[test]
fn what_the_kernel_could_not_tell_is_read_anew() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.pod("pod", Mesh::Plain)?;
    bed.start_agent(&[])?;
    let pid = bed.agent()?.pid().to_string();
    let signal = |name: &str| output(Command::new("kill").args([name, &pid]));
    signal("-STOP")?;
    let flooded = bed.cgroup.child(Path::new("system.slice/flood.service"))?;
    output(Command::new("python3").args(["-c", FLOOD]).arg(flooded))?;
    let cgroups = below(&bed, bed.cgroup.dir(), "pod", 4)?;
    momentary(&bed, "pod", &cgroups[..3])?;
    std::fs::create_dir_all(&cgroups[3])?;
    output(&mut python(&bed, "pod", &cgroups[3], CONNECT)?)?;
    signal("-CONT")?;
    bed.expect_counts("pod", &[(DIRECT, 1)])?;
    bed.expect_counts("unknown", &[("tcp direct unknown not_attributed", 3)])?;
    let scrape = bed.scrape()?;
    let unseen = [("cause", "cgroup_unseen")];
    let n = scrape.sum("egress_observer_unattributed_connections_total", &unseen);
    ensure!(n == 3.0, "{n} connections of cgroups that were not seen");
    let source = [("source", "cgroup_buffer")];
    let lost = scrape.sum("egress_observer_events_lost_total", &source);
    ensure!(lost > 0.0, "nothing was lost: there was no flood");
    Ok(())
}

/// A node may itself be a container of a pod, of another cluster: that pod is none of this one.
#[test]
fn what_is_above_the_cgroup_root_says_nothing() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.pod("outer", Mesh::Plain)?;
    bed.pod("pod", Mesh::Plain)?;
    let node = &below(&bed, bed.cgroup.dir(), "outer", 1)?[0];
    std::fs::create_dir_all(node)?;
    bed.start_agent(&["--cgroup-root", &node.to_string_lossy()])?;
    momentary(&bed, "pod", &below(&bed, node, "pod", 5)?)?;
    bed.expect("pod", [(DIRECT, 5)])
}

/// Connections of the node's own processes are no pod's, and are not lost either.
#[test]
fn what_is_outside_any_pod_counts_for_the_node() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.start_agent(&[])?;
    let cgroup = bed.cgroup.child(Path::new("system.slice/other.service"))?;
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
