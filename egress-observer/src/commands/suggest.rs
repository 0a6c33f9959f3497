//! `egress-observer suggest`: objects and settings that follow from what was observed.

pub mod exclusions;
pub mod ranges;
pub mod service_entries;

use std::{
    fmt::Display,
    io::{self, Write},
};

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use self::{exclusions::ExclusionsArgs, ranges::RangesArgs, service_entries::ServiceEntriesArgs};

/// Settings of `suggest`.
#[derive(Debug, Args)]
pub struct SuggestArgs {
    /// What to suggest.
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// ServiceEntries for the undeclared hosts that pods connect to, ready for `kubectl apply`.
    ServiceEntries(Box<ServiceEntriesArgs>),
    /// Destinations that should go around the sidecar, such as the cloud's metadata address.
    Exclusions(ExclusionsArgs),
    /// The cluster's own ranges, as a value for `includeIPRanges`.
    Ranges(RangesArgs),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// One object.
    Json,
    /// The same as YAML.
    Yaml,
}

/// Prints one answer.
fn print(
    out: &mut dyn Write,
    output: Output,
    answer: &(impl Display + Serialize),
) -> io::Result<()> {
    match output {
        Output::Text => write!(out, "{answer}"),
        Output::Json => {
            serde_json::to_writer(&mut *out, answer)?;
            out.write_all(b"\n")
        }
        Output::Yaml => {
            serde_saphyr::to_io_writer(&mut &mut *out, answer).map_err(io::Error::other)
        }
    }
}

/// Prints what is asked for.
pub fn run(args: &SuggestArgs) -> Result<()> {
    match &args.what {
        What::ServiceEntries(args) => service_entries::run(args),
        What::Exclusions(args) => exclusions::run(args),
        What::Ranges(args) => ranges::run(args),
    }
}
