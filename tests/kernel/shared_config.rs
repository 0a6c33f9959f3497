//! Which ConfigMaps a mesh configuration is read from: the revision's own, and the one that istiod's
//! Deployment names (`SHARED_MESH_CONFIG`).

use anyhow::{Result, ensure};
use egress_observer_fake_apiserver::{
    ApiServer,
    faults::{Fault, Which},
    rbac::Rbac,
    request::Verb,
};
use egress_observer_tests::{agent::Agent, wait};
use serde_json::{Value, json};

use crate::{
    bed::Bed,
    cluster::{ARRIVES, api, expect_value},
};

const PASSED: &str = "tcp captured passthrough included_range";
const BLOCKED: &str = "tcp captured blocked included_range";
const UNKNOWN: &str = "tcp captured unknown not_synced";
const STRICT: &str = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}";
const OPEN: &str = "outboundTrafficPolicy: {mode: ALLOW_ANY}";
const SILENT: &str = "accessLogFile: /dev/stdout";
const ROLES: &str = r#"
kind: ClusterRole
metadata: {name: agent}
rules:
- {apiGroups: ["", apps, networking.istio.io, networking.k8s.io, admissionregistration.k8s.io],
   resources: [pods, namespaces, services, deployments, serviceentries, sidecars, virtualservices,
               destinationrules, proxyconfigs, servicecidrs, mutatingwebhookconfigurations],
   verbs: [list, watch]}
---
kind: Role
metadata: {name: agent, namespace: istio-system}
rules:
- {apiGroups: [""], resources: [configmaps], resourceNames: [istio, istio-sidecar-injector],
   verbs: [list, watch]}
"#;

/// A ConfigMap with a mesh configuration.
fn mesh(name: &str, text: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"mesh": text},
        "metadata": {"name": name, "namespace": "istio-system"}})
}

/// istiod, with what its environment says of the ConfigMap below its own.
fn istiod(shared: Option<&str>) -> Value {
    let mut env = vec![json!({"name": "REVISION", "value": "default"})];
    env.extend(shared.map(|name| json!({"name": "SHARED_MESH_CONFIG", "value": name})));
    let labels = json!({"app": "istiod"});
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "istiod", "namespace": "istio-system", "labels": labels},
        "spec": {"template": {"metadata": {"labels": labels},
            "spec": {"containers": [{"name": "discovery", "env": env}]}}}})
}

/// A captured pod, and an API server with this mesh configuration and no istiod.
fn bed(own: &str) -> Result<(Bed, ApiServer)> {
    let mut bed = Bed::new()?;
    bed.captured_pod("pod")?;
    let api = api(egress_observer_fake_apiserver::Options::default())?;
    api.apply(bed.object("pod")?)?;
    api.apply(mesh("istio", own))?;
    Ok((bed, api))
}

fn start(bed: &mut Bed, api: &ApiServer) -> Result<()> {
    let more = ["--cluster-cidrs", "10.0.0.0/8"];
    bed.start_agent_with(api, &more, Agent::start)
}

/// Connects until connections are judged so.
fn wait_until(bed: &mut Bed, judged: &str) -> Result<()> {
    let before = bed.counts("pod")?.get(judged).copied().unwrap_or_default();
    let arrived = wait::until(&format!("a connection is {judged}"), ARRIVES, || {
        bed.python("pod", "tcp().connect(OUT)")?;
        let now = bed.counts("pod")?.get(judged).copied();
        Ok((now.unwrap_or_default() > before).then_some(()))
    });
    let log = bed.agent()?.log();
    arrived.map_err(|error| error.context(format!("the agent's log:\n{log}")))
}

/// Lists and watches of a ConfigMap.
fn n_asked(api: &ApiServer, name: &str) -> usize {
    let selector = format!("metadata.name={name}");
    let requests = api.requests().into_iter();
    let of_map = requests.filter(|one| one.field_selector == selector);
    of_map.count()
}

