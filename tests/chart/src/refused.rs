//! Values that the chart must refuse, with words that help.

use anyhow::{Result, bail};
use serde_json::json;

use crate::helm::{self, Helm, Release, Setting};

/// What is set, and what helm must say.
fn cases() -> Vec<(&'static str, serde_json::Value, &'static str)> {
    let digest = "sha256:0123";
    vec![
        (
            "confg",
            json!({}),
            "additional properties 'confg' not allowed",
        ),
        (
            "config.clusterCidrs",
            json!([]),
            "'clusterCidrs' not allowed",
        ),
        (
            "metrics.podMonitor.enable",
            json!(true),
            "'enable' not allowed",
        ),
        ("image.registry", json!("a"), "'registry' not allowed"),
        ("mode", json!("install"), "/mode"),
        ("config.dns", json!("on"), "/config/dns"),
        (
            "config.metrics.destinations",
            json!("some"),
            "/config/metrics/destinations",
        ),
        (
            "config.metrics.maxDestinations",
            json!("many"),
            "/config/metrics/maxDestinations",
        ),
        (
            "config.capturePorts",
            json!([1, 2, 3, 4, 5]),
            "/config/capturePorts",
        ),
        ("config.capturePorts", json!([0]), "/config/capturePorts/0"),
        ("config.capturePorts", json!([]), "/config/capturePorts"),
        (
            "config.clusterCIDRs",
            json!(["10.0.0.0"]),
            "/config/clusterCIDRs/0",
        ),
        (
            "config.clusterCIDRs",
            json!("10.0.0.0/8"),
            "/config/clusterCIDRs",
        ),
        (
            "config.istio.revisions",
            json!([]),
            "/config/istio/revisions",
        ),
        (
            "config.istio.revisions",
            json!(["a,b"]),
            "/config/istio/revisions/0",
        ),
        (
            "config.istio.namespace",
            json!("Istio System"),
            "/config/istio/namespace",
        ),
        ("config.maxFlows", json!(2_000_000), "/config/maxFlows"),
        ("config.log", json!(""), "/config/log"),
        ("config.logFormat", json!("xml"), "/config/logFormat"),
        ("image.digest", json!(digest), "/image/digest"),
        ("image.pullPolicy", json!("Sometimes"), "/image/pullPolicy"),
        ("podLabels", json!({"a": 1}), "/podLabels/a"),
        ("resources.limit", json!({}), "'limit' not allowed"),
        (
            "securityContext.privileged",
            json!(true),
            "'privileged' not allowed",
        ),
        (
            "securityContext.seccompProfile.type",
            json!("Localhost"),
            "localhostProfile",
        ),
        (
            "updateStrategy.maxUnavailable",
            json!("0%"),
            "/updateStrategy/maxUnavailable",
        ),
        (
            "updateStrategy.maxSurge",
            json!(1),
            "'maxSurge' not allowed",
        ),
        ("metrics.port", json!(80), "/metrics/port"),
        ("metrics.host", json!("::"), "/metrics/host"),
        (
            "metrics.podMonitor.interval",
            json!("often"),
            "/metrics/podMonitor/interval",
        ),
        (
            "metrics.podMonitor.sampleLimit",
            json!(-1),
            "/metrics/podMonitor/sampleLimit",
        ),
        (
            "prometheusRule.runbookUrlBase",
            json!("https://x/"),
            "/prometheusRule/runbookUrlBase",
        ),
        (
            "prometheusRule",
            json!({"enabled": true, "disabled": ["EgressObserverNoSuchAlert"]}),
            "there is no alert EgressObserverNoSuchAlert",
        ),
        (
            "metrics",
            json!({"podMonitor": {"enabled": true}, "serviceMonitor": {"enabled": true}}),
            "enable either metrics.podMonitor or metrics.serviceMonitor",
        ),
        ("extraEnv", json!({"A": "b"}), "/extraEnv"),
    ]
}

/// Says how many were refused.
pub fn check(helm: &Helm, newest: &str) -> Result<String> {
    let cases = cases();
    for (path, value, words) in &cases {
        let setting: Setting = ((*path).to_owned(), value.clone());
        refused(helm, newest, &helm::arguments(&[setting]), words)?;
    }
    refused(
        helm,
        "1.24.0",
        &[],
        "which is incompatible with Kubernetes v1.24.0",
    )?;
    Ok(format!("{} sets of values", cases.len() + 1))
}

fn refused(helm: &Helm, version: &str, args: &[String], words: &str) -> Result<()> {
    match helm.template(&Release::on(version), args) {
        Ok(_) => bail!("values {args:?} are not refused"),
        Err(error) if format!("{error:#}").contains(words) => Ok(()),
        Err(error) => bail!("values {args:?} are refused, but not with `{words}`: {error:#}"),
    }
}
