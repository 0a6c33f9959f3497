//! A cluster with thousands of Services, which change all the time: what that costs the agent, which
//! watches all of them.

use std::{
    fmt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use egress_observer_fake_apiserver::{ApiServer, Options};
use serde_json::{Value, json};

use crate::{
    agent::{Agent, AgentSettings, Objects},
    bench::usage::{Used, resident_bytes},
    cgroup::NodeCgroup,
    envoy::Policy,
    manifests,
    run::Run,
    wait,
};

/// Until the last change has arrived.
const ARRIVES: Duration = Duration::from_secs(30);
/// As the real one's: one bookmark a minute.
const BOOKMARKS: Duration = Duration::from_secs(60);

/// How many Services there are, and how they change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServicesPlan {
    pub services: u32,
    pub changes: u32,
    pub per_second: u32,
}

/// What they cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// The agent's resident memory with the two Services that every cluster has.
    pub few_bytes: u64,
    /// The same with all.
    pub many_bytes: u64,
    /// CPU time from its start until all are known, net of a start with the two.
    pub list_seconds: f64,
    /// Changes that were made in `seconds`.
    pub changes: u32,
    pub seconds: f64,
    /// CPU time meanwhile.
    pub cpu_seconds: f64,
}

impl Cost {
    /// Memory for each Service.
    pub fn bytes_per_service(&self, services: u32) -> u64 {
        self.many_bytes.saturating_sub(self.few_bytes) / u64::from(services.max(1))
    }

    /// CPU time for each change, all told: TLS, JSON, and the registry made right.
    pub fn seconds_per_change(&self) -> f64 {
        self.cpu_seconds / f64::from(self.changes.max(1))
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [few_mib, many_mib] =
            [self.few_bytes, self.many_bytes].map(|bytes| bytes as f64 / f64::from(1 << 20));
        write!(
            f,
            "resident {:.1} MiB, with all Services {:.1} MiB; first list {:.2} s of CPU; \
             {} changes in {:.1} s: {:.2} % of one CPU, {:.0} us each",
            few_mib,
            many_mib,
            self.list_seconds,
            self.changes,
            self.seconds,
            self.cpu_seconds / self.seconds * 100.0,
            self.seconds_per_change() * 1e6,
        )
    }
}

/// Starts an agent on a cluster without, and one on a cluster with these Services, and changes them.
/// Needs root.
pub fn measure(binary: &Path, plan: ServicesPlan) -> Result<Cost> {
    let run = Run::start()?;
    let cgroup = NodeCgroup::create(&run)?;
    let api = api_server()?;
    let (few, few_used) = start(&run, &cgroup, &api, binary)?;
    let few_bytes = resident_bytes(few.pid())?;
    few.stop()?;
    for n in 0..plan.services {
        api.apply(service(n, 0))?;
    }
    let (mut agent, used) = start(&run, &cgroup, &api, binary)?;
    let many_bytes = resident_bytes(agent.pid())?;
    let begin = Used::read(agent.pid())?;
    change(&api, plan)?;
    // Events arrive in their order.
    api.apply(service(plan.services, 0))?;
    wait_for_services(&mut agent, plan.services + 1)?;
    let changed = Used::read(agent.pid())?.since(begin);
    agent.stop()?;
    Ok(Cost {
        few_bytes,
        many_bytes,
        list_seconds: used - few_used,
        changes: plan.changes,
        seconds: changed.seconds,
        cpu_seconds: changed.cpu_seconds,
    })
}

/// An agent that knows everything, and the CPU time that took.
fn start(run: &Run, cgroup: &NodeCgroup, api: &ApiServer, binary: &Path) -> Result<(Agent, f64)> {
    let kubeconfig = run.dir().join("kubeconfig");
    api.kubeconfig(&kubeconfig)?;
    let root = cgroup.dir().to_string_lossy();
    let settings = AgentSettings {
        binary,
        objects: Objects::Api(&kubeconfig),
        pin_dir: Path::new("none"),
        cgroup: &cgroup.child(Path::new("system.slice"))?,
        more: &["--cgroup-root", &root],
    };
    let mut agent = Agent::start(run, settings)?;
    agent.scrape()?;
    let used = Used::read(agent.pid())?;
    Ok((agent, used.cpu_seconds()))
}

fn api_server() -> Result<ApiServer> {
    let api = ApiServer::start(Options {
        bookmark_interval: BOOKMARKS,
        ..Options::default()
    })?;
    for object in manifests::cluster_services() {
        api.apply(object)?;
    }
    api.apply(manifests::namespace("shop", true))?;
    api.apply(manifests::mesh_config(Policy::AllowAny))?;
    api.apply(manifests::injector_config())
        .context("cannot fill the API server")?;
    Ok(api)
}

/// Makes the changes at their pace, each of another Service.
fn change(api: &ApiServer, plan: ServicesPlan) -> Result<()> {
    let begin = Instant::now();
    for n in 0..plan.changes {
        wait::check_interrupt()?;
        let due = Duration::from_secs_f64(f64::from(n) / f64::from(plan.per_second));
        thread::sleep(due.saturating_sub(begin.elapsed()));
        api.apply(service(n % plan.services, 1 + n / plan.services))?;
    }
    Ok(())
}

fn wait_for_services(agent: &mut Agent, more: u32) -> Result<()> {
    let wanted = f64::from(more) + manifests::cluster_services().len() as f64;
    let label = [("resource", "services")];
    wait::until("the last Service is known", ARRIVES, || {
        let known = agent.scrape()?.sum("egress_observer_watch_objects", &label);
        Ok((known == wanted).then_some(()))
    })
}

/// A Service as clusters have them: in one of a hundred namespaces, with HTTP and another port, one in
/// ten without a cluster IP; and with what `kubectl` and controllers leave, which nobody reads. Each
/// change is one of its ports.
fn service(n: u32, change: u32) -> Value {
    let [_, b, c, d] = n.to_be_bytes();
    let ip = format!("10.{}.{c}.{d}", 97 + b);
    let port = 9_000 + (n + change) as u16 % 1_000;
    let (namespace, name) = (format!("team-{}", n % 100), format!("service-{n}"));
    let ports = [("http", 80, "TCP"), ("tcp-own", port, "TCP")];
    let mut service = manifests::service((&namespace, &name), &ip, &ports);
    if n.is_multiple_of(10) {
        service["spec"]["clusterIP"] = json!("None");
        service["spec"]["clusterIPs"] = json!(["None"]);
    }
    let applied = service.to_string();
    service["metadata"]["annotations"] =
        json!({"kubectl.kubernetes.io/last-applied-configuration": applied});
    service["metadata"]["labels"] = json!({
        "app.kubernetes.io/name": name, "app.kubernetes.io/instance": name,
        "app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "service-1.2.3",
    });
    service["metadata"]["managedFields"] = json!([{
        "manager": "kubectl-client-side-apply", "operation": "Update", "apiVersion": "v1",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": service["spec"]},
    }]);
    service
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn services_have_addresses_of_their_own_and_each_change_is_one() {
        let ip = |n: u32| service(n, 0)["spec"]["clusterIP"].to_string();
        let ips: BTreeSet<_> = (0..10_000).filter(|n| n % 10 != 0).map(ip).collect();
        assert_eq!(ips.len(), 9_000);
        for change in 0..3 {
            assert_ne!(service(7, change), service(7, change + 1));
        }
    }
}
