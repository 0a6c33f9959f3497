//! What the agent, and what removes it, are told.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use egress_observer_common::MAX_SLOTS;
use egress_observer_istio::mesh::ROOT_NAMESPACE;
use ipnet::IpNet;

use crate::metrics::Destinations;

/// Settings of the agent.
#[derive(Debug, Args)]
pub struct AgentArgs {
    /// Files or directories with Pods, ConfigMaps and ServiceEntries as YAML or JSON, in place of the
    /// Kubernetes API; read again when they change.
    #[arg(long, num_args = 1.., value_name = "PATH", value_delimiter = ',', env = "EGRESS_OBSERVER_MANIFESTS")]
    pub manifests: Vec<PathBuf>,
    /// How to reach the Kubernetes API [default: as a pod of the cluster, by its service account].
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "manifests",
        env = "EGRESS_OBSERVER_KUBECONFIG"
    )]
    pub kubeconfig: Option<PathBuf>,
    /// The node whose pods are observed, as the Kubernetes API names it.
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "manifests",
        env = "EGRESS_OBSERVER_NODE_NAME"
    )]
    pub node_name: Option<String>,
    /// The namespace of Istio's control plane, which has its ConfigMaps.
    #[arg(
        long,
        value_name = "NAMESPACE",
        default_value = ROOT_NAMESPACE,
        env = "EGRESS_OBSERVER_ISTIO_NAMESPACE"
    )]
    pub istio_namespace: String,
    /// Revisions of the control plane whose ConfigMaps are read; the one without a name is `default`.
    #[arg(
        long,
        value_name = "REVISION",
        default_value = "default",
        value_delimiter = ',',
        env = "EGRESS_OBSERVER_ISTIO_REVISIONS"
    )]
    pub istio_revisions: Vec<String>,
    /// Whether to watch the Services of all namespaces. Without them it is not known what the mesh knows
    /// inside the cluster.
    #[arg(
        long,
        value_enum,
        default_value = "watch",
        env = "EGRESS_OBSERVER_SERVICES"
    )]
    pub services: WatchedServices,
    /// The longest random wait before the Kubernetes API is asked for the first time: thousands of
    /// agents may start at once. Connections are counted meanwhile.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 10,
        env = "EGRESS_OBSERVER_START_JITTER"
    )]
    pub start_jitter: u32,
    /// The shortest time-out of a watch; each has a random one of up to twice that.
    #[arg(long, value_name = "SECONDS", default_value_t = 1_800, value_parser = clap::value_parser!(u32).range(1..=86_400), hide = true, env = "EGRESS_OBSERVER_WATCH_TIMEOUT")]
    pub watch_timeout: u32,
    /// How long connections wait for a pod or container that the Kubernetes API does not tell yet,
    /// before they count as `not_attributed`.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30,
        env = "EGRESS_OBSERVER_ATTRIBUTION_WAIT"
    )]
    pub attribution_wait: u32,
    /// Where to serve /metrics, /livez and /readyz.
    #[arg(
        long,
        default_value = "0.0.0.0:19615",
        env = "EGRESS_OBSERVER_METRICS_ADDRESS"
    )]
    pub metrics_address: SocketAddr,
    /// The cgroup v2 directory to attach to and to read pods from [default: the directory that
    /// holds the pods, else the root, by the mount table].
    #[arg(long, value_name = "DIR", env = "EGRESS_OBSERVER_CGROUP_ROOT")]
    pub cgroup_root: Option<PathBuf>,
    /// Where links and tables stay while no agent runs: a directory in a BPF file system, or
    /// `none`.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_PIN_DIR, env = "EGRESS_OBSERVER_PIN_DIR")]
    pub pin_dir: PathBuf,
    /// The running kernel's type information (BTF): tells the owners of sockets.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/sys/kernel/btf/vmlinux",
        env = "EGRESS_OBSERVER_BTF"
    )]
    pub btf: PathBuf,
    /// Ports that the mesh redirects to, at most four.
    #[arg(long, value_name = "PORT", default_value = "15001", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..), env = "EGRESS_OBSERVER_CAPTURE_PORTS")]
    pub capture_ports: Vec<u16>,
    /// Pod and Service ranges of this cluster, for the label `scope`.
    #[arg(
        long,
        value_name = "CIDR",
        value_delimiter = ',',
        env = "EGRESS_OBSERVER_CLUSTER_CIDRS"
    )]
    pub cluster_cidrs: Vec<IpNet>,
    /// Which connections have a series for their destination.
    #[arg(
        long,
        value_enum,
        default_value = "external",
        env = "EGRESS_OBSERVER_METRICS_DESTINATIONS"
    )]
    pub metrics_destinations: Destinations,
    /// The most series for destinations; the rest is counted under `~other`.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 2_000,
        env = "EGRESS_OBSERVER_METRICS_MAX_DESTINATIONS"
    )]
    pub metrics_max_destinations: usize,
    /// Whether to read the DNS answers that pods get, for the names of destinations.
    #[arg(long, value_enum, default_value = "on", env = "EGRESS_OBSERVER_DNS")]
    pub dns: Switch,
    /// The most names of addresses that are remembered, in all; each takes 0.5 KiB.
    #[arg(long, value_name = "N", default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..), env = "EGRESS_OBSERVER_DNS_MAX_NAMES")]
    pub dns_max_names: u32,
    /// The same for one pod.
    #[arg(long, value_name = "N", default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..), env = "EGRESS_OBSERVER_DNS_MAX_NAMES_PER_POD")]
    pub dns_max_names_per_pod: u32,
    /// How long a name is remembered at least, after the pod asked for it or connected by it.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 600,
        env = "EGRESS_OBSERVER_DNS_KEEP"
    )]
    pub dns_keep: u32,
    /// Bytes for DNS answers between two looks, a power of two.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 19, value_parser = answers_size, hide = true, env = "EGRESS_OBSERVER_DNS_BUFFER")]
    pub dns_buffer: u32,
    /// Where to record findings, as lines of JSON.
    #[arg(long, value_name = "FILE", env = "EGRESS_OBSERVER_RECORD")]
    pub record: Option<PathBuf>,
    /// How often to write them.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..), env = "EGRESS_OBSERVER_RECORD_INTERVAL")]
    pub record_interval: u32,
    /// How large the file becomes before the next one takes its place.
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 64 << 20,
        env = "EGRESS_OBSERVER_RECORD_MAX_BYTES"
    )]
    pub record_max_bytes: u64,
    /// How many files before it are kept, as FILE.1 and so on.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(..=1000), env = "EGRESS_OBSERVER_RECORD_FILES")]
    pub record_files: u32,
    /// The socket of the API, or `none` [default: /run/egress-observer/agent.sock, if it can be made].
    #[arg(long, value_name = "PATH", env = "EGRESS_OBSERVER_API_SOCKET")]
    pub api_socket: Option<PathBuf>,
    /// The most kinds of findings that the API tells, and that wait to be recorded; each takes
    /// 0.4 KiB.
    #[arg(long, value_name = "N", default_value_t = 7_000, value_parser = clap::value_parser!(u32).range(1..), env = "EGRESS_OBSERVER_MAX_FINDINGS")]
    pub max_findings: u32,
    /// The most flows (container, user, destination, port) at one time; each takes 0.3 KiB.
    #[arg(long, value_name = "N", default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_SLOTS)), env = "EGRESS_OBSERVER_MAX_FLOWS")]
    pub max_flows: u32,
    /// Seconds without a connection after which a flow is given up.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        hide = true,
        env = "EGRESS_OBSERVER_FLOW_IDLE"
    )]
    pub flow_idle: u64,
    /// Places for connection attempts under way, a power of two.
    #[arg(long, value_name = "N", default_value_t = 65_536, value_parser = power_of_two, hide = true, env = "EGRESS_OBSERVER_MAX_ATTEMPTS")]
    pub max_attempts: u32,
    /// Places for loopback connections that wait for their listener, a power of two.
    #[arg(long, value_name = "N", default_value_t = 65_536, value_parser = power_of_two, hide = true, env = "EGRESS_OBSERVER_MAX_PROOFS")]
    pub max_proofs: u32,
}

