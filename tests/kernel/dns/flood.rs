//! More answers than anybody can read.

use anyhow::{Result, ensure};
use egress_observer_tests::{
    metrics::Scrape,
    pod::{APP, Mesh, User},
};

use super::{ISTIO_DNS, arrive_at_services, bed_without_agent, python};
use crate::bed::{Bed, Job, OUTSIDE, TRAFFIC};

/// A DNS server outside that nobody asked.
const UNASKED: &str = "198.18.0.10:53";
/// From outside and from the pod itself.
const N_ANSWERS: u64 = 2 * 270_000;
/// Of two pods.
const N_CONNECTIONS: u64 = 2 * 25_000;
/// How much more memory the agent may have afterwards.
const GROWTH_MIB: f64 = 8.0;

/// Garbage, broken and huge answers, faster than 50,000 a second on an idle machine, while pods
/// connect.
#[test]
fn a_flood_of_answers_loses_answers_and_nothing_else() -> Result<()> {
    let mut bed = bed_without_agent()?;
    bed.pod("other", Mesh::Plain)?;
    bed.start_agent(&[])?;
    let told = "told(answer('before.test', address('198.18.7.1')))";
    python(&bed, "pod", told)?;
    let before = bed.scrape()?;

    let floods = start_floods(&mut bed)?;
    let args = ["burst", OUTSIDE, "--count", "25000"];
    let bursts = ["pod", "other"].map(|workload| bed.start_traffic(workload, &args));
    for burst in bursts {
        let said = burst?.finish()?;
        ensure!(said["connected"] == N_CONNECTIONS / 2, "{said}");
    }
    // It answers in the middle of it.
    bed.scrape()?;
    let said = floods.map(Job::finish);
    let said = said.into_iter().collect::<Result<Vec<_>>>()?;
    let sum = |field: &str| {
        said.iter()
            .filter_map(|said| said[field].as_u64())
            .sum::<u64>()
    };
    let (n_sent, n_answers) = (sum("sent"), sum("answers"));
    ensure!(n_sent == N_ANSWERS, "{n_sent} sent");

    for workload in ["pod", "other"] {
        let direct = "tcp direct unmeshed no_sidecar";
        bed.expect_among(workload, direct, N_CONNECTIONS / 2)?;
    }
    bed.expect_no_connection_lost()?;
    let after = bed.scrape()?;
    println!("{said:?}\n{} read, {} lost", read(&after), lost(&after));
    let (memory_before, memory_after) = (memory_mib(&before), memory_mib(&after));
    println!("agent: {memory_before:.1} MiB before, {memory_after:.1} MiB after");
    // Each answer that the program saw is in exactly one of these.
    let seen = read(&after) + lost(&after) - read(&before);
    ensure!(seen == n_answers, "{seen} of {n_answers} answers seen");
    ensure!(memory_after < memory_before + GROWTH_MIB);

    let program = "told(answer('after.test', address('198.18.7.2')))\nconnect('198.18.7.2')";
    python(&bed, "pod", program)?;
    arrive_at_services(&mut bed, "pod", &[("after.test unmeshed", 1)])
}

/// To a socket of the pod that reads nothing.
fn start_floods(bed: &mut Bed) -> Result<[Job; 2]> {
    let pod = bed.get("pod")?;
    let deaf = pod.command(APP, User::APP, &[TRAFFIC, "deaf", "0.0.0.0:5353"])?;
    let to = format!("{}:5353", pod.network.v4);
    bed.add_job(deaf)?;
    let pace = ["--count", "270000", "--rate", "45000"];
    let mut outside = bed.network.ext().command(TRAFFIC);
    outside
        .args(["flood", UNASKED, &to, "--seed", "1"])
        .args(pace);
    // Only loopback has packets of any size.
    let mut inside = vec!["flood", ISTIO_DNS, "127.0.0.1:5353", "--seed", "2"];
    inside.extend(["--huge", "20"]);
    inside.extend(pace);
    Ok([Job::start(outside)?, bed.start_traffic("pod", &inside)?])
}

fn read(scrape: &Scrape) -> u64 {
    scrape.sum("egress_observer_dns_answers_total", &[]) as u64
}

fn lost(scrape: &Scrape) -> u64 {
    let source = [("source", "dns_buffer")];
    scrape.sum("egress_observer_events_lost_total", &source) as u64
}

fn memory_mib(scrape: &Scrape) -> f64 {
    scrape.sum("process_resident_memory_bytes", &[]) / f64::from(1 << 20)
}
