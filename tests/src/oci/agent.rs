//! The agent from its image, as the pod that a node makes of its DaemonSet.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Output,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{
    agent_pod::AgentPod, api::Api, image::Image, kubelet::Kubelet, runc::RuncContainer,
    spec::Access,
};
use crate::{
    agent::Agent,
    bpffs::Bpffs,
    cgroup::{Driver, NodeCgroup},
    identity,
    manifests::NODE,
    network::{NODE_IP, Network, PodNetwork},
    run::Run,
};

/// The namespace of the agent's pods.
pub const NAMESPACE: &str = "egress-observer";

/// Every start is another pod, as every pod of a DaemonSet is.
static STARTS: AtomicU32 = AtomicU32::new(0);

/// What the agent is made of.
#[derive(Clone, Copy, Debug)]
pub struct AgentPodSettings<'a> {
    pub image: &'a Image,
    pub daemon_set: &'a Value,
    /// The program of the API server, unless objects come from files.
    pub api_server: Option<&'a Path>,
    /// What the agent sees of the host's cgroups.
    pub cgroups: HostCgroups,
}

/// What stands for the host's `/sys/fs/cgroup`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostCgroups {
    /// The simulated node's own: all that a node's agent would see, and nothing of other runs.
    Node,
    /// The machine's, with all that is mounted below, such as v2 beside v1.
    Machine,
}

/// The node that it is started on.
pub struct AgentPlace<'a> {
    pub run: &'a Run,
    pub network: &'a mut Network,
    pub cgroup: &'a NodeCgroup,
    pub driver: Driver,
    pub bpffs: &'a Bpffs,
    pub api: Option<&'a Api>,
    /// What its pods have as `/etc/resolv.conf`.
    pub resolv_conf: &'a Path,
}

/// Starts the agent's container, and waits until it is ready.
pub fn start(place: &mut AgentPlace<'_>, settings: &AgentPodSettings<'_>) -> Result<Agent> {
    let (name, network, container) = create(place, settings)?;
    let process = container.spawn(&name, &place.run.logs())?;
    let address = SocketAddr::from((network.v4, metrics_port(settings.daemon_set)?));
    let pod = AgentPod {
        container,
        network,
        node: place.network.node().path(),
    };
    Agent::in_pod(process, address, pod)
}

/// Runs a container that ends by itself, to its end.
pub fn run(place: &mut AgentPlace<'_>, settings: &AgentPodSettings<'_>) -> Result<Output> {
    let (_, _network, container) = create(place, settings)?;
    container.run()
}

/// The name of another pod, its network and its container.
fn create(
    place: &mut AgentPlace<'_>,
    settings: &AgentPodSettings<'_>,
) -> Result<(String, PodNetwork, RuncContainer)> {
    let name = format!("agent-{}", STARTS.fetch_add(1, Ordering::Relaxed));
    let seed = format!("{}/{name}", place.run.id());
    let id = identity::container_id(&seed);
    let network = place.network.add_pod(place.run, &name)?;
    let kubelet = kubelet(place, settings, &seed, &id, &network)?;
    let spec = kubelet.spec(settings.daemon_set, settings.image)?;
    let container = RuncContainer::create(place.run, &id, &spec)?;
    Ok((name, network, container))
}

fn kubelet(
    place: &AgentPlace<'_>,
    settings: &AgentPodSettings<'_>,
    seed: &str,
    id: &str,
    network: &PodNetwork,
) -> Result<Kubelet> {
    let pod_uid = identity::uid(seed);
    let cgroup = place.cgroup.container(place.driver, &pod_uid, id)?;
    let cgroups = match settings.cgroups {
        HostCgroups::Node => place.cgroup.dir().to_owned(),
        HostCgroups::Machine => PathBuf::from("/sys/fs/cgroup"),
    };
    let test_files = place.run.dir().to_owned();
    Ok(Kubelet {
        node_name: NODE.to_owned(),
        node_ip: NODE_IP.to_string(),
        pod_name: format!("egress-observer-{}", identity::suffix(seed, 5)),
        pod_namespace: NAMESPACE.to_owned(),
        api_server: place.api.map(|api| {
            let (address, port) = api.address();
            (address.to_string(), port)
        }),
        host_paths: vec![
            ("/sys/fs/cgroup".into(), cgroups),
            ("/sys/fs/bpf".into(), place.bpffs.dir().to_owned()),
            (test_files.clone(), test_files.clone()),
        ],
        service_account: place.api.map(Api::service_account),
        resolv_conf: place.resolv_conf.to_owned(),
        volumes: test_files.join("volumes").join(&pod_uid),
        pod_uid,
        pod_ip: network.v4.to_string(),
        netns: network.netns.path(),
        cgroup: place.cgroup.path(&cgroup)?,
    })
}

/// The container's port called `metrics`.
fn metrics_port(daemon_set: &Value) -> Result<u16> {
    let containers = &daemon_set["spec"]["template"]["spec"]["containers"];
    let ports = containers[0]["ports"].as_array();
    let port = ports
        .into_iter()
        .flatten()
        .find(|port| port["name"] == "metrics")
        .and_then(|port| port["containerPort"].as_u64())
        .context("the DaemonSet's container has no port `metrics`")?;
    u16::try_from(port).context("a port")
}

/// Leaves of a pod with an init container only that one: the kubelet runs it to its end before any
/// other.
pub fn keep_init_container(daemon_set: &mut Value) -> Result<()> {
    let pod = pod(daemon_set);
    let init = pod
        .as_object_mut()
        .and_then(|pod| pod.remove("initContainers"));
    pod["containers"] = init.context("the DaemonSet has no init container")?;
    Ok(())
}

/// Adds arguments, as the chart's `extraArgs` does.
pub fn add_arguments(
    daemon_set: &mut Value,
    arguments: impl IntoIterator<Item = String>,
) -> Result<()> {
    let args = list(container(daemon_set), "args")?;
    args.extend(arguments.into_iter().map(Value::from));
    Ok(())
}

/// Lets the agent read objects from files, instead of from an API server.
pub fn add_manifests(daemon_set: &mut Value, dir: &Path) -> Result<()> {
    add_arguments(daemon_set, [format!("--manifests={}", dir.display())])?;
    add_directory(daemon_set, dir, Access::ReadOnly)
}

/// Adds a directory of the node at the same place, as `extraVolumes` and `extraVolumeMounts` do.
pub fn add_directory(daemon_set: &mut Value, dir: &Path, access: Access) -> Result<()> {
    let volumes = list(pod(daemon_set), "volumes")?;
    let name = format!("extra-{}", volumes.len());
    volumes.push(json!({"name": name, "hostPath": {"path": dir, "type": "Directory"}}));
    list(container(daemon_set), "volumeMounts")?.push(json!({
        "name": name, "mountPath": dir, "readOnly": access == Access::ReadOnly,
    }));
    Ok(())
}

fn pod(daemon_set: &mut Value) -> &mut Value {
    &mut daemon_set["spec"]["template"]["spec"]
}

fn container(daemon_set: &mut Value) -> &mut Value {
    &mut pod(daemon_set)["containers"][0]
}

fn list<'a>(object: &'a mut Value, name: &str) -> Result<&'a mut Vec<Value>> {
    object[name]
        .as_array_mut()
        .with_context(|| format!("the DaemonSet has no list `{name}`"))
}
