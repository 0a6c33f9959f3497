//! Counts are exact: under load, under reuse of ports, and of everything at once.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use egress_observer_tests::pod::{Mesh, PROXY, User};
use serde_json::Value;

use crate::bed::{Bed, CLOSED, Job, OUTSIDE, TRAFFIC};

fn ports(said: &Value) -> Result<Vec<u64>> {
    let ports = said["ports"].as_array().context("a list of ports")?;
    Ok(ports.iter().filter_map(Value::as_u64).collect())
}

/// How many of the client's connections arrived with another source port than they left with.
fn rewritten(client: &[u64], sidecar: &[u64]) -> i64 {
    let mut balance = BTreeMap::<u64, i64>::new();
    client.iter().for_each(|port| *balance.entry(*port).or_default() += 1);
    sidecar.iter().for_each(|port| *balance.entry(*port).or_default() -= 1);
    balance.values().filter(|n| **n > 0).sum()
}

/// Behind one listener all captured connections share its address, so conntrack gives many of them
/// another source port; whoever compares ports takes these for direct.
#[test]
fn ten_thousand_open_captured_connections_are_all_proved() -> Result<()> {
    const N: u64 = 10_000;
    let mut bed = Bed::new()?;
    bed.pod("busy", Mesh::WithoutRules(Default::default()))?;
    // Rules and a sidecar of our own: one that holds what it accepts.
    let pod = bed.get("busy")?;
    let capture = egress_observer_tests::istio::Capture::default();
    capture.apply(&pod.network.netns, egress_observer_tests::istio::Family::V4)?;
    pod.network.netns.set("ipv4/ip_local_port_range", "32768 60999")?;
    bed.end_jobs_of_pods();
    let argv = [TRAFFIC, "sink", "0.0.0.0:15001", "--hold"];
    let sidecar = Job::start(bed.get("busy")?.command(PROXY, User::PROXY, &argv)?)?;
    bed.start_agent(&[])?;

    let args = ["hold", "198.18.4.0:80", "--destinations", "1000", "--count", "10000"];
    let mut client = bed.start_traffic("busy", &args)?;
    let held = client.line()?;
    ensure!(held["connected"] == N, "{held}");
    bed.expect("busy", [("tcp captured passthrough included_range", N)])?;

    let accepted = sidecar.finish()?;
    ensure!(accepted["accepted"] == N, "the sidecar accepted {}", accepted["accepted"]);
    let n_rewritten = rewritten(&ports(&held)?, &ports(&accepted)?);
    println!("{N} open captured connections, {n_rewritten} with another source port");
    ensure!(n_rewritten > 1_000, "conntrack changed only {n_rewritten} ports: no test of this");

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
        bed.expect(workload, [tcp, ("udp direct configured_bypass not_tcp", 5_000)])?;
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
    ensure!(by_destination == 200_000.0, "{by_destination} by destination");
    let refused = [("error", "refused")];
    let refused = scrape.sum("egress_observer_connection_failures_total", &refused);
    ensure!(refused == 28_000.0, "{refused} refused");
    Ok(())
}
