//! The golden corpus: manifests, connections, and what the agent must make of them. A folder a
//! case; add one without writing Rust.
//!
//! `manifests.yaml` holds Kubernetes objects as the agent reads them. `connections.yaml` is a list:
//!
//! ```yaml
//! - what: said when it fails
//!   pod: namespace/name
//!   to: 198.18.0.10:80
//!   saw: Captured          # how the kernel saw it end, see `Count` in egress-observer-common
//!   protocol: udp          # tcp if not given
//!   uid: 1337              # 1000 if not given; `gid` likewise
//!   container: aa          # a container's id, if it matters
//!   expect: {verdict: mediated, reason: included_range}   # and path, scope, registry, service
//! ```
#![forbid(unsafe_code)]

#[cfg(test)]
mod corpus {
    use std::{
        collections::BTreeMap,
        fs,
        net::{IpAddr, SocketAddr},
        path::{Path, PathBuf},
        sync::Arc,
    };

    use anyhow::{Context as _, Result, ensure};
    use egress_observer::{
        cluster::Snapshot,
        finding::{Finding, Source, assess},
        flow::Flow,
    };
    use egress_observer_common::{Count, FlowKey, PROTOCOL_TCP, PROTOCOL_UDP};
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Connection {
        what: String,
        pod: String,
        to: SocketAddr,
        saw: String,
        #[serde(default = "tcp")]
        protocol: String,
        #[serde(default = "app")]
        uid: u32,
        #[serde(default = "app")]
        gid: u32,
        container: Option<String>,
        expect: BTreeMap<String, String>,
    }

    fn tcp() -> String {
        "tcp".to_owned()
    }

    fn app() -> u32 {
        1000
    }

    /// The cluster's ranges of every case.
    const CLUSTER: [&str; 2] = ["10.79.1.0/24", "10.96.0.0/12"];

    #[test]
    fn every_connection_of_the_corpus_is_judged_as_written() -> Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
        let (mut n_connections, mut wrong) = (0, Vec::new());
        for entry in fs::read_dir(&root)? {
            let dir = entry?.path();
            if dir.is_dir() {
                let connections = judge(&dir, &mut wrong)
                    .with_context(|| format!("the case {}", dir.display()))?;
                ensure!(connections > 0, "{} has no connections", dir.display());
                n_connections += connections;
            }
        }
        println!("{n_connections} connections");
        ensure!(
            wrong.is_empty(),
            "{} of {n_connections} wrong:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        Ok(())
    }

    /// Judges the connections of one folder. How many there are.
    fn judge(dir: &Path, wrong: &mut Vec<String>) -> Result<usize> {
        let ranges = CLUSTER.map(|range| range.parse().expect("a range"));
        let manifests: [PathBuf; 1] = [dir.join("manifests.yaml")];
        let (snapshot, _) = Snapshot::from_files(&manifests, &ranges)?;
        let text = fs::read_to_string(dir.join("connections.yaml"))?;
        let connections: Vec<Connection> = serde_saphyr::from_str(&text)?;
        for connection in &connections {
            let finding = find(&snapshot, connection).with_context(|| connection.what.clone())?;
            let found = words(&finding);
            for (name, expected) in &connection.expect {
                let found = found
                    .get(name.as_str())
                    .with_context(|| format!("expect: {name}?"))?;
                if found != expected {
                    let name_of_case = dir.file_name().unwrap_or_default().to_string_lossy();
                    wrong.push(format!(
                        "{name_of_case}: {}: {name} is {found}, expected {expected}",
                        connection.what
                    ));
                }
            }
        }
        Ok(connections.len())
    }

    fn find(snapshot: &Snapshot, connection: &Connection) -> Result<Finding> {
        let pod = snapshot
            .pods()
            .find(|pod| pod.to_string() == connection.pod)
            .with_context(|| format!("no pod {}", connection.pod))?;
        let (uid, gid) = (connection.uid, connection.gid);
        let source = Source::Pod {
            pod: Arc::clone(pod),
            role: pod.role(connection.container.as_deref(), uid, gid),
        };
        let count = Count::ALL
            .into_iter()
            .find(|count| format!("{count:?}") == connection.saw);
        let key = FlowKey {
            cgroup: 0,
            addr: words_of(connection.to.ip()),
            uid,
            gid,
            port: connection.to.port(),
            protocol: match connection.protocol.as_str() {
                "udp" => PROTOCOL_UDP,
                _ => PROTOCOL_TCP,
            },
            _pad: [0; 5],
        };
        let count = count.with_context(|| format!("saw: {}?", connection.saw))?;
        assess(snapshot, &source, &Flow { key, count, n: 1 }).context("it is a pod's")
    }

    /// An address as the kernel side writes it.
    fn words_of(ip: IpAddr) -> [u32; 4] {
        let octets = match ip {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
            IpAddr::V6(ip) => ip.octets(),
        };
        let word = |at: usize| u32::from_ne_bytes([0, 1, 2, 3].map(|i| octets[at + i]));
        [word(0), word(4), word(8), word(12)]
    }

    fn words(finding: &Finding) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("verdict", finding.verdict.to_string()),
            ("reason", finding.reason.to_string()),
            ("path", finding.path.to_string()),
            ("scope", finding.scope.to_string()),
            ("actor", finding.actor.to_string()),
            ("registry", finding.registry.to_string()),
            ("service", finding.service.to_string()),
        ])
    }
}