/// Whether Services are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum WatchedServices {
    /// They are.
    Watch,
    /// They are not.
    Off,
}

/// Whether something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// Settings of `uninstall`.
#[derive(Debug, Args)]
pub struct UninstallArgs {
    /// The agent's `--pin-dir`.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_PIN_DIR, env = "EGRESS_OBSERVER_PIN_DIR")]
    pub pin_dir: PathBuf,
}

const DEFAULT_PIN_DIR: &str = "/sys/fs/bpf/egress-observer";

fn power_of_two(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|number: &u32| number.is_power_of_two() && (4..=1 << 20).contains(number))
        .ok_or_else(|| "not a power of two from 4 to 1048576".to_owned())
}

fn answers_size(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|size: &u32| size.is_power_of_two() && (16_384..=1 << 28).contains(size))
        .ok_or_else(|| "not a power of two from 16384 to 268435456".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::Cli;

    #[test]
    fn settings_out_of_range_are_refused() {
        let parse = |args: &[&str]| {
            let line = ["egress-observer", "agent", "--manifests", "x"];
            Cli::try_parse_from(line.iter().chain(args))
        };
        assert!(parse(&[]).is_ok());
        assert!(parse(&["--max-attempts", "1000"]).is_err());
        assert!(parse(&["--max-flows", "0"]).is_err());
        assert!(parse(&["--capture-ports", "0"]).is_err());
        assert!(parse(&["--cluster-cidrs", "10.0.0.0"]).is_err());
        assert!(parse(&["--services", "off"]).is_ok());
        assert!(parse(&["--services", "on"]).is_err());
    }
}
