//! The agent and an API server that is away, slow, strict, broken, or late.

use std::{thread::sleep, time::Duration};

use anyhow::{Result, ensure};
use egress_observer_fake_apiserver::{
    ApiServer, Options,
    faults::{Fault, Which},
    request::Verb,
    shared::StreamingLists,
};
use egress_observer_tests::{
    agent::Agent, envoy::Policy, http::get, istio::Capture, manifests, pod::Mesh, process::output,
    wait,
};
use serde_json::{Value, json};

use crate::bed::Bed;

const PASSED: &str = "tcp captured passthrough included_range";
const BLOCKED: &str = "tcp captured blocked included_range";
const PENDING: &str = "egress_observer_pending_connections";
/// Until something that the API server tells shows; after failures in a row, watches wait for up to half
/// a minute.
pub(crate) const ARRIVES: Duration = Duration::from_secs(60);

/// A captured pod, and an API server that knows the mesh but not the pod.
fn bed() -> Result<(Bed, ApiServer)> {
    let mut bed = Bed::new()?;
    bed.captured_pod("pod")?;
    Ok((bed, api(Options::default())?))
}

pub(crate) fn api(options: Options) -> Result<ApiServer> {
    let api = ApiServer::start(options)?;
    api.apply(manifests::namespace("shop", true))?;
    api.apply(manifests::mesh_config(Policy::AllowAny))?;
    api.apply(manifests::injector_config())?;
    for service in manifests::cluster_services() {
        api.apply(service)?;
    }
    Ok(api)
}

fn service_entry(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
        "metadata": {"name": name, "namespace": "shop"}, "spec": spec})
}

fn connect(bed: &Bed, n: u32) -> Result<()> {
    bed.python("pod", &format!("for n in range({n}): tcp().connect(OUT)"))
}

/// Waits until a series has a value.
pub(crate) fn expect_value(
    bed: &mut Bed,
    name: &str,
    label: (&str, &str),
    value: f64,
) -> Result<()> {
    let arrived = wait::until(&format!("{name}{label:?} is {value}"), ARRIVES, || {
        Ok((bed.scrape()?.sum(name, &[label]) == value).then_some(()))
    });
    let text = bed.scrape()?.text;
    let log = bed.agent()?.log();
    arrived.map_err(|error| error.context(format!("{text}\nthe agent's log:\n{log}")))
}

fn expect_pending(bed: &mut Bed, reason: &str, n: f64) -> Result<()> {
    expect_value(bed, PENDING, ("reason", reason), n)
}

fn ready(bed: &mut Bed) -> Result<String> {
    let answer = get(bed.agent()?.address(), "/readyz")?;
    Ok(format!("{} {}", answer.status, answer.body.trim_end()))
}

/// Connects until the agent has heard of REGISTRY_ONLY.
fn wait_until_blocked(bed: &mut Bed) -> Result<()> {
    wait::until("the change arrives", ARRIVES, || {
        connect(bed, 1)?;
        Ok(bed.counts("pod")?.contains_key(BLOCKED).then_some(()))
    })
}

fn wait_until_ready(bed: &mut Bed) -> Result<()> {
    wait::until("the agent is ready", ARRIVES, || {
        Ok(ready(bed)?.starts_with("200").then_some(()))
    })
}

#[test]
fn connections_before_the_first_list_wait_also_for_another_agent() -> Result<()> {
    let (mut bed, mut api) = bed()?;
    api.apply(bed.object("pod")?)?;
    api.stop()?;
    bed.start_agent_with(&api, &[], Agent::start_unready)?;
    connect(&bed, 3)?;
    expect_pending(&mut bed, "not_synced", 3.0)?;
    let waiting = ready(&mut bed)?;
    ensure!(
        waiting.starts_with("503 not listed yet: pods with"),
        "{waiting}"
    );
    ensure!(bed.counts("pod")?.is_empty() && bed.counts("unknown")?.is_empty());

    // It was scraped, and told nobody of them.
    let agent = bed.take_agent()?;
    output(std::process::Command::new("kill").args(["-KILL", &agent.pid().to_string()]))?;
    drop(agent);
    bed.start_agent_with(&api, &[], Agent::start_unready)?;
    connect(&bed, 2)?;
    expect_pending(&mut bed, "not_synced", 5.0)?;
    api.start_again()?;
    bed.expect("pod", [(PASSED, 5)])?;
    wait_until_ready(&mut bed)?;
    expect_pending(&mut bed, "not_synced", 0.0)
}

