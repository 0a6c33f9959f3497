//! `egress-observer suggest service-entries`.

use anyhow::{Context as _, Result};
use clap::Args;

use crate::{
    commands::{
        flows::{FlowSource, bad_lines},
        manifests::{ClusterArgs, GivenObjects},
        outcome::Outcome,
        output,
        what_if::verdict,
        write_out,
    },
    service_entry::{ApiVersion, AppProtocol},
    suggest::service_entries::{
        EntrySettings, ExportTo, KnownMesh, NamespaceName, Observer, Suggestions, Wildcard, suggest,
    },
};
use egress_observer_istio::vocabulary::Verdict;

const MANIFESTS: &str = "Files or directories with the cluster's objects as YAML or JSON: what they \
                         declare is left out";

/// Settings of `suggest service-entries`.
#[derive(Debug, Args)]
#[command(mut_group("FlowSource", |flows| flows.required(true)))]
#[command(mut_arg("manifests", |arg| arg.help(MANIFESTS)))]
pub struct ServiceEntriesArgs {
    #[command(flatten)]
    flows: FlowSource,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Only what workloads of these namespaces connect to.
    #[arg(short, long, value_name = "NAMESPACE", value_delimiter = ',')]
    namespace: Vec<NamespaceName>,
    /// Only connections with these verdicts.
    #[arg(long, value_name = "VERDICT", value_delimiter = ',', value_parser = verdict)]
    verdict: Vec<Verdict>,
    /// Put all entries into this namespace, one for each host [default: the namespace that uses
    /// it].
    #[arg(long, value_name = "NAMESPACE")]
    in_namespace: Option<NamespaceName>,
    /// Who sees them: `.`, `*`, or namespaces [default: `.`, or `*` where other namespaces use it].
    #[arg(long, value_name = "WORD,...")]
    export_to: Option<ExportTo>,
    /// What is spoken on a port, such as 9000=GRPC [default: HTTP on 80, 8000, 8080, 8888; TLS on
    /// 443, 8443, 9443; else TCP].
    #[arg(long, value_name = "PORT=PROTOCOL", value_delimiter = ',', value_parser = protocol)]
    protocol: Vec<(u16, AppProtocol)>,
    /// One entry for all hosts below a domain, such as *.example.com.
    #[arg(long, value_name = "WILDCARD")]
    wildcard: Vec<Wildcard>,
    /// Entries for addresses that no name is known for, too.
    #[arg(long)]
    include_addresses: bool,
    /// Version of networking.istio.io.
    #[arg(long, value_enum, default_value = "v1")]
    api_version: ApiVersion,
    /// What differs from the ServiceEntries that there are, instead of YAML.
    #[arg(long, requires = "manifests")]
    diff: bool,
    /// How to print it.
    #[arg(short, long, value_enum, default_value = "yaml")]
    output: EntryOutput,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum EntryOutput {
    /// For `kubectl apply -f -`; with `--diff`, lines.
    Yaml,
    /// One object.
    Json,
}

fn protocol(text: &str) -> Result<(u16, AppProtocol), String> {
    let (port, word) = text
        .split_once('=')
        .ok_or("not PORT=PROTOCOL, such as 9000=GRPC")?;
    let port = port.parse().ok().filter(|port| *port != 0);
    let port = port.ok_or_else(|| "its port is not a number from 1 to 65535".to_owned())?;
    let protocol = AppProtocol::parse(word).ok_or_else(|| {
        let all = AppProtocol::ALL.map(AppProtocol::as_str).join(", ");
        format!("its protocol is none of {all}")
    })?;
    Ok((port, protocol))
}

/// Prints them.
pub fn run(args: &ServiceEntriesArgs) -> Result<Outcome> {
    let settings = settings(args);
    let paths = &args.cluster.paths.manifests;
    let given = GivenObjects::read(&args.cluster.paths)?;
    let outcome = given.outcome();
    let ranges = &args.cluster.ranges.cluster_cidrs;
    let known = (!paths.is_empty()).then(|| KnownMesh::new(given.objects, ranges));
    let mut observer = Observer::new(&settings, known.as_ref());
    let n_bad = args.flows.each(&mut |flow| {
        observer.add(&flow);
        Ok(())
    })?;
    let observed = observer.finish();
    let suggestions = suggest(&observed, &settings, known, args.diff);
    say(args, &suggestions);
    write_out(|out| match (args.output, &suggestions.differences) {
        (EntryOutput::Json, _) => output::json(out, &suggestions),
        (EntryOutput::Yaml, Some(differences)) => differences
            .iter()
            .try_for_each(|difference| writeln!(out, "{difference}")),
        (EntryOutput::Yaml, None) => write!(out, "{suggestions}"),
    })
    .context("writing to standard output")?;
    Ok(outcome.and(Outcome::of_lines(bad_lines(n_bad))))
}

fn settings(args: &ServiceEntriesArgs) -> EntrySettings {
    EntrySettings {
        namespaces: args.namespace.clone(),
        verdicts: args.verdict.clone(),
        in_namespace: args.in_namespace.clone(),
        export_to: args.export_to.clone(),
        protocols: args.protocol.iter().copied().collect(),
        wildcards: args.wildcard.clone(),
        include_addresses: args.include_addresses,
        version: args.api_version,
    }
}

/// What standard output has no place for.
fn say(args: &ServiceEntriesArgs, suggestions: &Suggestions) {
    for wildcard in &suggestions.unused_wildcards {
        tracing::warn!("--wildcard {wildcard}: no host of these flows is below it");
    }
    if !suggestions.entries.is_empty() {
        return;
    }
    tracing::info!("nothing to suggest");
    if args.output == EntryOutput::Yaml {
        for line in suggestions.refusals() {
            tracing::info!("not suggested: {line}");
        }
    }
}
