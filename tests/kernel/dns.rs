//! The names of destinations, as pods are told them: answers of every shape, to every kind of
//! socket, good and bad, few and too many.

mod answers;
mod flood;
mod names;

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, ensure};
use egress_observer_tests::{
    metrics::{Sample, Scrape},
    pod::Mesh,
    wait,
};

use crate::bed::{Bed, TRAFFIC};

/// What Python programs here start with.
const DNS: &str = include_str!("dns/dns.py");
/// Outside: they send back what they get.
const SERVERS: [&str; 2] = ["10.96.0.10:53", "[2001:db8:18::10]:53"];
/// The mesh's resolver in a pod, where it answers from its own port.
const ISTIO_DNS: &str = "127.0.0.1:15053";

/// How long counters may take to arrive at what is expected.
const SETTLE: Duration = Duration::from_secs(10);

/// A pod without a sidecar, and outside of it DNS servers and a server that has any address of
/// `198.18.7.0/24` and `2001:db8:7::/64`.
fn bed_without_agent() -> Result<Bed> {
    let mut bed = Bed::new()?;
    bed.pod("pod", Mesh::Plain)?;
    bed.network
        .ext()
        .ip("route add local 198.18.7.0/24 dev lo\nroute add local 2001:db8:7::/64 dev lo\n")?;
    for argv in [
        &["sink", "0.0.0.0:8080", "[::]:8080"][..],
        &["echo", SERVERS[0], SERVERS[1]],
    ] {
        let mut server = bed.network.ext().command(TRAFFIC);
        server.args(argv);
        bed.add_job(server)?;
    }
    Ok(bed)
}

fn bed() -> Result<Bed> {
    let mut bed = bed_without_agent()?;
    bed.start_agent(&[])?;
    Ok(bed)
}

fn python(bed: &Bed, workload: &str, program: &str) -> Result<()> {
    bed.python(workload, &format!("{DNS}\n{program}"))
}

/// A workload's connections to that server, by the destination's label and the verdict.
fn services_in(scrape: &Scrape, workload: &str) -> BTreeMap<String, u64> {
    let labels = [("source_workload", workload), ("destination_port", "8080")];
    let samples = scrape.select("egress_observer_destination_connections_total", &labels);
    let service = |sample: &Sample| {
        let labels = ["destination_service", "verdict"].map(|name| sample.label(name));
        (labels.join(" "), sample.value as u64)
    };
    samples.map(service).collect()
}

/// Waits until the workload's connections are to these destinations, and to no other; nothing may
/// have been lost.
fn expect_services(bed: &mut Bed, workload: &str, expected: &[(&str, u64)]) -> Result<()> {
    arrive_at_services(bed, workload, expected)?;
    bed.expect_nothing_lost()
}

fn arrive_at_services(bed: &mut Bed, workload: &str, expected: &[(&str, u64)]) -> Result<()> {
    let expected: BTreeMap<String, u64> = expected
        .iter()
        .map(|(service, n)| ((*service).to_owned(), *n))
        .collect();
    let arrived = wait::until("destinations are as expected", SETTLE, || {
        let found = services_in(&bed.scrape()?, workload);
        Ok((found == expected).then_some(()))
    });
    let found = services_in(&bed.scrape()?, workload);
    ensure!(
        found == expected,
        "of {workload}\nexpected {expected:#?}\nfound {found:#?}"
    );
    arrived
}

/// What came of the DNS answers so far: those that there were.
fn answers(bed: &mut Bed) -> Result<BTreeMap<String, u64>> {
    let scrape = bed.scrape()?;
    let samples = scrape.select("egress_observer_dns_answers_total", &[]);
    let there_were = samples.filter(|sample| sample.value > 0.0);
    Ok(there_were
        .map(|sample| (sample.label("result").to_owned(), sample.value as u64))
        .collect())
}

fn expect_answers(bed: &mut Bed, expected: &[(&str, u64)]) -> Result<()> {
    let expected: BTreeMap<String, u64> = expected
        .iter()
        .map(|(result, n)| ((*result).to_owned(), *n))
        .collect();
    let found = answers(bed)?;
    ensure!(found == expected, "expected {expected:?}, found {found:?}");
    Ok(())
}

/// Connections of the pod, to each of these names one.
fn expect_each_once(bed: &mut Bed, names: &[String]) -> Result<()> {
    let services: Vec<_> = names
        .iter()
        .map(|name| format!("{name} unmeshed"))
        .collect();
    let expected: Vec<_> = services.iter().map(|service| (&**service, 1)).collect();
    expect_services(bed, "pod", &expected)
}

fn counter(bed: &mut Bed, name: &str, labels: &[(&str, &str)]) -> Result<u64> {
    let name = format!("egress_observer_{name}");
    Ok(bed.scrape()?.sum(&name, labels) as u64)
}
