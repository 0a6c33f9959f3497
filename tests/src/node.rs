//! The whole simulated node: network, servers, DNS, pods with their sidecars, manifests.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Output,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{
    agent::Agent,
    bpffs::Bpffs,
    cgroup::{Driver, NodeCgroup},
    dns::DnsServer,
    envoy::Policy,
    istiod,
    manifests::{self, Manifests},
    network::Network,
    oci::{self, api::Api},
    pod::{Mesh, Pod, PodPlace, Runtime},
    process::Process,
    run::Run,
    servers::Servers,
    sidecar,
};

/// Fields are dropped in this order: first what uses, then what is used.
#[derive(Debug)]
pub struct Node {
    pods: Vec<Member>,
    api: Option<Api>,
    manifests: Manifests,
    dns: DnsServer,
    servers: Servers,
    bpffs: Bpffs,
    network: Network,
    cgroup: NodeCgroup,
    driver: Driver,
    runtime: Runtime,
    /// What was applied, by file.
    applied: BTreeMap<String, Vec<Value>>,
    envoy: PathBuf,
    run: Run,
}

#[derive(Debug)]
struct Member {
    sidecar: Option<Process>,
    pod: Pod,
}

impl Node {
    /// An empty node, with the world outside of it, whose containers are mere processes.
    pub fn create(envoy: &Path, driver: Driver) -> Result<Self> {
        Self::create_with(envoy, driver, Runtime::Processes)
    }

    /// The same with another kind of containers.
    pub fn create_with(envoy: &Path, driver: Driver, runtime: Runtime) -> Result<Self> {
        if !envoy.is_file() {
            bail!(
                "there is no Envoy at {}: set EGRESS_OBSERVER_ENVOY",
                envoy.display()
            );
        }
        let run = Run::start()?;
        // Made in the opposite order of the fields: when one fails, those before it are dropped.
        let cgroup = NodeCgroup::create(&run)?;
        let network = Network::create(&run).context("cannot make the network")?;
        let bpffs = Bpffs::mount(&run)?;
        let servers = Servers::start(&run, envoy, &network, &cgroup)?;
        let dns = DnsServer::start(&run, &network, &cgroup)?;
        let manifests = Manifests::create(&run.dir().join("manifests"))?;
        let node = Self {
            pods: Vec::new(),
            api: None,
            manifests,
            dns,
            servers,
            bpffs,
            network,
            cgroup,
            driver,
            runtime: and_share(runtime, [run.dir(), envoy.parent().unwrap_or(envoy)]),
            applied: BTreeMap::new(),
            envoy: envoy.to_path_buf(),
            run,
        };
        node.write_cluster()?;
        Ok(node)
    }

