//! SARIF 2.1.0, one run. Lines are not known, so results name a file and an object.

use std::path::Path;

use serde_json::{Value, json};

use super::report::LintReport;
use crate::lint::{
    code::{LintCode, Severity},
    finding::LintFinding,
};

pub(super) fn render(report: &LintReport<'_>) -> String {
    let rules: Vec<Value> = LintCode::ALL.iter().map(|code| rule(*code)).collect();
    let results: Vec<Value> = report.findings.iter().map(result).collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "egress-observer",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Notice | Severity::Info => "note",
    }
}

fn rule(code: LintCode) -> Value {
    json!({
        "id": code.as_str(),
        "shortDescription": {"text": code.title()},
        "helpUri": code.url(),
        "defaultConfiguration": {"level": level(code.severity())},
    })
}

fn result(finding: &LintFinding) -> Value {
    let resource = finding.place.resource();
    let index = LintCode::ALL.iter().position(|code| *code == finding.code);
    let text = format!(
        "{resource}: {}: {}. Fix: {}",
        finding.field, finding.message, finding.fix
    );
    json!({
        "ruleId": finding.code.as_str(),
        "ruleIndex": index,
        "level": level(finding.code.severity()),
        "message": {"text": text},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": uri(&finding.place.path)}},
            "logicalLocations": [{
                "fullyQualifiedName": format!("{resource}/{}", finding.field),
                "kind": "object",
            }],
        }],
        "partialFingerprints": {
            "egressObserver/v1": format!("{} {resource} {} {}", finding.code, finding.field, finding.value),
        },
    })
}

/// A path as a URI reference: relative stays relative.
fn uri(path: &Path) -> String {
    let mut uri = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                uri.push(char::from(*byte));
            }
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    if path.is_absolute() {
        uri.insert_str(0, "file://");
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            LintFormat,
            tests::{finding, render},
        },
        *,
    };

    #[test]
    fn results_point_at_their_rule_and_file() {
        let text = render(&[finding("ext")], LintFormat::Sarif);
        let document: Value = serde_json::from_str(&text).unwrap();
        let run = &document["runs"][0];
        let result = &run["results"][0];
        let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        assert_eq!(
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            "k8s/a%20b.yaml"
        );
        assert_eq!(uri(Path::new("/a/b.yaml")), "file:///a/b.yaml");
    }
}
