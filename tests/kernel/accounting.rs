//! Counts are exact: under load, under reuse of ports, and of everything at once.

use anyhow::{Result, ensure};
use egress_observer_tests::{
    istio::Capture,
    pod::{Mesh, PROXY, Pod, User},
    process::output,
    rules::Family,
};

use crate::bed::{Bed, CLOSED, Job, OUTSIDE, TRAFFIC};

/// What conntrack, which nobody here wrote, says of a pod's captured connections: how many there
/// are, and how many of them arrived with another source port than they left with.
fn captured_and_rewritten(pod: &Pod) -> Result<(usize, usize)> {
    let mut conntrack = pod.network.netns.command("conntrack");
    let listing = output(conntrack.args(["-L", "-p", "tcp"]))?;
    // `... src=POD dst=DESTINATION sport=1 dport=80 src=127.0.0.1 dst=POD sport=15001 dport=2 ...`
    let field = |line: &str, name: &str, nth: usize| -> Option<String> {
        let mut values = line.split(' ').filter_map(|word| word.strip_prefix(name));
        values.nth(nth).map(str::to_owned)
    };
    let captured: Vec<_> = listing
        .lines()
        .filter(|line| field(line, "sport=", 1).as_deref() == Some("15001"))
        .collect();
    let rewritten = captured
        .iter()
        .filter(|line| field(line, "sport=", 0) != field(line, "dport=", 1));
    Ok((captured.len(), rewritten.count()))
}

/// Behind one listener all captured connections share its address, so conntrack gives many of them
/// another source port; whoever compares ports takes these for direct.
#[test]
fn ten_thousand_open_captured_connections_are_all_proved() -> Result<()> {
    const N: u64 = 10_000;
    let mut bed = Bed::new()?;
    bed.pod("busy", Mesh::WithoutRules(Capture::default()))?;
    // Rules and a sidecar of our own: one that holds what it accepts.
    let pod = bed.get("busy")?;
    Capture::default().apply(&pod.network.netns, Family::V4)?;
    pod.network
        .netns
        .set("ipv4/ip_local_port_range", "32768 44767")?;
    bed.end_jobs_of_pods();
    let argv = [TRAFFIC, "sink", "0.0.0.0:15001", "--hold"];
    let sidecar = Job::start(bed.get("busy")?.command(PROXY, User::PROXY, &argv)?)?;
    bed.start_agent(&[])?;

    let args = [
        "hold",
        "198.18.4.0:80",
        "--destinations",
        "1000",
        "--count",
        "10000",
    ];
    let mut client = bed.start_traffic("busy", &args)?;
    let held = client.line()?;
    ensure!(held["connected"] == N, "{held}");
    bed.expect("busy", [("tcp captured passthrough included_range", N)])?;

    let (n_captured, n_rewritten) = captured_and_rewritten(bed.get("busy")?)?;
    println!("{N} open captured connections, {n_rewritten} with another source port");
    ensure!(
        n_captured as u64 == N,
        "conntrack knows {n_captured} captured connections"
    );
    ensure!(
        n_rewritten > 1_000,
        "conntrack changed only {n_rewritten} ports: no test of this"
    );
    let accepted = sidecar.finish()?;
    ensure!(
        accepted["accepted"] == N,
        "the sidecar accepted {}",
        accepted["accepted"]
    );

    let rss = bed.scrape()?.sum("process_resident_memory_bytes", &[]) / f64::from(1 << 20);
    println!("agent: {rss:.1} MiB resident");
    Ok(())
}

/// Two captured and two direct pods, three processes each, everything at the same time.
#[test]
fn two_hundred_thousand_connections_are_counted_exactly() -> Result<()> {
    let mut bed = Bed::new()?;
    for workload in ["captured-1", "captured-2"] {
        bed.captured_pod(workload)?;
    }
    for workload in ["direct-1", "direct-2"] {
        bed.pod(workload, Mesh::Plain)?;
    }
    bed.start_agent(&[])?;

    let start = std::time::Instant::now();
    let mut jobs = Vec::new();
    let mut burst = |bed: &Bed, workload: &str, to: &str, kind: &str, count: &str| {
        let args = ["burst", to, "--kind", kind, "--count", count];
        jobs.push(bed.start_traffic(workload, &args)?);
        anyhow::Ok(())
    };
    for workload in ["captured-1", "captured-2"] {
        for to in ["198.18.0.10:80", "198.18.0.11:80", "198.18.0.12:443"] {
            burst(&bed, workload, to, "tcp", "14000")?;
        }
        burst(&bed, workload, OUTSIDE, "udp", "5000")?;
    }
    for workload in ["direct-1", "direct-2"] {
        burst(&bed, workload, OUTSIDE, "tcp", "14000")?;
        burst(&bed, workload, OUTSIDE, "tcp", "14000")?;
        burst(&bed, workload, CLOSED, "tcp", "14000")?;
        burst(&bed, workload, OUTSIDE, "udp", "4000")?;
        burst(&bed, workload, "198.18.0.10:53", "sendto", "7000")?;
    }
    for job in jobs {
        job.finish()?;
    }
    println!("200,000 connections in {:.1?}", start.elapsed());

    for workload in ["captured-1", "captured-2"] {
        let tcp = ("tcp captured passthrough included_range", 42_000);
        bed.expect(
            workload,
            [tcp, ("udp direct configured_bypass not_tcp", 5_000)],
        )?;
    }
    for workload in ["direct-1", "direct-2"] {
        bed.expect(
            workload,
            [
                ("tcp direct unmeshed no_sidecar", 28_000),
                ("tcp unknown unmeshed no_sidecar", 14_000),
                ("udp direct unmeshed no_sidecar", 11_000),
            ],
        )?;
    }
    let scrape = bed.scrape()?;
    let total = scrape.sum("egress_observer_connections_total", &[("actor", "app")]);
    ensure!(total == 200_000.0, "{total} in all");
    let by_destination = scrape.sum("egress_observer_destination_connections_total", &[]);
    ensure!(
        by_destination == 200_000.0,
        "{by_destination} by destination"
    );
    let refused = [("error", "refused")];
    let refused = scrape.sum("egress_observer_connection_failures_total", &refused);
    ensure!(refused == 28_000.0, "{refused} refused");
    Ok(())
}
