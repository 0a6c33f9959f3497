//! `egress-observer what-if`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{ArgGroup, Args};
use tracing::subscriber::{self, NoSubscriber};

use super::{
    BadInput,
    flows::FlowSource,
    manifests::{ClusterArgs, GivenObjects},
    outcome::Outcome,
    output::{OutputFormat, print},
    write_out,
};
use crate::{
    explain::{To, ToError},
    flows::{Caller, RecordedFlow, RecordedJudgement},
    text::count,
    what_if::{
        WhatIfReport,
        change::{Change, Id},
        compare::Comparison,
        set::Setting,
        world::World,
    },
};
use egress_observer_istio::{
    view::{Snapshot, live::Live},
    vocabulary::Verdict,
};

/// Settings of `what-if`.
#[derive(Debug, Args)]
#[command(mut_arg("manifests", |arg| arg.required(true)))]
#[command(group = ArgGroup::new("change").args(["after", "apply", "delete", "set"]).required(true).multiple(true))]
pub struct WhatIfArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The complete manifests after the change. Pods that they do not have run on.
    #[arg(long, num_args = 1.., value_name = "PATH", value_delimiter = ',')]
    after: Vec<PathBuf>,
    /// Manifests that are applied: objects replace those of the same kind, namespace and name, or
    /// are added.
    #[arg(long, num_args = 1.., value_name = "PATH", value_delimiter = ',')]
    apply: Vec<PathBuf>,
    /// An object that is deleted.
    #[arg(long, value_name = "KIND/NAMESPACE/NAME")]
    delete: Vec<Id>,
    /// A value of Istio's installation, as for Helm and istioctl, such as
    /// includeIPRanges=10.96.0.0/12 or meshConfig.outboundTrafficPolicy.mode=ALLOW_ANY.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Setting>,
    /// The control plane revision whose values are set [default: every one].
    #[arg(long, value_name = "REVISION", requires = "set")]
    revision: Option<String>,
    #[command(flatten)]
    flows: FlowSource,
    /// A destination to try: HOST:PORT, IP:PORT, [IPV6]:PORT or HOST@IP:PORT, `/udp` behind it for
    /// UDP.
    #[arg(long, value_name = "DESTINATION", value_parser = to, requires = "pods")]
    to: Vec<To>,
    /// A pod that tries it.
    #[arg(long, value_name = "NAMESPACE/NAME", group = "pods", requires = "to")]
    pod: Vec<String>,
    /// Every pod tries it.
    #[arg(long, group = "pods", requires = "to")]
    all_pods: bool,
    /// Leave out what does not change.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    changed_only: bool,
    /// Exit with code 79 if a connection would get one of these verdicts that it does not have
    /// today.
    #[arg(long, value_name = "VERDICT", value_delimiter = ',', value_parser = verdict)]
    fail_on: Vec<Verdict>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value = "text")]
    output: OutputFormat,
}

fn to(text: &str) -> Result<To, ToError> {
    text.parse()
}

pub(in crate::commands) fn verdict(text: &str) -> Result<Verdict, String> {
    let known = Verdict::ALL.iter().find(|known| known.as_str() == text);
    known.copied().ok_or_else(|| {
        let all: Vec<_> = Verdict::ALL.iter().map(|known| known.as_str()).collect();
        format!("none of {}", all.join(", "))
    })
}

/// Compares and prints.
pub fn run(args: &WhatIfArgs) -> Result<Outcome> {
    let (world, outcome) = world(args)?;
    let mut comparison = Comparison::new(&world);
    let tries = tries(args, &world);
    for flow in &tries {
        comparison
            .add(flow)
            .map_err(|problem| BadInput(format!("--pod: {problem}")))?;
    }
    let n_bad = args
        .flows
        .each(&mut |flow| comparison.add(&flow).map_err(|problem| problem.to_string()))?;
    let report = comparison.report(described(args), n_bad, !args.changed_only);
    write_out(|out| print(out, args.output, &report)).context("writing to standard output")?;
    Ok(outcome.and(outcome_of(&report, &args.fail_on)))
}

