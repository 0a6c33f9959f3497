//! The cluster's DNS: a real dnsmasq that knows the outside names and nothing else; and others
//! beside pods, which ask it.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{
    cgroup::{NodeCgroup, command_in},
    netns::Netns,
    network::{BAIDU, DNS_IP, Network, OUTSIDE, Outside},
    pod::{Pod, User},
    process::{Process, output},
    run::Run,
};

const READY: Duration = Duration::from_secs(10);
/// As public names have it.
const TTL_SECONDS: u32 = 60;

/// A Service of type ExternalName: in pods of its namespace, `partner` leads outside.
pub const EXTERNAL_NAME: &str = "partner.shop.svc.cluster.local";
/// What it leads to.
pub const EXTERNAL_NAME_OF: Outside = BAIDU;

/// The running server, and the resolver configuration that pods get.
#[derive(Debug)]
pub struct DnsServer {
    resolv_conf: PathBuf,
    _dnsmasq: Process,
}

impl DnsServer {
    pub fn start(run: &Run, network: &Network, cgroup: &NodeCgroup) -> Result<Self> {
        let resolv_conf = run.dir().join("resolv.conf");
        fs::write(&resolv_conf, pod_resolv_conf(DNS_IP))
            .with_context(|| format!("cannot write {}", resolv_conf.display()))?;

        let place = cgroup.child(Path::new("outside.slice/dns.service"))?;
        let mut command = command_in(&place, "nsenter");
        command
            .args(network.ext().nsenter_args())
            .args(arguments(DNS_IP, 53))
            .args(records());
        let mut dnsmasq = Process::spawn("dns", command, &run.logs())?;
        dnsmasq.until_ready(READY, || Ok(listens(network.ext(), DNS_IP, 53)))?;
        Ok(Self {
            resolv_conf,
            _dnsmasq: dnsmasq,
        })
    }

    /// What a pod's `/etc/resolv.conf` starts as.
    pub fn resolv_conf(&self) -> &Path {
        &self.resolv_conf
    }
}

/// Starts a server in one of a pod's containers that asks the cluster's DNS for everything.
pub fn forwarder(
    pod: &Pod,
    container: &str,
    user: User,
    listen: Ipv4Addr,
    port: u16,
) -> Result<Process> {
    let mut argv = arguments(listen, port);
    argv.push(format!("--server={DNS_IP}"));
    // So that a test can tell whether it was asked.
    argv.push("--log-queries".to_owned());
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let mut dnsmasq = pod.spawn(container, user, "dns", &argv)?;
    dnsmasq.until_ready(READY, || Ok(listens(&pod.network.netns, listen, port)))?;
    Ok(dnsmasq)
}

/// What the kubelet writes for `dnsPolicy: ClusterFirst`.
pub fn pod_resolv_conf(nameserver: Ipv4Addr) -> String {
    format!(
        "nameserver {nameserver}\n\
         search shop.svc.cluster.local svc.cluster.local cluster.local\n\
         options ndots:5\n"
    )
}

fn arguments(listen: Ipv4Addr, port: u16) -> Vec<String> {
    let fixed = [
        "dnsmasq",
        "--keep-in-foreground",
        "--no-resolv",
        "--no-hosts",
        "--pid-file=",
        "--conf-file=/dev/null",
        "--user=root",
        "--bind-interfaces",
        "--log-facility=-",
    ];
    let mut arguments: Vec<String> = fixed.map(str::to_owned).into();
    arguments.push(format!("--listen-address={listen}"));
    arguments.push(format!("--port={port}"));
    arguments
}

fn records() -> Vec<String> {
    // Names that it does not know must not exist. Without these it refuses to answer for the
    // search domains, and Envoy's resolver gives up at the first refusal.
    let mut records: Vec<String> = ["local", "org", "com", "example"]
        .map(|domain| format!("--local=/{domain}/"))
        .into();
    records.push(format!("--local-ttl={TTL_SECONDS}"));
    for server in OUTSIDE {
        for host in server.hosts() {
            let mut name = host;
            for alias in server.aliases {
                records.push(format!("--cname={name},{alias}"));
                name = alias;
            }
            records.push(format!("--host-record={name},{}", server.address()));
        }
    }
    records.push(format!("--cname={EXTERNAL_NAME},{}", EXTERNAL_NAME_OF.host));
    records
}

/// A port is open as soon as the kernel lists it.
fn listens(netns: &Netns, ip: Ipv4Addr, port: u16) -> bool {
    let mut cat = netns.command("cat");
    // The table shows the address's bytes as this machine reads them as a number.
    let wanted = format!(" {:08X}:{port:04X} ", u32::from_ne_bytes(ip.octets()));
    output(cat.arg("/proc/net/udp")).is_ok_and(|table| table.contains(&wanted))
}
