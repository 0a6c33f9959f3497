//! The cluster's DNS: a real dnsmasq that knows the outside names and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::cgroup::{NodeCgroup, command_in};
use crate::network::{DNS_IP, Network, OUTSIDE};
use crate::process::{Process, output};
use crate::run::Run;

const READY: Duration = Duration::from_secs(10);

/// The running server, and the resolver configuration that pods get.
#[derive(Debug)]
pub struct Dns {
    resolv_conf: PathBuf,
    _dnsmasq: Process,
}

impl Dns {
    pub fn start(run: &Run, network: &Network, cgroup: &NodeCgroup) -> Result<Self> {
        let resolv_conf = run.dir().join("resolv.conf");
        let text = format!(
            "nameserver {DNS_IP}\n\
             search shop.svc.cluster.local svc.cluster.local cluster.local\n\
             options ndots:5\n"
        );
        fs::write(&resolv_conf, text)
            .with_context(|| format!("cannot write {}", resolv_conf.display()))?;

        let place = cgroup.child(Path::new("outside.slice/dns.service"))?;
        let mut command = command_in(&place, "nsenter");
        command.args(network.ext().nsenter_args()).args(arguments());
        let mut dnsmasq = Process::spawn("dns", command, &run.logs())?;
        dnsmasq.until_ready(READY, || Ok(listens(network)))?;
        Ok(Self {
            resolv_conf,
            _dnsmasq: dnsmasq,
        })
    }

    /// A file to mount over a pod's `/etc/resolv.conf`.
    pub fn resolv_conf(&self) -> &Path {
        &self.resolv_conf
    }
}

/// Only A records: a client with both kinds would choose by itself which family the story is
/// about.
fn arguments() -> Vec<String> {
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
        // Names that it does not know must not exist. Without these it refuses to answer for
        // the search domains, and Envoy's resolver gives up at the first refusal.
        "--local=/local/",
        "--local=/org/",
        "--local=/com/",
    ];
    let mut arguments: Vec<String> = fixed.map(str::to_owned).into();
    arguments.push(format!("--listen-address={DNS_IP}"));
    for server in OUTSIDE {
        arguments.push(format!("--host-record={},{}", server.host, server.v4));
    }
    arguments
}

/// Port 53 is open as soon as the kernel lists it.
fn listens(network: &Network) -> bool {
    let mut cat = network.ext().command("cat");
    // The table shows the address's bytes as this machine reads them as a number.
    let wanted = format!(" {:08X}:0035 ", u32::from_ne_bytes(DNS_IP.octets()));
    output(cat.arg("/proc/net/udp")).is_ok_and(|table| table.contains(&wanted))
}
