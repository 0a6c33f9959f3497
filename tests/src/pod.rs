//! A pod: a network namespace, a cgroup per container, and commands that run inside as its own
//! would.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context as _, Result};

use crate::{
    cgroup::{Driver, NodeCgroup},
    identity,
    istio::{Capture, PROXY_ID},
    network::{Network, PodNetwork},
    oci,
    process::Process,
    rules::Family,
    run::Run,
};

/// The container of the application itself.
pub const APP: &str = "app";
/// The sidecar's container.
pub const PROXY: &str = "istio-proxy";
/// The init container that makes the rules.
pub const INIT: &str = "istio-init";

/// Joins the container: its cgroup first, so that every socket belongs to it; then its network;
/// then a mount namespace of its own for the pod's resolv.conf; at last the user. `/sys` stays.
const ENTER: &str = r#"
set -e
cgroup=$1 netns=$2 resolv=$3 uid=$4 gid=$5
shift 5
echo $$ > "$cgroup/cgroup.procs"
exec nsenter --net="$netns" -- unshare --mount -- sh -c '
    set -e
    resolv=$1 uid=$2 gid=$3
    shift 3
    mount --bind "$resolv" /etc/resolv.conf
    exec setpriv --reuid "$uid" --regid "$gid" --clear-groups -- "$@"
' sh "$resolv" "$uid" "$gid" "$@"
"#;

/// Where a container's programs are.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a container's process runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
}

impl User {
    /// An application's ordinary user.
    pub const APP: Self = Self {
        uid: 1000,
        gid: 1000,
    };
    /// The sidecar's.
    pub const PROXY: Self = Self {
        uid: PROXY_ID,
        gid: PROXY_ID,
    };
}

/// Whether a pod was injected, and whether what its manifest says became true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mesh {
    /// No sidecar.
    Plain,
    /// A sidecar, and the rules that its manifest asks for.
    Injected(Capture),
    /// A sidecar, but the rules were never made: what a race with the CNI plugin leaves.
    WithoutRules(Capture),
}

impl Mesh {
    /// What the pod's manifest says.
    pub fn capture(&self) -> Option<&Capture> {
        match self {
            Self::Plain => None,
            Self::Injected(capture) | Self::WithoutRules(capture) => Some(capture),
        }
    }
}

/// What a pod's containers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// Processes of the machine in the container's cgroup and in the pod's network: quick, and all
    /// that a socket can tell.
    Processes,
    /// Containers by runc, with every namespace that containerd gives them.
    Runc {
        /// Directories of the machine that they see besides its programs.
        shared: Vec<PathBuf>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    pub name: &'static str,
    pub id: String,
    pub cgroup: PathBuf,
}

#[derive(Debug)]
pub struct Pod {
    pub namespace: String,
    /// The Deployment's name.
    pub workload: String,
    pub name: String,
    /// The ReplicaSet's label, between workload and suffix in the name.
    pub template_hash: String,
    pub uid: String,
    pub mesh: Mesh,
    pub containers: Vec<Container>,
    /// By name; none where containers are mere processes.
    running: Vec<(&'static str, oci::runc::RuncContainer)>,
    pub network: PodNetwork,
    /// Of this pod alone, as the kubelet writes it; mounted over `/etc/resolv.conf`.
    pub resolv_conf: PathBuf,
    logs: PathBuf,
}

/// What every pod of a node shares.
pub struct PodPlace<'a> {
    pub run: &'a Run,
    pub network: &'a mut Network,
    pub cgroup: &'a NodeCgroup,
    pub driver: Driver,
    pub runtime: &'a Runtime,
    /// What pods' `/etc/resolv.conf` start as.
    pub resolv_conf: &'a Path,
}

