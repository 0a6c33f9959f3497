//! The form of a report, chosen on the command line.

use clap::ValueEnum;

/// The same content, for people or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    Table,
    Json,
}