    pub fn run(&self) -> &Run {
        &self.run
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The directory for the agent's `--manifests`.
    pub fn manifests(&self) -> &Path {
        self.manifests.dir()
    }

    /// A directory on a bpffs for the agent's `--pin-dir`.
    pub fn pin_dir(&self) -> PathBuf {
        self.bpffs.pin_dir()
    }

    /// Makes the cgroup that the agent runs in: no pod, a process of the node.
    pub fn agent_cgroup(&self) -> Result<PathBuf> {
        self.cgroup
            .child(Path::new("system.slice/egress-observer.service"))
    }

    /// What clients have to trust to talk TLS with the servers outside.
    pub fn ca_bundle(&self) -> &Path {
        self.servers.ca_bundle()
    }

    /// The pod of a workload.
    pub fn pod(&self, namespace: &str, workload: &str) -> Result<&Pod> {
        Ok(&self.pods[self.position(namespace, workload)?].pod)
    }

    /// Makes a pod and writes its manifest. Its sidecar, if any, is not started.
    pub fn add_pod(&mut self, namespace: &str, workload: &str, mesh: Mesh) -> Result<()> {
        let mut place = PodPlace {
            run: &self.run,
            network: &mut self.network,
            cgroup: &self.cgroup,
            driver: self.driver,
            runtime: &self.runtime,
            resolv_conf: self.dns.resolv_conf(),
        };
        let pod = Pod::create(&mut place, namespace, workload, mesh)
            .with_context(|| format!("cannot make pod {namespace}/{workload}"))?;
        let object = manifests::pod(&pod);
        self.manifests
            .write(&format!("pod-{namespace}-{workload}.yaml"), &[object])?;
        self.pods.push(Member { sidecar: None, pod });
        Ok(())
    }

    /// Starts a workload's sidecar, or starts it again with another policy.
    pub fn start_sidecar(&mut self, namespace: &str, workload: &str, policy: Policy) -> Result<()> {
        let position = self.position(namespace, workload)?;
        let member = &mut self.pods[position];
        // The old one first: both listen on the same ports.
        member.sidecar = None;
        let services = istiod::services(self.applied.values().flatten())?;
        let started = sidecar::start(&self.run, &self.envoy, &member.pod, policy, &services);
        let started = started
            .with_context(|| format!("cannot start the sidecar of {namespace}/{workload}"))?;
        member.sidecar = Some(started);
        Ok(())
    }

    /// Applies ServiceEntries and what belongs to them, as `kubectl apply -n NAMESPACE` does.
    /// Sidecars know them from their next start on.
    pub fn apply(&mut self, file: &str, namespace: &str, yaml: &str) -> Result<()> {
        let objects = manifests::read(yaml, namespace)
            .with_context(|| format!("cannot apply {file}:\n{yaml}"))?;
        // Before anything is written: what no sidecar can be told is not applied.
        istiod::services(&objects).with_context(|| format!("cannot apply {file}"))?;
        self.manifests.write(file, &objects)?;
        self.applied.insert(file.to_owned(), objects);
        Ok(())
    }

    /// Writes the mesh's configuration, as an operator would edit it.
    pub fn set_policy(&self, policy: Policy) -> Result<()> {
        self.manifests
            .write("mesh-config.yaml", &[manifests::mesh_config(policy)])
    }

    /// Starts the agent as the pod of a DaemonSet, and waits until it is ready.
    pub fn start_agent_pod(
        &mut self,
        settings: &oci::agent::AgentPodSettings<'_>,
    ) -> Result<Agent> {
        self.start_api_server(settings)?;
        oci::agent::start(&mut self.place(), settings)
    }

    /// Runs a pod of a DaemonSet to its end.
    pub fn run_agent_pod(&mut self, settings: &oci::agent::AgentPodSettings<'_>) -> Result<Output> {
        oci::agent::run(&mut self.place(), settings)
    }

    fn start_api_server(&mut self, settings: &oci::agent::AgentPodSettings<'_>) -> Result<()> {
        if let Some(binary) = settings.api_server
            && self.api.is_none()
        {
            let api = Api::start(&self.run, &self.network, &self.manifests, binary);
            self.api = Some(api.context("cannot start the API server")?);
        }
        Ok(())
    }

    fn place(&mut self) -> oci::agent::AgentPlace<'_> {
        oci::agent::AgentPlace {
            run: &self.run,
            network: &mut self.network,
            cgroup: &self.cgroup,
            driver: self.driver,
            bpffs: &self.bpffs,
            api: self.api.as_ref(),
            resolv_conf: self.dns.resolv_conf(),
        }
    }

    fn write_cluster(&self) -> Result<()> {
        let namespaces = [
            manifests::namespace("shop", true),
            manifests::namespace(manifests::ISTIO, false),
        ];
        self.manifests.write("namespaces.yaml", &namespaces)?;
        let ranges = [
            manifests::node(),
            manifests::kubeadm_config(),
            manifests::service_cidr(),
        ];
        self.manifests.write("node.yaml", &ranges)?;
        self.manifests
            .write("services.yaml", &manifests::cluster_services())?;
        self.manifests
            .write("injector.yaml", &[manifests::injector_config()])
    }

    fn position(&self, namespace: &str, workload: &str) -> Result<usize> {
        let found = self.pods.iter().position(|member| {
            member.pod.namespace == namespace && member.pod.workload == workload
        });
        found.with_context(|| format!("the node has no pod {namespace}/{workload}"))
    }
}

/// Containers have to see what a node's own parts give them to run and to read.
fn and_share(mut runtime: Runtime, dirs: [&Path; 2]) -> Runtime {
    if let Runtime::Runc { shared } = &mut runtime {
        shared.extend(dirs.map(Path::to_path_buf));
    }
    runtime
}
