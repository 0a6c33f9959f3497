//! `egress-observer suggest ranges`.

use anyhow::{Context as _, Result};
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};

use crate::{
    commands::{
        manifests::{GivenObjects, ManifestPaths},
        outcome::Outcome,
        output::{OutputFormat, print},
        write_out,
    },
    suggest::ranges::{Question, suggest},
};
use egress_observer_istio::vocabulary::Platform;

const MANIFESTS: &str = "Files or directories with the cluster's objects as YAML or JSON: Nodes, ServiceCIDRs, Services, \
     Pods and ConfigMaps of all namespaces, and those of its network plugin";

/// Settings of `suggest ranges`.
#[derive(Debug, Args)]
#[command(mut_arg("manifests", |arg| arg.help(MANIFESTS).required_unless_present("platform")))]
pub struct RangesArgs {
    #[command(flatten)]
    paths: ManifestPaths,
    /// What the cluster runs on [default: what its objects show]. Without manifests: where its
    /// ranges can be asked for.
    #[arg(long, value_name = "NAME", value_parser = platforms())]
    platform: Option<Platform>,
    /// Take ranges around addresses in use into the value, where nothing names a range. They are
    /// parts: what is made later may be outside.
    #[arg(long)]
    include_observed: bool,
    /// How to print it.
    #[arg(short, long, value_enum, default_value = "text")]
    output: OutputFormat,
}

fn platforms() -> impl TypedValueParser<Value = Platform> {
    let names = Platform::ALL.iter().map(|platform| platform.as_str());
    let none = || "no platform".to_owned();
    PossibleValuesParser::new(names).try_map(move |name| Platform::parse(&name).ok_or_else(none))
}

/// Prints them.
pub fn run(args: &RangesArgs) -> Result<Outcome> {
    let paths = &args.paths.manifests;
    let given = GivenObjects::read(&args.paths)?;
    let paths = paths.iter();
    let question = Question {
        platform: args.platform,
        include_observed: args.include_observed,
        manifests: paths.map(|path| path.display().to_string()).collect(),
    };
    let suggestion = suggest(&given.objects, &question);
    write_out(|out| print(out, args.output, &suggestion)).context("writing to standard output")?;
    Ok(given.outcome())
}
