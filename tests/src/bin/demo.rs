//! What `cargo xtask demo` runs: plays the story on a simulated node and shows what the agent made
//! of it.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table and the JSON are this program's product"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use egress_observer_tests::form::Form;
use egress_observer_tests::story::Played;
use egress_observer_tests::{report, story, wait};

/// Plays the story of a pod that cannot reach the outside (needs root).
#[derive(Parser)]
struct Arguments {
    /// The agent to look at.
    #[arg(long, value_name = "FILE")]
    agent: PathBuf,
    /// The Envoy that plays the sidecars.
    #[arg(long, value_name = "FILE")]
    envoy: PathBuf,
    /// Exit when the story is over: 0 when every verdict was right, else 1.
    #[arg(long)]
    once: bool,
    /// What to print on standard output.
    #[arg(long, value_enum, default_value_t = Form::Table)]
    output: Form,
}

fn main() -> ExitCode {
    play(&Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn play(arguments: &Arguments) -> Result<ExitCode> {
    let mut played = story::play(&arguments.agent, &arguments.envoy, &mut say)?;
    show(arguments.output, &played)?;
    if !arguments.once {
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
    if right {
        say("every verdict is right");
        return Ok(ExitCode::SUCCESS);
    }
    say("a verdict is WRONG");
    Ok(ExitCode::FAILURE)
}

fn say(line: &str) {
    eprintln!("-- {line}");
}

fn show(form: Form, played: &Played) -> Result<()> {
    match form {
        Form::Table => println!("{}\n{}", report::table(played), report::families(played)),
        Form::Json => println!("{}", report::json(played)?),
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
