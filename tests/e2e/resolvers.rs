//! Connections have the names that programs asked for, whatever resolves them: in the metrics and in
//! what is recorded.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use egress_observer_tests::{
    agent::{self, Agent},
    cgroup::Driver,
    dns::{self, EXTERNAL_NAME, EXTERNAL_NAME_OF},
    envoy::Policy,
    istio::{Capture, PROXY_ID},
    network::{BAIDU, DNS_IP, HTTPBIN, ONLY_V6, Outside, SHARED},
    node::Node,
    pod::{APP, Mesh, PROXY, Pod, User},
    record::{self, Recorded},
    rules::{DNS_LISTENER, DnsRules},
    story::{CONNECTIONS, DESTINATIONS, NAMESPACE, record_file, start_agent},
    wait,
};

use crate::story::{envoy, promtool};

/// From a connection to its series and its line.
const TOLD: Duration = Duration::from_secs(15);
/// The only pod.
const WORKLOAD: &str = "client";

/// A node with one pod, and an agent that records.
struct Bed {
    agent: Agent,
    node: Node,
}

impl Bed {
    fn new(mesh: Mesh) -> Result<Self> {
        let mut node = Node::create(&envoy(), Driver::Systemd)?;
        node.set_policy(Policy::RegistryOnly)?;
        node.add_pod(NAMESPACE, WORKLOAD, mesh)?;
        let agent = start_agent(&node, &agent::binary())?;
        Ok(Self { agent, node })
    }

    fn pod(&self) -> Result<&Pod> {
        self.node.pod(NAMESPACE, WORKLOAD)
    }

    /// Somebody applies a ServiceEntry, and the sidecar starts with it.
    fn apply(&mut self, entry: &str) -> Result<()> {
        let node = &mut self.node;
        self.agent.read_changed(|| {
            node.apply("service-entry.yaml", NAMESPACE, entry)?;
            node.start_sidecar(NAMESPACE, WORKLOAD, Policy::RegistryOnly)
        })
    }

