//! Findings as text, JSON, JUnit or SARIF: pure functions from findings to a document.

mod json;
mod junit;
mod plain;
mod report;
mod sarif;
mod text;

pub(crate) use self::plain::plain;
pub use self::report::LintReport;

/// Shape of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LintFormat {
    /// For people.
    Text,
    /// One JSON object.
    Json,
    /// XML for CI systems that show test results.
    Junit,
    /// JSON for code review tools (SARIF 2.1.0).
    Sarif,
}

impl LintReport<'_> {
    /// The whole document.
    pub fn render(&self, format: LintFormat) -> String {
        match format {
            LintFormat::Text => text::render(self),
            LintFormat::Json => json::render(self),
            LintFormat::Junit => junit::render(self),
            LintFormat::Sarif => sarif::render(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::lint::{
        code::{LintCode, Severity},
        finding::{LintFinding, ObjectPlace},
    };

    pub(super) fn finding(name: &str) -> LintFinding {
        let place = ObjectPlace {
            path: Path::new("k8s/a b.yaml").into(),
            namespace: "shop".to_owned(),
            kind: "ServiceEntry".to_owned(),
            name: name.to_owned(),
        };
        place.finding(
            LintCode::BadHost,
            "spec.hosts[0]",
            "*",
            "bare `*`",
            "name it",
        )
    }

    pub(super) fn render(findings: &[LintFinding], format: LintFormat) -> String {
        let report = LintReport {
            findings,
            n_suppressed: 2,
            threshold: Some(Severity::Warning),
        };
        report.render(format)
    }
}
