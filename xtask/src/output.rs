//! What the tasks with a product of their own print on standard output.

use clap::ValueEnum;

/// The same content, for people or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Table,
    Json,
}