#[test]
fn a_pod_that_the_api_server_tells_late_gets_its_connections() -> Result<()> {
    let (mut bed, api) = bed()?;
    bed.start_agent_with(&api, &[], Agent::start)?;
    connect(&bed, 4)?;
    expect_pending(&mut bed, "not_attributed", 4.0)?;
    api.apply(bed.object("pod")?)?;
    bed.expect("pod", [(PASSED, 4)])?;
    expect_pending(&mut bed, "not_attributed", 0.0)
}

#[test]
fn a_pod_that_is_never_told_is_unknown_after_a_while() -> Result<()> {
    let (mut bed, api) = bed()?;
    bed.start_agent_with(&api, &["--attribution-wait", "2"], Agent::start)?;
    connect(&bed, 4)?;
    bed.expect("unknown", [("tcp captured unknown not_attributed", 4)])?;
    let causes = "egress_observer_unattributed_connections_total";
    expect_value(&mut bed, causes, ("cause", "pod_unknown"), 4.0)
}

#[test]
fn a_pod_that_is_deleted_at_once_is_known_to_its_last_connection() -> Result<()> {
    let (mut bed, api) = bed()?;
    let object = bed.object("pod")?;
    api.apply(object.clone())?;
    bed.start_agent_with(&api, &[], Agent::start)?;
    connect(&bed, 6)?;
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    api.delete("pods", "shop", name)?;
    bed.expect("pod", [(PASSED, 6)])?;
    connect(&bed, 1)?;
    bed.expect("pod", [(PASSED, 7)])?;
    expect_value(
        &mut bed,
        "egress_observer_watch_objects",
        ("resource", "pods"),
        0.0,
    )
}

#[test]
fn an_api_server_that_was_away_is_followed_again() -> Result<()> {
    let (mut bed, mut api) = bed()?;
    api.apply(bed.object("pod")?)?;
    // Short, so that what a watch does in half an hour is seen.
    bed.start_agent_with(&api, &["--watch-timeout", "3"], Agent::start)?;
    connect(&bed, 1)?;
    bed.expect("pod", [(PASSED, 1)])?;
    api.stop()?;
    // What is known stays in use, and is no reason to be restarted.
    connect(&bed, 1)?;
    bed.expect("pod", [(PASSED, 2)])?;
    ensure!(ready(&mut bed)? == "200 ok");
    api.start_again()?;
    api.apply(manifests::mesh_config(Policy::RegistryOnly))?;
    wait_until_blocked(&mut bed)?;
    // Another storage: versions start at 1, and the pod is not there.
    api.stop()?;
    api.start_anew(1)?;
    api.apply(manifests::mesh_config(Policy::AllowAny))?;
    expect_value(
        &mut bed,
        "egress_observer_watch_objects",
        ("resource", "pods"),
        0.0,
    )
}

#[test]
fn a_version_that_expired_is_listed_anew() -> Result<()> {
    let (mut bed, mut api) = bed()?;
    api.apply(bed.object("pod")?)?;
    bed.start_agent_with(&api, &[], Agent::start)?;
    api.stop()?;
    api.apply(manifests::mesh_config(Policy::RegistryOnly))?;
    api.compact();
    api.start_again()?;
    wait_until_blocked(&mut bed)?;
    for fault in [Fault::Expired, Fault::Gone] {
        let which = Which {
            resource: Some("pods"),
            verb: Some(Verb::Watch),
            times: Some(1),
        };
        api.fail(which, fault)?;
        api.cut_watches("pods")?;
        let before = api.count("pods", Verb::Watch);
        wait::until("pods are listed again", ARRIVES, || {
            Ok((api.count("pods", Verb::Watch) >= before + 2).then_some(()))
        })?;
    }
    expect_value(
        &mut bed,
        "egress_observer_watch_objects",
        ("resource", "pods"),
        1.0,
    )
}

