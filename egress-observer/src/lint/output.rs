//! Findings as text, JSON, JUnit or SARIF: pure functions from findings to a document.

mod json;
mod junit;
mod sarif;
mod text;

use super::{
    code::Severity,
    finding::{Finding, Place},
};

/// Shape of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object.
    Json,
    /// XML for CI systems that show test results.
    Junit,
    /// JSON for code review tools (SARIF 2.1.0).
    Sarif,
}

/// What is reported.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// In order.
    pub findings: &'a [Finding],
    /// Findings that were suppressed.
    pub n_suppressed: usize,
    /// Severity from which findings fail the run, if any does.
    pub threshold: Option<Severity>,
}

impl Report<'_> {
    /// The whole document.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Text => text::render(self),
            Format::Json => json::render(self),
            Format::Junit => junit::render(self),
            Format::Sarif => sarif::render(self),
        }
    }

    /// Findings of a severity.
    pub fn n(&self, severity: Severity) -> usize {
        let severities = self.findings.iter().map(|finding| finding.code.severity());
        severities.filter(|found| *found == severity).count()
    }

    /// Whether a finding fails the run.
    pub fn fails(&self, finding: &Finding) -> bool {
        self.threshold
            .is_some_and(|threshold| finding.code.severity() >= threshold)
    }

    /// Whether any does.
    pub fn failed(&self) -> bool {
        self.findings.iter().any(|finding| self.fails(finding))
    }
}

/// `Kind/namespace/name`, as suppressions name it.
fn resource(place: &Place) -> String {
    if place.namespace.is_empty() {
        format!("{}/{}", place.kind, place.name)
    } else {
        format!("{}/{}/{}", place.kind, place.namespace, place.name)
    }
}

/// Text without characters that would change what a terminal shows around it: controls, and what
/// turns the direction of text or takes no room.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        let unseen = matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        );
        if c.is_control() || unseen {
            plain.extend(c.escape_unicode());
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::lint::Code;

    pub(super) fn finding(name: &str) -> Finding {
        let place = Place {
            path: Path::new("k8s/a b.yaml").into(),
            namespace: "shop".to_owned(),
            kind: "ServiceEntry".to_owned(),
            name: name.to_owned(),
        };
        place.finding(Code::BadHost, "spec.hosts[0]", "*", "bare `*`", "name it")
    }

    pub(super) fn render(findings: &[Finding], format: Format) -> String {
        let report = Report {
            findings,
            n_suppressed: 2,
            threshold: Some(Severity::Warning),
        };
        report.render(format)
    }

    #[test]
    fn what_a_terminal_obeys_is_spelt_out() {
        assert_eq!(plain("a\u{1b}[31m\nb"), "a\\u{1b}[31m\\u{a}b");
        assert_eq!(plain("\u{202e}cod\u{200b}e"), "\\u{202e}cod\\u{200b}e");
        assert_eq!(plain("straße 東"), "straße 東");
    }
}
