//! Tables that are too small, on purpose: the total stays exact, and what is lost has a cause.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use egress_observer_tests::{pod::Mesh, wait};

use crate::bed::{Bed, counts_in};

/// What is lost of each kind.
fn lost(bed: &mut Bed, family: &str, label: (&str, &str)) -> Result<u64> {
    Ok(bed
        .scrape()?
        .sum(&format!("egress_observer_{family}"), &[label]) as u64)
}

fn total(bed: &mut Bed, workload: &str) -> Result<u64> {
    Ok(counts_in(&bed.scrape()?, workload).values().sum())
}

#[test]
fn flows_that_do_not_fit_are_counted_as_lost() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.captured_pod("pod")?;
    bed.start_agent(&["--max-flows", "64"])?;
    // Every address twice: a flow that found no room has none the second time.
    let args = [
        "hold",
        "198.18.4.0:80",
        "--destinations",
        "500",
        "--count",
        "1000",
    ];
    let mut job = bed.start_traffic("pod", &args)?;
    job.line()?;
    let lost = lost(&mut bed, "flows_lost_total", ("cause", "flow_table_full"))?;
    let counted = total(&mut bed, "pod")?;
    ensure!(
        counted + lost == 1_000,
        "{counted} counted, {lost} lost of 1,000"
    );
    // The sidecar's own sockets take no flow: it connects nowhere.
    ensure!(counted == 2 * 64, "{counted} counted");
    Ok(())
}

#[test]
fn attempts_that_do_not_fit_end_unknown() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.pod("pod", Mesh::Plain)?;
    bed.network
        .ext()
        .ip("route add blackhole 203.0.113.0/24\n")?;
    bed.start_agent(&["--max-attempts", "64"])?;
    // 200 SYNs that nobody answers, under way at the same time; then the program gives up.
    let program = "
held = []
for n in range(200):
    s = tcp()
    s.setblocking(False)
    assert s.connect_ex(('203.0.113.1', 80)) == errno.EINPROGRESS
    held.append(s)
";
    bed.python("pod", program)?;
    let lost = lost(&mut bed, "events_lost_total", ("source", "attempt_table"))?;
    ensure!(lost >= 200 - 64, "{lost} lost");
    bed.expect_counts("pod", &[("tcp unknown unmeshed no_sidecar", 200)])?;
    let closed = bed.scrape()?.sum(
        "egress_observer_connection_failures_total",
        &[("error", "closed")],
    );
    ensure!(
        closed as u64 + lost == 200,
        "{closed} closed, {lost} lost of 200"
    );
    Ok(())
}

#[test]
fn loopback_connections_that_find_no_place_to_wait_are_unproven() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.captured_pod("pod")?;
    bed.start_agent(&["--max-proofs", "4"])?;
    // The listener accepts when the first byte arrives: until then all of them wait.
    let program = "
server = tcp()
server.bind(('127.0.0.1', 0))
server.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
server.listen(100)
held = []
for n in range(50):
    s = tcp()
    s.connect(server.getsockname())
    held.append(s)
for s in held:
    s.send(b'x')
    server.accept()
";
    bed.python("pod", program)?;
    let lost = lost(&mut bed, "events_lost_total", ("source", "proof_table"))?;
    ensure!(lost == 46, "{lost} lost");
    bed.expect_counts(
        "pod",
        &[
            ("tcp direct configured_bypass loopback", 4),
            ("tcp unknown unknown listener_unseen", 46),
        ],
    )
}

/// Flows that ended make room for others, and count on if they come back.
#[test]
fn slots_of_idle_flows_are_used_again() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.captured_pod("pod")?;
    bed.start_agent(&["--max-flows", "64", "--flow-idle", "1"])?;
    // Three times fifty flows for 64 slots; the third time those of the first.
    let mut expected = 0;
    for first in ["198.18.4.0:80", "198.18.5.0:80", "198.18.4.0:80"] {
        let args = ["hold", first, "--destinations", "50", "--count", "100"];
        bed.start_traffic("pod", &args)?.finish_held()?;
        expected += 100;
        bed.expect(
            "pod",
            [("tcp captured passthrough included_range", expected)],
        )?;
        wait::until("all slots are given back", Duration::from_secs(40), || {
            let scrape = bed.scrape()?;
            let flows = scrape.sum("egress_observer_bpf_map_entries", &[("map", "flows")]);
            Ok((flows == 0.0).then_some(()))
        })?;
    }
    bed.expect(
        "pod",
        [("tcp captured passthrough included_range", expected)],
    )
}

/// A setting that makes no sense is refused with its name, before anything is attached.
#[test]
fn a_table_of_a_wrong_size_is_refused() -> Result<()> {
    let mut bed = Bed::new()?;
    let error = bed
        .start_agent(&["--max-proofs", "100"])
        .err()
        .context("it started")?;
    let said = format!("{error:#}");
    ensure!(
        said.contains("--max-proofs") && said.contains("power of two"),
        "{said}"
    );
    Ok(())
}