impl Pod {
    /// Makes the pod of a Deployment, with Istio's rules if it has them. Starts no process.
    pub fn create(
        place: &mut PodPlace<'_>,
        namespace: &str,
        workload: &str,
        mesh: Mesh,
    ) -> Result<Self> {
        let seed = format!("{}/{namespace}/{workload}", place.run.id());
        let template_hash = identity::suffix(&format!("{seed}/template"), 9);
        let name = format!("{workload}-{template_hash}-{}", identity::suffix(&seed, 5));
        let uid = identity::uid(&seed);
        let names: &[&'static str] = if mesh.capture().is_some() {
            &[APP, PROXY, INIT]
        } else {
            &[APP]
        };
        let mut containers = Vec::new();
        for &name in names {
            let id = identity::container_id(&format!("{seed}/{name}"));
            let cgroup = place.cgroup.container(place.driver, &uid, &id)?;
            containers.push(Container { name, id, cgroup });
        }
        let network = place
            .network
            .add_pod(place.run, &format!("{namespace}-{workload}"))?;
        if let Mesh::Injected(capture) = &mesh {
            capture.apply(&network.netns, Family::V4)?;
            capture.apply(&network.netns, Family::V6)?;
        }
        let resolv_conf = place.run.dir().join(format!("{name}-resolv.conf"));
        fs::copy(place.resolv_conf, &resolv_conf)
            .with_context(|| format!("cannot write {}", resolv_conf.display()))?;
        let mut pod = Self {
            namespace: namespace.to_owned(),
            workload: workload.to_owned(),
            name,
            template_hash,
            uid,
            mesh,
            containers,
            running: Vec::new(),
            network,
            resolv_conf,
            logs: place.run.logs(),
        };
        if let Runtime::Runc { shared } = place.runtime {
            pod.start_containers(place, shared)?;
        }
        Ok(pod)
    }

    fn start_containers(&mut self, place: &PodPlace<'_>, shared: &[PathBuf]) -> Result<()> {
        let netns = self.network.netns.path();
        for container in &self.containers {
            let idle = oci::host::Idle {
                id: &container.id,
                hostname: &self.name,
                netns: &netns,
                cgroup: &place.cgroup.path(&container.cgroup)?,
                resolv_conf: &self.resolv_conf,
                shared,
            };
            self.running.push((container.name, idle.start(place.run)?));
        }
        Ok(())
    }

    pub fn container(&self, name: &str) -> Result<&Container> {
        let found = self
            .containers
            .iter()
            .find(|container| container.name == name);
        found.with_context(|| format!("pod {} has no container {name}", self.name))
    }

    /// A command inside a container, with an environment of its own.
    pub fn command(&self, container: &str, user: User, argv: &[&str]) -> Result<Command> {
        let container = self.container(container)?;
        let running = self
            .running
            .iter()
            .find(|(name, _)| *name == container.name);
        let mut command = match running {
            Some((_, running)) => {
                let environment = format!("PATH={PATH}");
                running.exec((user.uid, user.gid), &[&environment], argv)
            }
            None => self.enter(container, user, argv),
        };
        command.env_clear().env("PATH", PATH);
        Ok(command)
    }

    fn enter(&self, container: &Container, user: User, argv: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", ENTER, "sh"])
            .arg(&container.cgroup)
            .arg(self.network.netns.path())
            .arg(&self.resolv_conf)
            .args([user.uid.to_string(), user.gid.to_string()])
            .args(argv);
        command
    }

    /// Runs a command inside a container to its end, whatever that is.
    pub fn exec(&self, container: &str, user: User, argv: &[&str]) -> Result<Output> {
        let mut command = self.command(container, user, argv)?;
        command
            .output()
            .with_context(|| format!("cannot run {argv:?} in pod {}", self.name))
    }

    /// Starts a command inside a container. The process id is the command's own, or that of the
    /// runc which hands on signals to it.
    pub fn spawn(&self, container: &str, user: User, what: &str, argv: &[&str]) -> Result<Process> {
        let command = self.command(container, user, argv)?;
        Process::spawn(&format!("{}-{what}", self.name), command, &self.logs)
    }
}