#[test]
fn what_may_not_be_listed_makes_unknown_and_not_wrong() -> Result<()> {
    let (mut bed, api) = bed()?;
    api.apply(bed.object("pod")?)?;
    let which = Which {
        resource: Some("networking.istio.io/serviceentries"),
        ..Which::default()
    };
    api.fail(which, Fault::Forbidden)?;
    bed.start_agent_with(&api, &[], Agent::start)?;
    connect(&bed, 2)?;
    const UNKNOWN: &str = "tcp captured unknown not_synced";
    bed.expect("pod", [(UNKNOWN, 2)])?;
    let synced = "egress_observer_watch_synced";
    expect_value(&mut bed, synced, ("resource", "serviceentries"), 0.0)?;
    let log = bed.agent()?.log();
    let refused = "may not list and watch it";
    ensure!(log.matches(refused).count() == 1, "said once:\n{log}");
    api.clear_faults();
    expect_value(&mut bed, synced, ("resource", "serviceentries"), 1.0)?;
    connect(&bed, 1)?;
    bed.expect("pod", [(PASSED, 1), (UNKNOWN, 2)])
}

#[test]
fn without_pods_the_agent_is_not_ready_and_nothing_is_lost() -> Result<()> {
    let (mut bed, api) = bed()?;
    api.apply(bed.object("pod")?)?;
    let which = Which {
        resource: Some("pods"),
        ..Which::default()
    };
    api.fail(which, Fault::Forbidden)?;
    bed.start_agent_with(&api, &[], Agent::start_unready)?;
    connect(&bed, 2)?;
    expect_pending(&mut bed, "not_synced", 2.0)?;
    wait::until("everything else is listed", ARRIVES, || {
        let waiting = ready(&mut bed)?;
        let pods = "503 not listed yet: pods with spec.nodeName=node-1";
        Ok((waiting == pods).then_some(()))
    })?;
    api.clear_faults();
    wait_until_ready(&mut bed)?;
    bed.expect("pod", [(PASSED, 2)])
}

#[test]
fn without_istio_there_is_nothing_to_know() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.pod("pod", Mesh::Plain)?;
    let api = ApiServer::start(Options::default())?;
    for kind in [
        "gateways",
        "serviceentries",
        "sidecars",
        "virtualservices",
        "destinationrules",
        "proxyconfigs",
    ] {
        api.remove_resource(&format!("networking.istio.io/{kind}"))?;
    }
    api.remove_resource("networking.k8s.io/servicecidrs")?;
    api.apply(bed.object("pod")?)?;
    bed.start_agent_with(&api, &[], Agent::start)?;
    connect(&bed, 2)?;
    bed.expect("pod", [("tcp direct unmeshed no_sidecar", 2)])?;
    // Asked for once as a group, not once for each kind and version.
    let discovered = api.requests().into_iter();
    let discovered = discovered.filter(|request| request.path == "/apis/networking.istio.io");
    ensure!(discovered.count() == 1);
    ensure!(api.count("networking.istio.io/serviceentries", Verb::Watch) == 0);
    Ok(())
}

#[test]
fn one_bad_object_is_passed_over_and_the_rest_counts() -> Result<()> {
    let (mut bed, api) = bed()?;
    api.apply(bed.object("pod")?)?;
    let ports = json!([{"number": 80, "name": "tcp", "protocol": "TCP"}]);
    api.apply(service_entry(
        "bad",
        json!({"hosts": "httpbin.org", "ports": ports}),
    ))?;
    let good = json!({"hosts": ["httpbin.org"], "addresses": ["198.18.0.10"], "ports": ports,
        "resolution": "NONE"});
    api.apply(service_entry("good", good.clone()))?;
    bed.start_agent_with(&api, &[], Agent::start)?;
    connect(&bed, 2)?;
    const MEDIATED: &str = "tcp captured mediated included_range";
    bed.expect("pod", [(MEDIATED, 2)])?;
    let invalid = "egress_observer_watch_invalid_objects";
    expect_value(&mut bed, invalid, ("resource", "serviceentries"), 1.0)?;
    let log = bed.agent()?.log();
    ensure!(log.contains("spec.hosts") && log.contains("bad"), "{log}");
    // One that becomes bad keeps its last state,
    api.apply(service_entry("good", json!({"hosts": 1, "ports": ports})))?;
    expect_value(&mut bed, invalid, ("resource", "serviceentries"), 2.0)?;
    connect(&bed, 1)?;
    bed.expect("pod", [(MEDIATED, 3)])?;
    // until it is gone.
    api.delete("networking.istio.io/serviceentries", "shop", "good")?;
    expect_value(&mut bed, invalid, ("resource", "serviceentries"), 1.0)?;
    connect(&bed, 1)?;
    bed.expect("pod", [(MEDIATED, 3), (PASSED, 1)])
}

