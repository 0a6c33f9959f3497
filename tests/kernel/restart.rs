//! An agent ends, connections go on, another agent takes over: nothing is lost, nothing counts
//! twice.

use anyhow::{Result, ensure};
use egress_observer_tests::pod::Mesh;

use crate::bed::Bed;

const DIRECT: &str = "tcp direct unmeshed no_sidecar";

fn connect(bed: &Bed, n: u32) -> Result<()> {
    bed.python("pod", &format!("for n in range({n}): tcp().connect(OUT)"))
}

#[test]
fn what_happens_between_two_agents_is_counted_by_the_second() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.pod("pod", Mesh::Plain)?;
    bed.start_agent(&[])?;
    connect(&bed, 100)?;
    bed.expect("pod", [(DIRECT, 100)])?;
    // Made after the last scrape: nobody was told of these.
    connect(&bed, 7)?;
    bed.take_agent()?.stop()?;
    connect(&bed, 50)?;
    bed.start_agent(&[])?;
    // A new process starts its counters at 0, as Prometheus expects.
    bed.expect("pod", [(DIRECT, 57)])?;
    connect(&bed, 3)?;
    bed.expect("pod", [(DIRECT, 60)])
}

#[test]
fn an_agent_is_replaced_while_connections_go_on() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.pod("pod", Mesh::Plain)?;
    bed.start_agent(&[])?;
    let args = ["burst", crate::bed::OUTSIDE, "--count", "30000"];
    let mut job = bed.start_traffic("pod", &args)?;
    let mut told = 0;
    for _ in 0..3 {
        std::thread::sleep(std::time::Duration::from_millis(200));
        told += bed.counts("pod")?.values().sum::<u64>();
        bed.take_agent()?.stop()?;
        bed.start_agent(&[])?;
    }
    job.line()?;
    let last = bed.counts("pod")?.values().sum::<u64>();
    ensure!(told > 0, "the replacements came too early");
    ensure!(
        told + last == 30_000,
        "{told} told before, {last} after the last replacement"
    );
    bed.expect_nothing_lost()
}

#[test]
fn an_agent_that_is_killed_leaves_the_same() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.pod("pod", Mesh::Plain)?;
    bed.start_agent(&[])?;
    connect(&bed, 10)?;
    bed.expect("pod", [(DIRECT, 10)])?;
    let agent = bed.take_agent()?;
    let kill = ["-KILL".to_owned(), agent.pid().to_string()];
    egress_observer_tests::process::output(std::process::Command::new("kill").args(kill))?;
    drop(agent);
    connect(&bed, 5)?;
    bed.start_agent(&[])?;
    bed.expect("pod", [(DIRECT, 5)])
}

#[test]
fn pins_of_another_layout_are_dropped_loudly() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.pod("pod", Mesh::Plain)?;
    bed.start_agent(&[])?;
    bed.take_agent()?.stop()?;
    let old = bed.pin_dir().join("v0");
    std::fs::rename(bed.pins(), &old)?;
    bed.start_agent(&[])?;
    ensure!(!old.exists(), "the old layout is still there");
    let log = bed.agent()?.log();
    ensure!(
        log.contains("tables of another layout are dropped"),
        "{log}"
    );
    connect(&bed, 4)?;
    bed.expect("pod", [(DIRECT, 4)])
}

#[test]
fn a_pinned_table_of_another_shape_is_not_taken_for_ours() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.pod("pod", Mesh::Plain)?;
    bed.start_agent(&[])?;
    bed.take_agent()?.stop()?;
    let pins = bed.pins();
    // Two tables change places: each is a table, and neither is the one its name says.
    for (from, to) in [
        ("EO_SLOTS", "x"),
        ("EO_ATTEMPTS", "EO_SLOTS"),
        ("x", "EO_ATTEMPTS"),
    ] {
        std::fs::rename(pins.join(from), pins.join(to))?;
    }
    bed.start_agent(&[])?;
    let log = bed.agent()?.log();
    ensure!(log.contains("has another shape"), "{log}");
    connect(&bed, 4)?;
    bed.expect("pod", [(DIRECT, 4)])
}

