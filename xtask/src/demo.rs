//! `cargo xtask demo`: plays the story on a simulated node and shows what the agent made of it.

use std::path::PathBuf;
use std::process::Command;
use std::thread;

use anyhow::{Result, bail};
use clap::Args;

use crate::output::Output;
use crate::setup::{apt, parts};
use crate::{build, command, ebpf_object, harness};

#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Exit when the story is over: 0 when every verdict was right, else 1
    #[arg(long)]
    once: bool,
    /// What to print on standard output
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

/// Returns only if it fails.
pub(crate) fn run(args: &DemoArgs) -> Result<()> {
    if !apt::is_root()? {
        bail!("the demo makes network namespaces and loads eBPF programs: run it as root");
    }
    let (agent, envoy) = match build::given() {
        Some(agent) => {
            let envoy = parts()?;
            command::run(&mut harness::build(&["demo"]))?;
            (agent, envoy)
        }
        None => build_all()?,
    };
    let mut demo = harness::program("demo")?;
    demo.arg("--agent").arg(agent).arg("--envoy").arg(envoy);
    demo.args(["--output", args.output.as_str()]);
    if args.once {
        demo.arg("--once");
    }
    Err(harness::go_on_as(&mut demo))
}

/// What the node is made of besides the agent.
fn parts() -> Result<PathBuf> {
    parts::commands()?;
    parts::envoy()
}

/// The agent to look at: not optimised. That takes minutes, and nobody sees it.
///
/// Linker and eBPF object take as long as most of the rest, which is fetched and built meanwhile.
fn build_all() -> Result<(PathBuf, PathBuf)> {
    let (object, envoy) = thread::scope(|scope| {
        let object = scope.spawn(ebpf_object::build);
        let envoy = parts().and_then(|envoy| {
            command::run(build_of_both().args(["--bin", "demo"]))?;
            Ok(envoy)
        });
        let object = object.join();
        (
            object.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            envoy,
        )
    });
    let (object, envoy) = (object?, envoy?);
    let mut agent = build_of_both();
    agent
        .args(["--bin", "egress-observer"])
        .env(ebpf_object::VARIABLE, object);
    command::run(&mut agent)?;
    Ok((build::found_agent("debug")?, envoy))
}

/// Always both packages: cargo builds what they share once, with the features of both.
fn build_of_both() -> Command {
    let mut build = harness::build(&[]);
    build.args(["-p", "egress-observer"]);
    build
}
