//! What is reported, and whether it fails the run.

use crate::lint::{code::Severity, finding::LintFinding};

/// What is reported.
#[derive(Clone, Copy, Debug)]
pub struct LintReport<'a> {
    /// In order.
    pub findings: &'a [LintFinding],
    /// Findings that were suppressed.
    pub n_suppressed: usize,
    /// Severity from which findings fail the run, if any does.
    pub threshold: Option<Severity>,
}

impl LintReport<'_> {
    /// Findings of a severity.
    pub fn n(&self, severity: Severity) -> usize {
        let severities = self.findings.iter().map(|finding| finding.code.severity());
        severities.filter(|found| *found == severity).count()
    }

    /// Whether a finding fails the run.
    pub fn fails(&self, finding: &LintFinding) -> bool {
        self.threshold
            .is_some_and(|threshold| finding.code.severity() >= threshold)
    }

    /// Whether any does.
    pub fn failed(&self) -> bool {
        self.findings.iter().any(|finding| self.fails(finding))
    }
}
