//! An object of kind `LintReport`.

use serde_json::{Map, Value, json};

use super::report::LintReport;
use crate::lint::{code::Severity, finding::LintFinding};

pub(super) fn render(report: &LintReport<'_>) -> String {
    let by_severity: Map<String, Value> = Severity::ALL
        .iter()
        .map(|severity| (severity.to_string(), report.n(*severity).into()))
        .collect();
    let mut summary = json!({
        "findings": report.findings.len(),
        "suppressed": report.n_suppressed,
        "failureThreshold": report.threshold.map(Severity::as_str),
        "failed": report.failed(),
    });
    if let Some(fields) = summary.as_object_mut() {
        fields.extend(by_severity);
    }
    let findings: Vec<Value> = report.findings.iter().map(finding).collect();
    let object = json!({
        "apiVersion": "egress-observer.io/v1alpha1",
        "kind": "LintReport",
        "findings": findings,
        "summary": summary,
    });
    format!("{object:#}\n")
}

fn finding(finding: &LintFinding) -> Value {
    let place = &finding.place;
    let namespace = Some(&place.namespace).filter(|namespace| !namespace.is_empty());
    json!({
        "code": finding.code.as_str(),
        "severity": finding.code.severity().as_str(),
        "title": finding.code.title(),
        "resource": {"kind": place.kind, "namespace": namespace, "name": place.name},
        "path": place.path.to_string_lossy(),
        "field": finding.field,
        "value": finding.value,
        "message": finding.message,
        "fix": finding.fix,
        "url": finding.code.url(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::{
        LintFormat,
        tests::{finding, render},
    };

    #[test]
    fn the_report_says_what_it_is_and_counts() {
        let text = render(&[finding("ext")], LintFormat::Json);
        let report: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(report["kind"], "LintReport");
        assert_eq!(report["findings"][0]["resource"]["namespace"], "shop");
        assert_eq!(report["summary"]["error"], 1);
        assert_eq!(report["summary"]["suppressed"], 2);
        assert_eq!(report["summary"]["failed"], true);
    }
}
