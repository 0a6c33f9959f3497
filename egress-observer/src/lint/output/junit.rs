//! A test suite: one test case for each object and code, failed where a finding reaches the
//! threshold, passed with its text as output where none does.

use super::{plain::plain, report::LintReport};
use crate::lint::finding::LintFinding;

pub(super) fn render(report: &LintReport<'_>) -> String {
    let cases: Vec<&[LintFinding]> = report
        .findings
        .chunk_by(|a, b| (&a.place, a.code) == (&b.place, b.code))
        .collect();
    let failed = cases.iter().filter(|case| fails(report, case));
    let n_failed = failed.count();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"egress-observer lint\" tests=\"{n}\" failures=\"{n_failed}\">\n\
         <testsuite name=\"egress-observer lint\" tests=\"{n}\" failures=\"{n_failed}\" errors=\"0\" \
         skipped=\"0\">\n",
        n = cases.len(),
    );
    text.extend(cases.iter().map(|case| test_case(report, case)));
    text.push_str("</testsuite>\n</testsuites>\n");
    text
}

fn fails(report: &LintReport<'_>, case: &[LintFinding]) -> bool {
    case.iter().any(|finding| report.fails(finding))
}

fn test_case(report: &LintReport<'_>, case: &[LintFinding]) -> String {
    let Some(first) = case.first() else {
        return String::new();
    };
    let (code, place) = (first.code, &first.place);
    let details: String = case
        .iter()
        .map(|finding| {
            format!(
                "{}: {}\nfix: {}\n",
                finding.field, finding.message, finding.fix
            )
        })
        .chain([code.url()])
        .collect();
    let body = if fails(report, case) {
        format!(
            "<failure type=\"{code}\" message=\"{}\">{}</failure>",
            escape(code.title()),
            escape(&details)
        )
    } else {
        format!("<system-out>{}</system-out>", escape(&details))
    };
    format!(
        "<testcase classname=\"{}\" name=\"{code} {}\" file=\"{}\">{body}</testcase>\n",
        escape(&place.resource()),
        escape(code.title()),
        escape(&place.path.to_string_lossy()),
    )
}

/// Text for XML, in elements and in attributes. What XML cannot hold is spelt out.
fn escape(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(plain).collect();
    let mut escaped = String::new();
    for c in lines.join("\n").chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.extend(c.escape_unicode()),
            c => escaped.push(c),
        }
    }
    escaped
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
    fn an_object_and_code_is_one_test_case() {
        let text = render(
            &[finding("a"), finding("a"), finding("b")],
            LintFormat::Junit,
        );
        assert_eq!(text.matches("<testcase ").count(), 2);
        assert!(text.contains("tests=\"2\" failures=\"2\""), "{text}");
    }

    #[test]
    fn text_from_manifests_stays_text() {
        assert_eq!(
            escape("</x a=\"&\u{0}\u{ffff}"),
            "&lt;/x a=&quot;&amp;\\u{0}\\u{ffff}"
        );
    }
}
