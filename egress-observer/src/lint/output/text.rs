//! Two lines for each finding.

use super::{plain::plain, report::LintReport};

pub(super) fn render(report: &LintReport<'_>) -> String {
    let findings = report.findings.iter();
    let lines = findings.map(|finding| {
        let place = &finding.place;
        format!(
            "{}: {}: {} {}: {}: {}\n    fix: {}\n",
            plain(&place.path.to_string_lossy()),
            plain(&place.to_string()),
            finding.code,
            finding.code.severity(),
            plain(&finding.field),
            plain(&finding.message),
            plain(&finding.fix),
        )
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::super::{
        LintFormat,
        tests::{finding, render},
    };

    #[test]
    fn a_finding_says_where_what_and_how_to_fix_it() {
        assert_eq!(
            render(&[finding("ext")], LintFormat::Text),
            "k8s/a b.yaml: ServiceEntry shop/ext: EO0055 error: spec.hosts[0]: bare `*`\n    \
             fix: name it\n"
        );
        assert!(!render(&[finding("a\u{7}b")], LintFormat::Text).contains('\u{7}'));
        assert_eq!(render(&[], LintFormat::Text), "");
    }
}
