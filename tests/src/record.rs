//! What the agent writes with `--record`, read strictly: a field that is missing or unknown is an
//! error.

use std::{fs, io::ErrorKind, net::IpAddr, path::Path};

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// Connections of one process to one destination, seen in one interval.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Recorded {
    pub api_version: String,
    pub kind: String,
    pub first_time: String,
    pub last_time: String,
    pub namespace: String,
    /// As namespace/name; nothing when no pod is known.
    pub pod: Option<String>,
    pub workload: String,
    pub source: Source,
    pub destination: Destination,
    pub path: String,
    pub registry: String,
    pub verdict: String,
    pub reason: String,
    pub failure: Option<String>,
    pub count: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub container: Option<String>,
    pub actor: String,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// Nothing when no name is known, or more than one may be meant.
    pub host: Option<String>,
    pub ip: IpAddr,
    pub port: u16,
    pub protocol: String,
    pub scope: String,
    /// All that may be meant, the one that was asked for last first.
    pub names: Vec<String>,
    /// As in the metrics.
    pub service: String,
}

/// Every whole line so far, as it is and as it is read.
pub fn read(file: &Path) -> Result<Vec<(String, Recorded)>> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        text => parse(&text.with_context(|| format!("cannot read {}", file.display()))?),
    }
}

/// The last line may be half written.
fn parse(text: &str) -> Result<Vec<(String, Recorded)>> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let findings = whole.lines().map(|line| {
        let recorded = serde_json::from_str(line)
            .with_context(|| format!("the agent recorded what is no finding: {line}"))?;
        Ok((line.to_owned(), recorded))
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_that_has_no_end_yet_is_left_for_later() {
        let line = json!({
            "apiVersion": "egress-observer.io/v1alpha1", "kind": "Finding",
            "firstTime": "2026-01-05T08:00:00Z", "lastTime": "2026-01-05T08:00:10Z",
            "namespace": "shop", "pod": "shop/sleep-6f7c9d-x2x4z", "workload": "sleep",
            "source": {"container": "app", "actor": "app", "uid": 1000, "gid": 1000},
            "destination": {
                "host": "www.baidu.com", "ip": "198.18.0.20", "port": 443, "protocol": "tcp",
                "scope": "external", "names": ["www.baidu.com"], "service": "www.baidu.com",
            },
            "path": "captured", "registry": "undeclared", "verdict": "blocked",
            "reason": "included_range", "failure": null, "count": 12,
        })
        .to_string();
        let read = parse(&format!("{line}\n{{\"apiV")).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].0, line);
        assert_eq!(read[0].1.destination.names, ["www.baidu.com"]);
        assert_eq!(parse("{\"apiV").unwrap(), []);
        assert!(parse("{}\n").is_err());
    }
}
