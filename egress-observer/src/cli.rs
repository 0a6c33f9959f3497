//! The command line.

#[cfg(feature = "agent")]
mod agent;

use clap::{Parser, Subcommand};

#[cfg(feature = "agent")]
pub use self::agent::{AgentArgs, Switch, UninstallArgs, WatchedServices};
use crate::commands::{
    explain::ExplainArgs, lint::LintArgs, suggest::SuggestArgs, what_if::WhatIfArgs,
};

/// Watches what Istio pods really do with their outbound connections.
#[derive(Debug, Parser)]
#[command(name = "egress-observer", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: SubCommand,
    /// Which log lines to write, such as `info` or `egress_observer=debug`.
    #[arg(
        long,
        global = true,
        default_value = "info",
        env = "EGRESS_OBSERVER_LOG"
    )]
    pub log: String,
    /// How to write them.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "text",
        env = "EGRESS_OBSERVER_LOG_FORMAT"
    )]
    pub log_format: LogFormat,
}

/// Shape of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum SubCommand {
    /// Observe this node and serve metrics, until SIGTERM or Ctrl-C.
    #[cfg(feature = "agent")]
    Agent(AgentArgs),
    /// Say why a pod's connection goes the way it goes, from manifests alone.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// Find faults in manifests, offline: exit code 79 if there are any that matter.
    Lint(LintArgs),
    /// Say which connections a change of the configuration would change, and which pods need a
    /// restart for it, before anyone applies it.
    WhatIf(WhatIfArgs),
    /// Suggest objects and settings that follow from what was observed.
    Suggest(SuggestArgs),
    /// Remove what an agent left in the kernel: it stops counting, and what it counted since the
    /// last scrape is gone.
    #[cfg(feature = "agent")]
    Uninstall(UninstallArgs),
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  egress-observer explain --manifests cluster.yaml --pod shop/sleep --to www.baidu.com:443
  egress-observer explain --manifests cluster.yaml --pod shop/sleep --to httpbin.org@198.18.0.10:80
  egress-observer explain --manifests cluster.yaml --pod shop/sleep --to - < destinations.txt";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
