//! `egress-observer lint`: reads files, writes the report to standard output and the rest to
//! standard error.

use std::io::{self, Write as _};

use anyhow::Context as _;
use clap::Args;

use super::{
    manifests::{ClusterRanges, ManifestPaths},
    outcome::Outcome,
    write_out,
};
use crate::lint::{
    LintCode, LintSettings, Severity, Suppression, lint_reading,
    output::{LintFormat, LintReport, plain},
    suppress,
};
use egress_observer_istio::manifests::{self, ObjectTally};

const MANIFESTS: &str = "Files or directories with Kubernetes and Istio objects as YAML or JSON";
const RANGES: &str = "Pod and Service ranges of the cluster, to judge lists of ranges by";

/// Settings of `lint`.
#[derive(Debug, Args)]
#[command(mut_arg("manifests", |arg| arg.help(MANIFESTS).required_unless_present("list")))]
#[command(mut_arg("cluster_cidrs", |arg| arg.help(RANGES)))]
pub struct LintArgs {
    #[command(flatten)]
    pub paths: ManifestPaths,
    /// Shape of the report on standard output.
    #[arg(short, long, value_enum, default_value = "text")]
    pub output: LintFormat,
    /// The least severity that fails the run.
    #[arg(
        long,
        value_enum,
        default_value = "warning",
        env = "EGRESS_OBSERVER_LINT_FAILURE_THRESHOLD"
    )]
    pub failure_threshold: FailureThreshold,
    /// A finding to leave out, such as `EO0050=ServiceEntry/shop/*`; may be given several times.
    #[arg(long, value_name = "CODE=KIND/NAMESPACE/NAME")]
    pub suppress: Vec<Suppression>,
    #[command(flatten)]
    pub ranges: ClusterRanges,
    /// Name every code, with its severity, and do nothing else.
    #[arg(long)]
    pub list: bool,
}

/// From where on findings fail the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum FailureThreshold {
    /// From `info` on: every finding.
    Info,
    /// From `notice` on.
    Notice,
    /// From `warning` on.
    Warning,
    /// Only `error`.
    Error,
    /// None does.
    Never,
}

/// Lints. What cannot be read is a finding like others.
pub fn run(args: &LintArgs) -> anyhow::Result<Outcome> {
    if args.list {
        write(&list())?;
        return Ok(Outcome::Done);
    }
    let settings = LintSettings {
        cluster_ranges: args.ranges.cluster_cidrs.clone(),
    };
    let paths = &args.paths;
    let reading = manifests::read_installed(&paths.manifests, &paths.values)?;
    let mut findings = lint_reading(&reading, &settings);
    let (n_suppressed, unused) = suppress::apply(&mut findings, &args.suppress);
    let report = LintReport {
        findings: &findings,
        n_suppressed,
        threshold: threshold(args.failure_threshold),
    };
    write(&report.render(args.output))?;
    let mut said = read(&reading.tally);
    for remark in &reading.remarks {
        said.push_str(&format!("{}\n", plain(&remark.to_string())));
    }
    for suppression in unused {
        said.push_str(&format!(
            "--suppress {}: matches no finding\n",
            plain(&suppression.to_string())
        ));
    }
    let summary = summary(&report);
    let outcome = if report.failed() {
        Outcome::Findings(summary)
    } else {
        said.extend([&summary, "\n"]);
        Outcome::Done
    };
    io::stderr()
        .write_all(said.as_bytes())
        .context("writing to standard error")?;
    Ok(outcome)
}

/// What the report is about, line by line: `no findings` alone would not tell that nothing was read.
fn read(tally: &ObjectTally) -> String {
    let empty = tally.empty_files().iter();
    let mut said: String = empty
        .map(|path| format!("{}: holds no object\n", plain(&path.display().to_string())))
        .collect();
    said.push_str(&format!("{}\n", plain(&tally.to_string())));
    said
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
    let lines = LintCode::ALL.iter().map(|code| {
        format!(
            "{code}  {:<7}  {}\n",
            code.severity().as_str(),
            code.title()
        )
    });
    lines.collect()
}

/// The most severe first, such as `3 findings (1 error, 2 notice), 1 suppressed`.
fn summary(report: &LintReport<'_>) -> String {
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
    text
}

fn write(text: &str) -> anyhow::Result<()> {
    write_out(|out| out.write_all(text.as_bytes())).context("writing the report")
}
