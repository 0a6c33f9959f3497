//! The command: reads files, writes the report to standard output and the rest to standard error.

use std::io::{self, Write as _};

use anyhow::Context as _;

use super::{
    Code, Settings,
    code::Severity,
    lint_files,
    output::{Report, plain},
    suppress,
};
use crate::cli::{FailureThreshold, LintArgs};

/// Runs it, and says whether findings reach the threshold.
pub fn run(args: &LintArgs) -> anyhow::Result<bool> {
    if args.list {
        write(&list())?;
        return Ok(false);
    }
    let settings = Settings {
        cluster_ranges: args.cluster_cidrs.clone(),
    };
    let mut findings = lint_files(&args.manifests, &settings)?;
    let (n_suppressed, unused) = suppress::apply(&mut findings, &args.suppress);
    let report = Report {
        findings: &findings,
        n_suppressed,
        threshold: threshold(args.failure_threshold),
    };
    write(&report.render(args.output))?;
    let mut said = summary(&report);
    for suppression in unused {
        said.push_str(&format!(
            "--suppress {}: matches no finding\n",
            plain(&suppression.to_string())
        ));
    }
    io::stderr()
        .write_all(said.as_bytes())
        .context("writing to standard error")?;
    Ok(report.failed())
}

const fn threshold(threshold: FailureThreshold) -> Option<Severity> {
    match threshold {
        FailureThreshold::Info => Some(Severity::Info),
        FailureThreshold::Notice => Some(Severity::Notice),
        FailureThreshold::Warning => Some(Severity::Warning),
        FailureThreshold::Error => Some(Severity::Error),
        FailureThreshold::Never => None,
    }
}

fn list() -> String {
    let lines = Code::ALL.iter().map(|code| {
        format!(
            "{code}  {:<7}  {}\n",
            code.severity().as_str(),
            code.title()
        )
    });
    lines.collect()
}

/// The most severe first, such as `3 findings (1 error, 2 notice), 1 suppressed`.
fn summary(report: &Report<'_>) -> String {
    let counts: Vec<String> = Severity::ALL
        .into_iter()
        .rev()
        .map(|severity| (report.n(severity), severity))
        .filter(|(n, _)| *n > 0)
        .map(|(n, severity)| format!("{n} {severity}"))
        .collect();
    let mut text = match report.findings.len() {
        0 => "no findings".to_owned(),
        1 => format!("1 finding ({})", counts.join(", ")),
        n => format!("{n} findings ({})", counts.join(", ")),
    };
    if report.n_suppressed > 0 {
        text.push_str(&format!(", {} suppressed", report.n_suppressed));
    }
    text.push('\n');
    text
}

/// Whoever reads the report may have seen enough.
fn write(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("writing the report"),
    }
}