    /// One request of the application, with more words before `curl`; says the HTTP status.
    fn curl(&self, more: &[&str], host: &str) -> Result<String> {
        let url = format!("http://{host}/");
        let mut argv = more.to_vec();
        argv.extend([
            "curl",
            "--silent",
            "--max-time",
            "10",
            "--output",
            "/dev/null",
        ]);
        argv.extend(["--write-out", "%{http_code}", &url]);
        let output = self.pod()?.exec(APP, User::APP, &argv)?;
        ensure!(output.status.success(), "{argv:?}: {output:?}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Waits until so many connections to port 80 are to this destination, with this verdict, and
    /// returns the last line that was recorded of them.
    fn told(&mut self, service: &str, verdict: &str, n: u64) -> Result<Recorded> {
        let file = record_file(&self.node);
        let labels = [
            ("source_workload", WORKLOAD),
            ("destination_service", service),
            ("destination_port", "80"),
            ("protocol", "tcp"),
            ("verdict", verdict),
        ];
        let agent = &mut self.agent;
        let what = format!("{n} connections to {service} are told as {verdict}");
        let told = wait::until(&what, TOLD, || {
            let told = agent.scrape()?.sum(DESTINATIONS, &labels);
            let mut lines = record::read(&file)?;
            lines.retain(|(_, finding)| {
                let to = &finding.destination;
                to.service == service && to.port == 80 && finding.verdict == verdict
            });
            let recorded: u64 = lines.iter().map(|(_, finding)| finding.count).sum();
            let last = lines.pop().map(|(_, finding)| finding);
            Ok(last.filter(|_| told as u64 == n && recorded == n))
        });
        told.with_context(|| {
            let recorded = fs::read_to_string(&file).unwrap_or_default();
            let scrape = agent.scrape().map(|scrape| scrape.text);
            format!(
                "recorded\n{recorded}\nscrape\n{scrape:?}\nlog\n{}",
                agent.log()
            )
        })
    }

    /// One connection of the application to a server, by this name and no other.
    fn told_by_name(&mut self, name: &str, server: Outside, verdict: &str) -> Result<()> {
        let finding = self.told(name, verdict, 1)?;
        let to = &finding.destination;
        ensure!(
            to.host.as_deref() == Some(name) && to.names == [name] && to.ip == server.address(),
            "{finding:#?}"
        );
        let from = &finding.source;
        ensure!(
            from.container.as_deref() == Some(APP) && from.actor == "app",
            "{finding:#?}"
        );
        ensure!(finding.workload == WORKLOAD, "{finding:#?}");
        Ok(())
    }
}

/// Through a chain of aliases, and past the search list: five questions, of which the last one has
/// an answer.
#[test]
fn glibc_by_udp() -> Result<()> {
    let mut bed = Bed::new(Mesh::Plain)?;
    ensure!(bed.curl(&[], BAIDU.host)? == "200");
    bed.told_by_name(BAIDU.host, BAIDU, "unmeshed")
}

#[test]
fn glibc_by_tcp() -> Result<()> {
    let mut bed = Bed::new(Mesh::Plain)?;
    ensure!(bed.curl(&["env", "RES_OPTIONS=use-vc"], BAIDU.host)? == "200");
    bed.told_by_name(BAIDU.host, BAIDU, "unmeshed")?;
    // By nothing else.
    let scrape = bed.agent.scrape()?;
    let to_dns = |protocol| {
        let labels = [("scope", "cluster"), ("protocol", protocol)];
        scrape.sum(CONNECTIONS, &labels) as u64
    };
    ensure!(to_dns("tcp") > 0 && to_dns("udp") == 0, "{}", scrape.text);
    Ok(())
}

/// The name that was asked for is the one with the search domain.
#[test]
fn a_short_name_is_told_as_it_was_found() -> Result<()> {
    let mut bed = Bed::new(Mesh::Plain)?;
    let short = EXTERNAL_NAME.split('.').next().context("a name")?;
    ensure!(bed.curl(&[], short)? == "200");
    bed.told_by_name(EXTERNAL_NAME, EXTERNAL_NAME_OF, "unmeshed")
}

#[test]
fn a_host_that_has_ipv6_alone() -> Result<()> {
    let mut bed = Bed::new(Mesh::Plain)?;
    ensure!(bed.curl(&[], ONLY_V6.host)? == "200");
    bed.told_by_name(ONLY_V6.host, ONLY_V6, "unmeshed")
}

/// A resolver in the pod that asks the cluster's, as systemd-resolved does.
#[test]
fn a_stub_in_the_pod() -> Result<()> {
    const STUB: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 53);
    const ROOT: User = User { uid: 0, gid: 0 };
    let mut bed = Bed::new(Mesh::Plain)?;
    let pod = bed.pod()?;
    let stub = dns::forwarder(pod, APP, ROOT, STUB, 53)?;
    fs::write(&pod.resolv_conf, dns::pod_resolv_conf(STUB))?;
    ensure!(bed.curl(&[], BAIDU.host)? == "200");
    assert_asked(&stub.log())?;
    bed.told_by_name(BAIDU.host, BAIDU, "unmeshed")
}

/// A rule leads the application's questions to the sidecar's container, and the answers seem to
/// come from the nameserver that was asked.
#[test]
fn a_mesh_that_captures_dns() -> Result<()> {
    let capture = Capture {
        dns: DnsRules::Servers(vec![DNS_IP.into()]),
        ..Capture::default()
    };
    let mut bed = Bed::new(Mesh::Injected(capture))?;
    bed.apply(&service_entry("httpbin", HTTPBIN.host, "DNS"))?;
    let istio = dns::forwarder(
        bed.pod()?,
        PROXY,
        User::PROXY,
        Ipv4Addr::LOCALHOST,
        DNS_LISTENER,
    )?;
    ensure!(bed.curl(&[], BAIDU.host)? == "502");
    assert_asked(&istio.log())?;
    bed.told_by_name(BAIDU.host, BAIDU, "blocked")
}

fn assert_asked(log: &str) -> Result<()> {
    let question = format!("query[A] {} from ", BAIDU.host);
    ensure!(log.contains(&question), "it was not asked:\n{log}");
    Ok(())
}

/// Envoy's own resolver: the sidecar's connections have the names of the hosts that it serves.
#[test]
fn c_ares_in_the_sidecar() -> Result<()> {
    let mut bed = Bed::new(Mesh::Injected(Capture::default()))?;
    bed.apply(&service_entry("httpbin", HTTPBIN.host, "DNS"))?;
    ensure!(bed.curl(&[], HTTPBIN.host)? == "200");
    bed.told_by_name(HTTPBIN.host, HTTPBIN, "mediated")?;
    let finding = bed.told(HTTPBIN.host, "proxy_upstream", 1)?;
    let (from, to) = (&finding.source, &finding.destination);
    ensure!(
        from.container.as_deref() == Some(PROXY)
            && (from.actor.as_str(), from.uid) == ("proxy", Some(PROXY_ID)),
        "{finding:#?}"
    );
    ensure!(
        to.names == [HTTPBIN.host] && to.ip == IpAddr::V4(HTTPBIN.v4),
        "{finding:#?}"
    );
    Ok(())
}

/// promtool is a Go program that asks whom it is told to; what it asks for is no matter here.
#[test]
fn the_resolver_of_go() -> Result<()> {
    let mut bed = Bed::new(Mesh::Plain)?;
    let promtool = promtool();
    let url = format!("http://{}", BAIDU.host);
    let argv = [
        "env",
        "GODEBUG=netdns=go+1",
        &promtool.to_string_lossy(),
        "query",
        "instant",
        &url,
        "up",
    ];
    let output = bed.pod()?.exec(APP, User::APP, &argv)?;
    let said = String::from_utf8_lossy(&output.stderr);
    // What Go says about its choice, asked by `+1`.
    ensure!(
        said.contains("go package net") && said.contains("Go's resolver"),
        "{output:?}"
    );
    bed.told_by_name(BAIDU.host, BAIDU, "unmeshed")
}

/// Two hosts behind one address, as behind a content network's: which one is meant cannot be told.
#[test]
fn two_names_of_one_address() -> Result<()> {
    let [a, b] = [SHARED.host, SHARED.more_hosts[0]];
    let mut bed = Bed::new(Mesh::Injected(Capture::default()))?;
    bed.apply(&service_entry("httpbin", HTTPBIN.host, "DNS"))?;
    ensure!(bed.curl(&[], a)? == "502");
    bed.told_by_name(a, SHARED, "blocked")?;

    // Neither is declared: it is blocked, whichever was meant.
    for (first, last) in [(a, b), (b, a)] {
        ensure!(bed.curl(&[], last)? == "502");
        let finding = bed.told(&format!("{last}~ambiguous"), "blocked", 1)?;
        let to = &finding.destination;
        ensure!(
            to.host.is_none() && to.names == [last, first],
            "{finding:#?}"
        );
        ensure!(finding.registry == "undeclared", "{finding:#?}");
    }

    // One is declared: what the sidecar did cannot be told.
    bed.apply(&service_entry("shared", b, "DNS"))?;
    ensure!(bed.curl(&[], b)? == "200");
    let finding = bed.told(&format!("{b}~ambiguous"), "unknown", 1)?;
    ensure!(
        (finding.registry.as_str(), finding.reason.as_str()) == ("unknown", "ambiguous_name"),
        "{finding:#?}"
    );
    ensure!(finding.destination.names == [b, a], "{finding:#?}");

    // One entry covers both: it is the same, whichever was meant.
    let wildcard = "*.shared.example";
    bed.apply(&service_entry("shared", wildcard, "NONE"))?;
    ensure!(bed.curl(&[], a)? == "200");
    let finding = bed.told(wildcard, "mediated", 1)?;
    let to = &finding.destination;
    ensure!(to.host.is_none() && to.names == [a, b], "{finding:#?}");
    ensure!(finding.registry == "service_entry", "{finding:#?}");
    Ok(())
}

fn service_entry(name: &str, host: &str, resolution: &str) -> String {
    format!(
        r#"
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}}}
spec:
  hosts: ["{host}"]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: {resolution}
  location: MESH_EXTERNAL
"#
    )
}