fn world(args: &WhatIfArgs) -> Result<(World, Outcome)> {
    let today = GivenObjects::read(&args.cluster.paths)?;
    let values = &args.cluster.paths.values;
    let after = match &args.after[..] {
        [] => GivenObjects::default(),
        paths => GivenObjects::of_files(paths, values)?,
    };
    let apply = GivenObjects::of_files(&args.apply, &[])?;
    let outcome = [&today, &after, &apply]
        .into_iter()
        .fold(Outcome::Done, |outcome, given| outcome.and(given.outcome()));
    let change = Change {
        after: (!args.after.is_empty()).then_some(after.objects),
        apply: apply.objects,
        delete: args.delete.clone(),
        set: args.set.clone(),
        revision: args.revision.clone(),
    };
    let changed = change
        .make(&today.objects)
        .map_err(|problem| BadInput(problem.to_string()))?;
    let ranges = &args.cluster.ranges.cluster_cidrs;
    // What the log says of an object that stays is said once, of the state after the change.
    let before: Snapshot = if args.after.is_empty() {
        subscriber::with_default(NoSubscriber::default(), || {
            Live::of(today.objects, ranges).into_snapshot()
        })
    } else {
        Live::of(today.objects, ranges).into_snapshot()
    };
    let changed = Live::of(changed, ranges).into_snapshot();
    Ok((World::new(before, changed), outcome))
}

/// One connection of each pod to each destination of the command line.
fn tries(args: &WhatIfArgs, world: &World) -> Vec<RecordedFlow> {
    let pods: Vec<Caller> = if args.all_pods {
        world.names().collect()
    } else {
        let pods = args.pod.iter();
        pods.map(|pod| {
            let (namespace, pod) = pod.split_once('/').unwrap_or(("default", pod));
            Caller {
                namespace: namespace.to_owned(),
                pod: pod.to_owned(),
                workload: String::new(),
            }
        })
        .collect()
    };
    let of_pod = |from: &Caller| {
        let from = from.clone();
        args.to.iter().map(move |to| RecordedFlow {
            from: from.clone(),
            container: None,
            actor: None,
            uid: None,
            gid: None,
            to: to.clone(),
            names: to.host.iter().cloned().collect(),
            n: 1,
            seen: RecordedJudgement::default(),
        })
    };
    pods.iter().flat_map(of_pod).collect()
}

/// The change as it was given.
fn described(args: &WhatIfArgs) -> Vec<String> {
    let paths = |flag: &'static str, paths: &[PathBuf]| {
        let texts = paths
            .iter()
            .map(|path| format!("{flag} {}", path.display()));
        texts.collect::<Vec<_>>()
    };
    let mut all = paths("--after", &args.after);
    all.extend(paths("--apply", &args.apply));
    all.extend(args.delete.iter().map(|id| format!("--delete {id}")));
    let revision = args.revision.as_deref();
    all.extend(args.set.iter().map(|setting| match revision {
        Some(revision) => format!("--set {setting} --revision {revision}"),
        None => format!("--set {setting}"),
    }));
    all
}

fn outcome_of(report: &WhatIfReport, fail_on: &[Verdict]) -> Outcome {
    let n_bad = report.flows.bad_lines;
    let bad = if n_bad > 0 {
        Outcome::BadInput(format!(
            "--flows: {} not read: no flow",
            count(n_bad, "line")
        ))
    } else {
        Outcome::Done
    };
    let n_found = report.newly(fail_on);
    if n_found == 0 {
        return bad;
    }
    let words: Vec<_> = fail_on.iter().map(|verdict| verdict.as_str()).collect();
    bad.and(Outcome::Findings(format!(
        "--fail-on: {} would become {}",
        count(n_found, "connection"),
        words.join(" or ")
    )))
}