#[test]
fn the_shared_configuration_counts_as_istiods_deployment_says() -> Result<()> {
    let (mut bed, api) = bed(SILENT)?;
    api.apply(mesh("our", STRICT))?;
    api.apply(istiod(None))?;
    start(&mut bed, &api)?;
    wait_until(&mut bed, PASSED)?;
    ensure!(n_asked(&api, "our") == 0 && n_asked(&api, "istio-shared-configmap-default") == 0);
    let deployments = api.requests().into_iter();
    let mut deployments =
        deployments.filter(|one| one.resource.as_deref() == Some("apps/deployments"));
    ensure!(
        deployments.all(|one| one.namespace.as_deref() == Some("istio-system")
            && one.label_selector == "app=istiod"),
        "only istiod's own are asked for"
    );
    // istiod is told to read another one first, which changes,
    api.apply(istiod(Some("our")))?;
    wait_until(&mut bed, BLOCKED)?;
    api.apply(mesh("our", OPEN))?;
    wait_until(&mut bed, PASSED)?;
    api.apply(mesh("our", STRICT))?;
    wait_until(&mut bed, BLOCKED)?;
    // below its own, which wins.
    api.apply(mesh("istio", OPEN))?;
    wait_until(&mut bed, PASSED)?;
    api.apply(mesh("istio", SILENT))?;
    wait_until(&mut bed, BLOCKED)?;
    // It is told to read another one, which is not there, and then none.
    api.apply(istiod(Some("other")))?;
    wait_until(&mut bed, PASSED)?;
    let followed = n_asked(&api, "our");
    api.apply(istiod(Some("our")))?;
    wait_until(&mut bed, BLOCKED)?;
    ensure!(n_asked(&api, "our") > followed, "it is watched again");
    api.apply(istiod(None))?;
    wait_until(&mut bed, PASSED)?;
    expect_value(
        &mut bed,
        "egress_observer_watch_objects",
        ("resource", "configmaps"),
        2.0,
    )
}

#[test]
fn without_istiod_a_shared_configuration_of_the_usual_name_leaves_the_policy_open() -> Result<()> {
    let (mut bed, api) = bed(SILENT)?;
    start(&mut bed, &api)?;
    wait_until(&mut bed, PASSED)?;
    let log = bed.agent()?.log();
    ensure!(log.contains("no istiod of this revision"), "{log}");
    api.apply(mesh("istio-shared-configmap-default", STRICT))?;
    wait_until(&mut bed, UNKNOWN)?;
    let log = bed.agent()?.log();
    let said = "istiod may read ConfigMap istio-system/istio-shared-configmap-default";
    ensure!(log.matches(said).count() == 1, "said once:\n{log}");
    api.apply(istiod(None))?;
    wait_until(&mut bed, PASSED)?;
    api.apply(istiod(Some("istio-shared-configmap-default")))?;
    wait_until(&mut bed, BLOCKED)?;
    api.delete("apps/deployments", "istio-system", "istiod")?;
    wait_until(&mut bed, UNKNOWN)
}

#[test]
fn deployments_that_may_not_be_read_leave_what_the_own_configuration_says() -> Result<()> {
    let (mut bed, api) = bed(SILENT)?;
    let which = Which {
        resource: Some("apps/deployments"),
        ..Which::default()
    };
    api.fail(which, Fault::Forbidden)?;
    start(&mut bed, &api)?;
    wait_until(&mut bed, UNKNOWN)?;
    let synced = "egress_observer_watch_synced";
    expect_value(&mut bed, synced, ("resource", "deployments"), 0.0)?;
    let log = bed.agent()?.log();
    ensure!(
        log.contains("may not list and watch it") && log.contains("SHARED_MESH_CONFIG"),
        "{log}"
    );
    api.apply(mesh("istio", STRICT))?;
    wait_until(&mut bed, BLOCKED)?;
    api.apply(mesh("istio", SILENT))?;
    wait_until(&mut bed, UNKNOWN)?;
    api.clear_faults();
    wait_until(&mut bed, PASSED)?;
    expect_value(&mut bed, synced, ("resource", "deployments"), 1.0)
}

#[test]
fn a_shared_configuration_that_may_not_be_read_is_named() -> Result<()> {
    let (mut bed, api) = bed(SILENT)?;
    api.apply(mesh("our", STRICT))?;
    api.apply(istiod(Some("our")))?;
    api.set_rbac(Some(Rbac::parse(ROLES)?));
    start(&mut bed, &api)?;
    wait_until(&mut bed, UNKNOWN)?;
    let log = bed.agent()?.log();
    let said = "ConfigMap istio-system/our, which istiod reads first (SHARED_MESH_CONFIG), may not be read";
    ensure!(log.contains(said), "{log}");
    let names = ROLES.replace("resourceNames: [", "resourceNames: [our, ");
    api.set_rbac(Some(Rbac::parse(&names)?));
    wait_until(&mut bed, BLOCKED)?;
    ensure!(api.count("apps/deployments", Verb::Watch) > 0);
    Ok(())
}
