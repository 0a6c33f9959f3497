//! The golden corpus: manifests, connections, and what the agent must make of them. A folder a
//! case, or a group of such (`capture` and `registry`: field reports and their near misses, each with
//! the rule of Istio that decides it); add one without writing Rust.
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
//!   names: [httpbin.org]   # what the pod asked DNS for, the last one first
//!   expect: {verdict: mediated, reason: included_range}   # and path, scope, registry, service
//! ```
//!
//! `destinations.yaml`, beside it or alone, is a list of what `explain` must say:
//!
//! ```yaml
//! - what: said when it fails
//!   pod: namespace/name
//!   to: httpbin.org:443    # as for `--to`
//!   protocol: udp          # tcp if not given
//!   uid: 1337              # as for `--uid`; `gid`, `container`, `interface` likewise
//!   # Any field of the JSON; `*` is every element of a list.
//!   expect: {applied.expected: captured, stale: false, advice.*.method: [bypass]}
//! ```
//!
//! `findings.yaml`, likewise, is a list of what `lint` must find: every error and warning, and what else
//! matters. Manifests that cannot be read whole are a finding, too; without this file they are a mistake.
//!
//! ```yaml
//! - code: EO0026
//!   object: Pod namespace/name
//!   value: plain           # `field` and `fix` likewise, where they matter
//! ```
#![forbid(unsafe_code)]

#[cfg(test)]
mod corpus {
    use std::{
        collections::BTreeMap,
        fs,
        net::{IpAddr, SocketAddr},
        path::{Path, PathBuf},
    };

    use anyhow::{Context as _, Result, ensure};
    use egress_observer::{
        attribution::FlowOwner,
        explain::{Explainer, To, Who},
        finding::{self, Finding},
        flow::CountedFlow,
        lint::{LintFinding, LintSettings, Severity, lint_files},
    };
    use egress_observer_common::{Count, FlowKey, PROTOCOL_TCP, PROTOCOL_UDP};
    use egress_observer_istio::{
        judgement::ClientSocket,
        manifests,
        view::{Snapshot, live::Live},
        vocabulary::Protocol,
    };
    use ipnet::IpNet;
    use serde::Deserialize;
    use serde_json::Value;

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
        #[serde(default)]
        names: Vec<String>,
        expect: BTreeMap<String, String>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        what: String,
        pod: String,
        to: String,
        #[serde(default = "tcp")]
        protocol: String,
        uid: Option<u32>,
        gid: Option<u32>,
        container: Option<String>,
        interface: Option<String>,
        expect: BTreeMap<String, Value>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Fault {
        code: String,
        object: String,
        field: Option<String>,
        value: Option<String>,
        fix: Option<String>,
    }

    fn tcp() -> String {
        "tcp".to_owned()
    }

    fn app() -> u32 {
        1000
    }

    /// The cluster's ranges of every case.
    fn cluster_ranges() -> [IpNet; 2] {
        ["10.79.1.0/24", "10.96.0.0/12"].map(|range| range.parse().expect("a range"))
    }

    #[test]
    fn every_connection_of_the_corpus_is_judged_as_written() -> Result<()> {
        each_case("connections.yaml", judge)
    }

    #[test]
    fn every_destination_of_the_corpus_is_explained_as_written() -> Result<()> {
        each_case("destinations.yaml", explain)
    }

    #[test]
    fn every_finding_of_the_corpus_is_there_and_no_other() -> Result<()> {
        each_case(FINDINGS, lint)
    }

    /// What `lint` must find.
    const FINDINGS: &str = "findings.yaml";

    /// Runs what a file of each folder says, if it is there. `check` says how many there were, and
    /// adds what is wrong.
    fn each_case(file: &str, check: fn(&Path, &mut Vec<String>) -> Result<usize>) -> Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
        let (mut n_checked, mut wrong) = (0, Vec::new());
        for dir in cases(&root)? {
            let files = ["connections.yaml", "destinations.yaml", FINDINGS];
            let n_files = files.iter().filter(|file| dir.join(file).exists()).count();
            ensure!(n_files > 0, "{} has neither of {files:?}", dir.display());
            if dir.join(file).exists() {
                let n = check(&dir, &mut wrong)
                    .with_context(|| format!("the case {}", dir.display()))?;
                n_checked += n;
            }
        }
        ensure!(n_checked > 0, "no {file} at all");
        println!("{n_checked} of {file}");
        ensure!(
            wrong.is_empty(),
            "{} of {n_checked} wrong:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        Ok(())
    }

    /// The folders with manifests; one without is a group of such.
    fn cases(root: &Path) -> Result<Vec<PathBuf>> {
        let mut cases = Vec::new();
        for entry in fs::read_dir(root)? {
            let dir = entry?.path();
            if dir.join("manifests.yaml").exists() {
                cases.push(dir);
            } else if dir.is_dir() {
                cases.extend(self::cases(&dir)?);
            }
        }
        Ok(cases)
    }