#[test]
fn older_api_servers_and_older_istios_are_understood() -> Result<()> {
    let mut bed = Bed::new()?;
    bed.captured_pod("pod")?;
    for streaming_lists in [StreamingLists::SwitchedOff, StreamingLists::Unknown] {
        let api = api(Options {
            streaming_lists,
            ..Options::default()
        })?;
        api.serve_versions("networking.istio.io", &["v1alpha3"]);
        api.apply(bed.object("pod")?)?;
        bed.start_agent_with(&api, &[], Agent::start)?;
        connect(&bed, 2)?;
        bed.expect("pod", [(PASSED, 2)])?;
        let log = api.requests();
        ensure!(
            log.iter()
                .any(|one| one.path.contains("/v1alpha3/serviceentries")),
            "{log:#?}"
        );
        let lists = log.iter().filter(|one| one.verb == Some(Verb::List));
        ensure!(
            lists
                .clone()
                .all(|one| one.resource_version.as_deref() == Some("0")),
            "every list is from the cache: {lists:#?}"
        );
        bed.take_agent()?.stop()?;
    }
    Ok(())
}

#[test]
fn an_overloaded_api_server_is_given_the_time_it_asks_for() -> Result<()> {
    let (mut bed, api) = bed()?;
    api.apply(bed.object("pod")?)?;
    let which = Which {
        times: Some(12),
        ..Which::default()
    };
    api.fail(which, Fault::TooManyRequests { retry_after: 3 })?;
    bed.start_agent_with(
        &api,
        &["--cluster-cidrs", "10.0.0.0/8"],
        Agent::start_unready,
    )?;
    sleep(Duration::from_secs(2));
    let early = api.requests().len();
    ensure!(early <= 17, "{early} requests in two seconds");
    wait_until_ready(&mut bed)?;
    connect(&bed, 1)?;
    bed.expect("pod", [(PASSED, 1)])
}

#[test]
fn a_list_in_pieces_and_a_broken_connection_are_no_state() -> Result<()> {
    let (mut bed, api) = bed()?;
    api.apply(bed.object("pod")?)?;
    for fault in [
        Fault::Cut { after: 700 },
        Fault::Slow {
            bytes_per_second: 4_000,
        },
    ] {
        let which = Which {
            resource: Some("pods"),
            verb: Some(Verb::Watch),
            times: Some(1),
        };
        api.fail(which, fault)?;
    }
    bed.start_agent_with(&api, &[], Agent::start)?;
    connect(&bed, 2)?;
    bed.expect("pod", [(PASSED, 2)])
}

#[test]
fn pods_of_stale_workloads_are_counted() -> Result<()> {
    let mut bed = Bed::new()?;
    let ranges = Capture {
        include_ranges: Some(vec!["10.0.0.0/8".to_owned()]),
        ..Capture::default()
    };
    bed.pod("pod", Mesh::Injected(ranges))?;
    let api = api(Options::default())?;
    let mut object = bed.object("pod")?;
    // The order came from the injector's values, which are others today.
    object["metadata"]["annotations"]
        .as_object_mut()
        .expect("an injected pod has annotations")
        .remove("traffic.sidecar.istio.io/includeOutboundIPRanges");
    api.apply(object)?;
    bed.start_agent_with(&api, &[], Agent::start)?;
    let stale = "egress_observer_workload_stale";
    expect_value(&mut bed, stale, ("source_workload", "pod"), 1.0)?;
    let info = bed.scrape()?;
    let labels = [("mode", "sidecar"), ("capture", "partial")];
    ensure!(
        info.sum("egress_observer_workload_capture_info", &labels) == 1.0,
        "{}",
        info.text
    );
    let mut values = manifests::injector_config();
    let text = values["data"]["values"].as_str().unwrap_or_default();
    let text = text.replace(
        "\"includeIPRanges\": \"*\"",
        "\"includeIPRanges\": \"10.0.0.0/8\"",
    );
    values["data"]["values"] = text.into();
    api.apply(values)?;
    expect_value(&mut bed, stale, ("source_workload", "pod"), 0.0)
}
