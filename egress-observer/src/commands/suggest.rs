//! `egress-observer suggest`: objects and settings that follow from what was observed.

pub mod exclusions;
pub mod ranges;
pub mod service_entries;

use anyhow::Result;
use clap::{Args, Subcommand};

use self::{exclusions::ExclusionsArgs, ranges::RangesArgs, service_entries::ServiceEntriesArgs};
use super::outcome::Outcome;

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

/// Prints what is asked for.
pub fn run(args: &SuggestArgs) -> Result<Outcome> {
    match &args.what {
        What::ServiceEntries(args) => service_entries::run(args),
        What::Exclusions(args) => exclusions::run(args),
        What::Ranges(args) => ranges::run(args),
    }
}