    /// The state that the manifests of one folder describe.
    fn snapshot(dir: &Path) -> Result<Snapshot> {
        let reading = manifests::read(&[dir.join("manifests.yaml")])?;
        let objects = if dir.join(FINDINGS).exists() {
            reading.unique().0
        } else {
            reading.complete()?
        };
        Ok(Live::of(objects, &cluster_ranges()).into_snapshot())
    }

    /// Finds what is wrong with the manifests of one folder. How many cases it is: one.
    fn lint(dir: &Path, wrong: &mut Vec<String>) -> Result<usize> {
        let settings = LintSettings {
            cluster_ranges: cluster_ranges().to_vec(),
        };
        let mut found = lint_files(&[dir.join("manifests.yaml")], &settings)?;
        let text = fs::read_to_string(dir.join(FINDINGS))?;
        let faults: Vec<Fault> = serde_saphyr::from_str(&text)?;
        let case = dir.file_name().unwrap_or_default().to_string_lossy();
        for fault in &faults {
            let before = found.len();
            found.retain(|finding| !is(finding, fault));
            if found.len() == before {
                wrong.push(format!("{case}: there is no {fault:?}"));
            }
        }
        found.retain(|finding| finding.code.severity() >= Severity::Warning);
        wrong.extend(found.iter().map(|finding| {
            let LintFinding { code, place, .. } = finding;
            format!("{case}: {code} {place}, which is not expected: {finding:?}")
        }));
        Ok(1)
    }

    /// Whether this is the finding.
    fn is(finding: &LintFinding, fault: &Fault) -> bool {
        let same = |expected: &Option<String>, found: &str| {
            expected.as_ref().is_none_or(|expected| expected == found)
        };
        finding.code.to_string() == fault.code
            && finding.place.to_string() == fault.object
            && same(&fault.field, &finding.field)
            && same(&fault.value, &finding.value)
            && same(&fault.fix, &finding.fix)
    }

    /// Explains the destinations of one folder. How many there are.
    fn explain(dir: &Path, wrong: &mut Vec<String>) -> Result<usize> {
        let snapshot = snapshot(dir)?;
        let text = fs::read_to_string(dir.join("destinations.yaml"))?;
        let questions: Vec<Asked> = serde_saphyr::from_str(&text)?;
        ensure!(!questions.is_empty(), "nothing is asked");
        let case = dir.file_name().unwrap_or_default().to_string_lossy();
        for asked in &questions {
            let found = explanation(&snapshot, asked).with_context(|| asked.what.clone())?;
            for (path, expected) in &asked.expect {
                let found = field(&found, path)
                    .with_context(|| format!("{}: expect: {path}?", asked.what))?;
                if found != *expected {
                    let what = &asked.what;
                    wrong.push(format!(
                        "{case}: {what}: {path} is {found}, expected {expected}"
                    ));
                }
            }
        }
        Ok(questions.len())
    }

    /// What stands at a path; behind `*`, of every element of a list.
    fn field(value: &Value, path: &str) -> Option<Value> {
        let Some((list, rest)) = path.split_once(".*.") else {
            let pointer = format!("/{}", path.replace('.', "/"));
            return value.pointer(&pointer).cloned();
        };
        let elements = field(value, list)?;
        let elements = elements.as_array()?.iter();
        elements.map(|element| field(element, rest)).collect()
    }

    fn explanation(snapshot: &Snapshot, asked: &Asked) -> Result<Value> {
        let pod = snapshot
            .pods()
            .find(|pod| pod.to_string() == asked.pod)
            .with_context(|| format!("no pod {}", asked.pod))?;
        let who = Who {
            container: asked.container.clone(),
            socket: ClientSocket {
                uid: asked.uid,
                gid: asked.gid,
                interface: asked.interface.clone(),
                source: None,
            },
        };
        let to: To = asked.to.parse()?;
        let protocol = match asked.protocol.as_str() {
            "udp" => Protocol::Udp,
            _ => Protocol::Tcp,
        };
        let explanation = Explainer::new(snapshot, pod, who)?.explain(&to, protocol);
        Ok(serde_json::to_value(explanation)?)
    }

    /// Judges the connections of one folder. How many there are.
    fn judge(dir: &Path, wrong: &mut Vec<String>) -> Result<usize> {
        let snapshot = snapshot(dir)?;
        let text = fs::read_to_string(dir.join("connections.yaml"))?;
        let connections: Vec<Connection> = serde_saphyr::from_str(&text)?;
        ensure!(!connections.is_empty(), "no connection");
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
        let source = FlowOwner::Pod {
            pod,
            container: connection.container.as_deref(),
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
        let names = connection.names.iter().map(|name| name.as_str().into());
        let flow = CountedFlow { key, count, n: 1 };
        finding::judge(snapshot, &source, names.collect(), &flow).context("it is a pod's")
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

    fn words(Finding { kind, .. }: &Finding) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("verdict", kind.verdict.to_string()),
            ("reason", kind.reason.to_string()),
            ("path", kind.path.to_string()),
            ("scope", kind.scope.to_string()),
            ("actor", kind.actor.to_string()),
            ("registry", kind.registry.to_string()),
            ("service", kind.service.to_string()),
        ])
    }
}