#[test]
fn uninstall_stops_the_programs() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.pod("pod", Mesh::Plain)?;
    bed.start_agent(&[])?;
    bed.take_agent()?.stop()?;
    let pins = bed.pin_dir();
    let mut uninstall = std::process::Command::new(egress_observer_tests::agent::binary());
    uninstall.arg("uninstall").arg("--pin-dir").arg(&pins);
    egress_observer_tests::process::output(&mut uninstall)?;
    ensure!(!pins.exists(), "{} is still there", pins.display());
    // Nobody counts these.
    connect(&bed, 5)?;
    bed.start_agent(&[])?;
    connect(&bed, 2)?;
    bed.expect("pod", [(DIRECT, 2)])
}

/// Better no agent than one that sees nothing and says nothing.
#[test]
fn an_agent_whose_cgroup_is_removed_ends_with_a_message() -> Result<()> {
    let mut bed = Bed::new()?;
    let cgroup = bed.cgroup.child(std::path::Path::new("short-lived"))?;
    bed.start_agent(&["--cgroup-root", &cgroup.to_string_lossy()])?;
    let attached = bed
        .scrape()?
        .sum("egress_observer_bpf_program_attached", &[]);
    ensure!(attached == 8.0, "{attached} programs attached");
    std::fs::remove_dir(&cgroup)?;
    let mut agent = bed.take_agent()?;
    egress_observer_tests::wait::until("it ends", std::time::Duration::from_secs(20), || {
        Ok(agent.check_running().is_err().then_some(()))
    })?;
    ensure!(
        agent.log().contains("is not attached any more"),
        "{}",
        agent.log()
    );
    Ok(())
}

#[test]
fn another_cgroup_is_moved_to() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.pod("pod", Mesh::Plain)?;
    let elsewhere = bed.cgroup.child(std::path::Path::new("elsewhere"))?;
    bed.start_agent(&["--cgroup-root", &elsewhere.to_string_lossy()])?;
    connect(&bed, 5)?;
    bed.expect("pod", [])?;
    bed.take_agent()?.stop()?;
    bed.start_agent(&[])?;
    connect(&bed, 2)?;
    bed.expect("pod", [(DIRECT, 2)])
}

/// Two agents would give each other's slots back.
#[test]
fn a_second_agent_on_the_same_pins_is_refused() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.start_agent(&[])?;
    let first = bed.take_agent()?;
    let error = bed.start_agent(&[]).err().map(|error| format!("{error:#}"));
    ensure!(
        error
            .as_ref()
            .is_some_and(|said| said.contains("is in use by another agent")),
        "{error:?}"
    );
    first.stop()?;
    bed.start_agent(&[])
}

/// Whatever directory it is given by mistake.
#[test]
fn uninstall_touches_nothing_that_no_agent_made() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.start_agent(&[])?;
    bed.take_agent()?.stop()?;
    let uninstall = |dir: &std::path::Path| {
        std::process::Command::new(egress_observer_tests::agent::binary())
            .arg("uninstall")
            .arg("--pin-dir")
            .arg(dir)
            .output()
    };
    let pins = bed.pin_dir();
    std::fs::create_dir(pins.join("someone-elses"))?;
    ensure!(uninstall(&pins)?.status.success());
    ensure!(!bed.pins().exists() && pins.join("someone-elses").exists());

    let dir = bed.run.dir().join("precious");
    std::fs::create_dir_all(dir.join("v1"))?;
    std::fs::write(dir.join("v1/file"), "")?;
    let output = uninstall(&dir)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        output.status.code() == Some(1) && said.contains("not in a BPF file system"),
        "{said}"
    );
    ensure!(dir.join("v1/file").exists());
    Ok(())
}
