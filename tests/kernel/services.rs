//! What is known inside the cluster: by its Services, by them alone, and only while they are watched.

use anyhow::{Result, ensure};
use egress_observer_fake_apiserver::{
    ApiServer, Options,
    faults::{Fault, Which},
};
use egress_observer_tests::{
    agent::{self, Agent},
    envoy::Policy,
    manifests,
    network::{POD_CIDR, SERVICE_CIDR},
    services::{self, ServicesPlan},
    wait,
};

use crate::{
    bed::Bed,
    cluster::{ARRIVES, api, expect_value},
};

const MEDIATED: &str = "tcp captured mediated included_range";
const PASSED: &str = "tcp captured passthrough included_range";
const BLOCKED: &str = "tcp captured blocked included_range";
const UNKNOWN: &str = "tcp captured unknown services_needed";

/// Destinations, as the programs of pods have them: a Service's; an address of the Services' range
/// that none has; and one outside.
const DB: &str = "('10.96.0.20', 5432)";
const NOBODY: &str = "('10.96.0.99', 5432)";
const OUTSIDE: &str = "OUT";

fn bed(more: &[&str]) -> Result<(Bed, ApiServer)> {
    let mut bed = Bed::new()?;
    bed.captured_pod("pod")?;
    let api = api(Options::default())?;
    api.apply(db())?;
    api.apply(bed.object("pod")?)?;
    start(&mut bed, &api, more)?;
    Ok((bed, api))
}

fn start(bed: &mut Bed, api: &ApiServer, more: &[&str]) -> Result<()> {
    let ranges = [POD_CIDR, SERVICE_CIDR].join(",");
    let mut args = vec!["--cluster-cidrs", &ranges];
    args.extend(more);
    bed.start_agent_with(api, &args, Agent::start)
}

fn db() -> serde_json::Value {
    manifests::service(("shop", "db"), "10.96.0.20", &[("tcp", 5432, "TCP")])
}

fn connect(bed: &Bed, to: &str) -> Result<()> {
    bed.python("pod", &format!("tcp().connect({to})"))
}

/// What the registry makes of the connections to a port, by the metrics of destinations.
fn in_registry(bed: &mut Bed, registry: &str) -> Result<f64> {
    let labels = [("registry", registry), ("destination_port", "5432")];
    let family = "egress_observer_destination_connections_total";
    Ok(bed.scrape()?.sum(family, &labels))
}

fn expect_services(bed: &mut Bed, n: f64) -> Result<()> {
    let family = "egress_observer_watch_objects";
    expect_value(bed, family, ("resource", "services"), n)
}

#[test]
fn an_address_of_the_clusters_range_is_known_if_a_service_has_it() -> Result<()> {
    let (mut bed, api) = bed(&[])?;
    for to in [DB, NOBODY, OUTSIDE] {
        connect(&bed, to)?;
    }
    bed.expect("pod", [(MEDIATED, 1), (PASSED, 2)])?;
    let known = ["cluster", "undeclared", "unknown"];
    let known = known.map(|registry| in_registry(&mut bed, registry).ok());
    ensure!(known == [Some(1.0), Some(1.0), Some(0.0)], "{known:?}");

    api.apply(manifests::mesh_config(Policy::RegistryOnly))?;
    wait::until("the change arrives", ARRIVES, || {
        connect(&bed, OUTSIDE)?;
        Ok(bed.counts("pod")?.contains_key(BLOCKED).then_some(()))
    })?;
    let before = bed.counts("pod")?.get(BLOCKED).copied();
    let before = before.unwrap_or_default();
    connect(&bed, NOBODY)?;
    bed.expect_among("pod", BLOCKED, before + 1)?;
    connect(&bed, DB)?;
    bed.expect_among("pod", MEDIATED, 2)?;

    // One that goes is known no more, and one that comes back is.
    api.delete("services", "shop", "db")?;
    expect_services(&mut bed, 2.0)?;
    connect(&bed, DB)?;
    bed.expect_among("pod", BLOCKED, before + 2)?;
    api.apply(db())?;
    expect_services(&mut bed, 3.0)?;
    connect(&bed, DB)?;
    bed.expect_among("pod", MEDIATED, 3)
}

#[test]
fn without_services_nothing_is_claimed_inside_the_cluster() -> Result<()> {
    let (mut bed, api) = bed(&["--services", "off"])?;
    for to in [DB, NOBODY, OUTSIDE] {
        connect(&bed, to)?;
    }
    bed.expect("pod", [(UNKNOWN, 2), (PASSED, 1)])?;
    ensure!(in_registry(&mut bed, "unknown")? == 2.0);
    let asked = api.requests();
    ensure!(
        asked.iter().all(|one| !one.path.contains("/services")),
        "{asked:#?}"
    );
    let scrape = bed.scrape()?;
    let label = [("resource", "services")];
    let mut told = scrape.select("egress_observer_watch_synced", &label);
    ensure!(told.next().is_none(), "{}", scrape.text);
    Ok(())
}

#[test]
fn services_that_may_not_be_listed_are_as_good_as_none() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.captured_pod("pod")?;
    let api = api(Options::default())?;
    api.apply(db())?;
    api.apply(bed.object("pod")?)?;
    let which = Which {
        resource: Some("services"),
        ..Which::default()
    };
    api.fail(which, Fault::Forbidden)?;
    start(&mut bed, &api, &[])?;
    for to in [DB, NOBODY, OUTSIDE] {
        connect(&bed, to)?;
    }
    bed.expect("pod", [(UNKNOWN, 2), (PASSED, 1)])?;
    let synced = "egress_observer_watch_synced";
    expect_value(&mut bed, synced, ("resource", "services"), 0.0)?;
    api.clear_faults();
    expect_value(&mut bed, synced, ("resource", "services"), 1.0)?;
    connect(&bed, DB)?;
    bed.expect("pod", [(MEDIATED, 1), (PASSED, 1), (UNKNOWN, 2)])
}

/// What may be used where there are thousands and they change all the time: memory of half as much again as
/// was measured (4 KiB), and ten times the time (0.3 ms), as the agent may be one without optimisation, and
/// other programs run beside it.
#[test]
fn thousands_of_services_that_change_cost_little() -> Result<()> {
    let plan = ServicesPlan {
        services: 10_000,
        changes: 500,
        per_second: 50,
    };
    let cost = services::measure(&agent::binary(), plan)?;
    println!("{cost}");
    let per_service = cost.bytes_per_service(plan.services);
    ensure!(per_service <= 6 << 10, "{per_service} bytes each: {cost}");
    ensure!(cost.seconds_per_change() <= 3e-3, "{cost}");
    Ok(())
}
