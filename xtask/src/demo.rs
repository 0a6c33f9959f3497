//! `cargo xtask demo`: plays the story on a simulated node and shows what the agent made of it.

#![expect(
    clippy::print_stdout,
    reason = "the table and the JSON are this task's product"
)]

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use egress_observer_tests::story::Played;
use egress_observer_tests::{report, story, wait};

use crate::output::Output;
use crate::setup::apt;
use crate::test::Parts;

#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// Exit when the story is over: 0 when every verdict was right, else 1
    #[arg(long)]
    once: bool,
    /// What to print on standard output
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if !apt::is_root()? {
        bail!("the demo makes network namespaces and loads eBPF programs: run it as root");
    }
    let Parts { agent, envoy } = Parts::to_show()?;
    play(args, &agent, &envoy)
}

fn play(args: &Args, agent: &Path, envoy: &Path) -> Result<ExitCode> {
    let mut say = |line: &str| eprintln!("-- {line}");
    let mut played = story::play(agent, envoy, &mut say)?;
    show(args.output, &played)?;
    if !args.once {
        say(&format!(
            "{} and the pods are up until Ctrl-C (agent's process id {})",
            played.agent.metrics_url(),
            played.agent.pid()
        ));
        serve(&mut played)?;
    }
    let right = played.is_right();
    let Played { agent, node, .. } = played;
    agent.stop()?;
    drop(node);
    say(if right {
        "every verdict is right"
    } else {
        "a verdict is WRONG"
    });
    Ok(if right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn show(output: Output, played: &Played) -> Result<()> {
    match output {
        Output::Table => {
            println!("{}\n{}", report::table(played), report::families(played));
        }
        Output::Json => println!("{}", report::json(played)?),
    }
    Ok(())
}

/// Until Ctrl-C; an agent that ends before is an error.
fn serve(played: &mut Played) -> Result<()> {
    while !wait::interrupted() {
        played.agent.check_running()?;
        wait::pause();
    }
    Ok(())
}
