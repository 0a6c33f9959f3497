//! What the agent needs, and what it says when that is missing.

use std::{
    io::Read as _,
    net::TcpStream,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use egress_observer_tests::{agent, process::Process, wait};

use crate::bed::Bed;

/// As nobody, with these capabilities and no other; what the pod's securityContext gives.
fn as_nobody(capabilities: &str) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args([
            "--reuid",
            "65534",
            "--regid",
            "65534",
            "--clear-groups",
            "--no-new-privs",
        ])
        .arg(format!("--inh-caps=-all{capabilities}"))
        .arg(format!("--ambient-caps=-all{capabilities}"))
        .arg(format!("--bounding-set=-all{capabilities}"))
        .arg(agent::binary());
    command
}

fn agent_args(bed: &Bed, root: &Path) -> Vec<String> {
    let mut args = vec!["agent".to_owned(), "--pin-dir=none".to_owned()];
    args.push("--api-socket=none".to_owned());
    args.push(format!("--manifests={}", bed.manifests().display()));
    args.push(format!("--cgroup-root={}", root.display()));
    args.push("--metrics-address=127.0.0.1:0".to_owned());
    args
}

fn refused(command: &mut Command) -> Result<String> {
    let Output { status, stderr, .. } = command.output().context("starting the agent")?;
    let said = String::from_utf8_lossy(&stderr).into_owned();
    ensure!(status.code() == Some(1), "ended with {status}: {said}");
    Ok(said)
}

#[test]
fn three_capabilities_are_enough() -> Result<()> {
    let bed = Bed::new()?;
    let mut command = as_nobody(",+bpf,+perfmon,+net_admin");
    command.args(agent_args(&bed, bed.cgroup.dir()));
    let mut agent = Process::spawn("agent-as-nobody", command, &bed.run.logs())?;
    let log = bed.run.logs().join("agent-as-nobody.log");
    agent.until_ready(Duration::from_secs(30), || {
        Ok(std::fs::read_to_string(&log)?.contains("serving"))
    })?;
    let said = agent.log();
    ensure!(said.contains("knows_owners=true"), "{said}");
    ensure!(agent.terminate()?.success(), "it did not end cleanly");
    Ok(())
}

/// A kernel without type information: the same programs, with a branch less.
#[test]
fn without_the_kernels_types_connections_are_counted_all_the_same() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.captured_pod("pod")?;
    bed.start_agent(&["--btf", "/nonexistent"])?;
    let log = bed.agent()?.log();
    ensure!(
        log.contains("knows_owners=false") && log.contains("/nonexistent"),
        "{log}"
    );
    bed.python(
        "pod",
        "tcp().connect(OUT)\nassert tcp().connect_ex(('127.0.0.1', 1)) != 0",
    )?;
    let refused = ("tcp unknown unknown not_established", 1);
    bed.expect(
        "pod",
        [("tcp captured passthrough included_range", 1), refused],
    )?;
    let refused = [("error", "refused")];
    let refused = bed
        .scrape()?
        .sum("egress_observer_connection_failures_total", &refused);
    ensure!(refused == 1.0, "{refused} refused");
    Ok(())
}

#[test]
fn missing_capabilities_are_named() -> Result<()> {
    let bed = Bed::new()?;
    let args = agent_args(&bed, bed.cgroup.dir());
    let said = refused(as_nobody(",+bpf").args(&args))?;
    ensure!(
        said.contains("missing capabilities CAP_PERFMON, CAP_NET_ADMIN"),
        "{said}"
    );
    ensure!(
        said.contains("securityContext.capabilities"),
        "it does not say what to do: {said}"
    );
    Ok(())
}

#[test]
fn a_directory_that_is_no_cgroup_is_named() -> Result<()> {
    let bed = Bed::new()?;
    let args = agent_args(&bed, Path::new("/tmp"));
    let said = refused(Command::new(agent::binary()).args(&args))?;
    ensure!(
        said.contains("--cgroup-root /tmp: not a directory of a cgroup v2"),
        "{said}"
    );
    Ok(())
}

/// No cgroup v2 in the mount table: a machine that was booted with v1 alone.
#[test]
fn a_machine_without_cgroup_v2_is_told_so() -> Result<()> {
    let bed = Bed::new()?;
    let args: Vec<_> = agent_args(&bed, Path::new("/"))
        .into_iter()
        .filter(|arg| !arg.starts_with("--cgroup-root"))
        .collect();
    let mount = egress_observer_tests::hierarchies::v2()?;
    let script = "umount \"$1\" && shift && exec \"$@\"";
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(mount)
        .arg(agent::binary());
    let said = refused(command.args(&args))?;
    ensure!(said.contains("no cgroup v2 hierarchy is mounted"), "{said}");
    Ok(())
}

/// The metrics address may be reached by any pod: taking up its connections must not keep
/// Prometheus out for long.
#[test]
fn clients_that_say_nothing_are_hung_up_on() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.start_agent(&[])?;
    let address = bed.agent()?.address();
    let silent: Vec<_> = (0..200)
        .map(|_| TcpStream::connect(address))
        .collect::<Result<_, _>>()?;
    wait::until("a scrape is answered", Duration::from_secs(40), || {
        Ok(bed.scrape().ok())
    })?;
    let mut first = &silent[0];
    first.set_read_timeout(Some(Duration::from_secs(1)))?;
    ensure!(first.read(&mut [0])? == 0, "the first one is still open");
    Ok(())
}
