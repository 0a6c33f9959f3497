//! `egress-observer explain`.

use std::{
    io::{self, BufRead as _, Write},
    net::IpAddr,
};

use anyhow::{Context as _, Result};
use clap::{ArgGroup, Args};
use serde::Serialize;

use super::{
    BadInput,
    flows::{FlowSource, bad_lines},
    manifests::{ClusterArgs, GivenObjects},
    outcome::Outcome,
    output::{self, OutputFormat},
    pod, write_out,
};
use crate::{
    api_version::API_VERSION,
    explain::{
        Explainer, Explanation, To, ToldAdvice, Who,
        recorded::{Recorded, Whose},
    },
    templates,
};
use egress_observer_istio::{injection::pod::Pod, judgement::ClientSocket, vocabulary::Protocol};

/// Settings of `explain`.
#[derive(Debug, Args)]
#[command(mut_arg("manifests", |arg| arg.required(true)))]
#[command(group = ArgGroup::new("destinations").args(["to", "flows", "agent"]).required(true).multiple(true))]
pub struct ExplainArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The pod that connects, or a workload, also as NAMESPACE/KIND/NAME (`shop/deploy/cart`): its first
    /// pod stands for it, or, where none is given, the one that it would make.
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pod: String,
    /// Where to: HOST:PORT, IP:PORT, [IPV6]:PORT, or HOST@IP:PORT where the name's address is known;
    /// `-` reads one a line from standard input and answers each with one JSON object a line.
    #[arg(long, value_name = "DESTINATION", value_parser = to)]
    to: Vec<Given>,
    #[command(flatten)]
    flows: FlowSource,
    /// Transport protocol; `/udp` behind a destination says it for that one.
    #[arg(long, value_enum, default_value = "tcp")]
    protocol: Transport,
    /// The process's user [default: of the container].
    #[arg(long)]
    uid: Option<u32>,
    /// The process's group [default: of the container].
    #[arg(long)]
    gid: Option<u32>,
    /// The container that connects [default: the application's first].
    #[arg(long, value_name = "NAME")]
    container: Option<String>,
    /// The device that the connection leaves by, where interfaces are excluded.
    #[arg(long, value_name = "DEVICE")]
    interface: Option<String>,
    /// The address that the socket is bound to.
    #[arg(long, value_name = "IP")]
    source: Option<IpAddr>,
    /// How to print it [default: text; json with `--to -`].
    #[arg(short, long, value_enum)]
    output: Option<OutputFormat>,
    /// One line for each destination: where to, the verdict with its reason, and where it is sent.
    #[arg(long, conflicts_with = "output")]
    brief: bool,
}

impl ExplainArgs {
    /// Who connects, within the pod.
    fn who(&self) -> Who {
        Who {
            container: self.container.clone(),
            socket: ClientSocket {
                uid: self.uid,
                gid: self.gid,
                interface: self.interface.clone(),
                source: self.source,
            },
        }
    }
}

/// `--to`.
#[derive(Clone, Debug)]
enum Given {
    One(To),
    StandardInput,
}

fn to(text: &str) -> Result<Given, String> {
    if text == "-" {
        return Ok(Given::StandardInput);
    }
    text.parse()
        .map(Given::One)
        .map_err(|error: crate::explain::ToError| error.to_string())
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Transport {
    Tcp,
    Udp,
}

/// A line that is no destination: takes the place of its answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LineError<'a> {
    api_version: &'static str,
    kind: &'static str,
    line: usize,
    input: &'a str,
    message: String,
}

/// Answers about each destination in turn.
pub fn run(args: &ExplainArgs) -> Result<Outcome> {
    let mut given = GivenObjects::read(&args.cluster.paths)?;
    let made = templates::of_workloads_without_pods(&given.objects);
    given.objects.extend(made);
    let (snapshot, outcome) = given.snapshot(&args.cluster.ranges);
    let pod = pod(&snapshot, &args.pod)?;
    // One that nobody has made yet is as today's configuration would make it.
    let made;
    let pod = if templates::is_made(pod) {
        made = pod.restarted();
        &made
    } else {
        pod
    };
    let explainer = Explainer::new(&snapshot, pod, args.who())
        .map_err(|problem| BadInput(problem.to_string()))?;
    let protocol = match args.protocol {
        Transport::Tcp => Protocol::Tcp,
        Transport::Udp => Protocol::Udp,
    };
    let (recorded, n_no_flow) = recorded(args, pod, &explainer)?;
    let mut printer = Printer::new(args);
    let mut n_bad = 0_usize;
    write_out(|out| {
        for to in &args.to {
            match to {
                Given::One(to) => printer.answer(out, &explainer.explain(to, protocol))?,
                Given::StandardInput => {
                    n_bad += each_line(out, &mut printer, &|to| explainer.explain(to, protocol))?
                }
            }
        }
        for meant in &recorded {
            for to in meant {
                printer.answer(out, &of_several(meant, explainer.explain(to, protocol)))?;
            }
        }
        Ok(())
    })
    .context("writing to standard output")?;
    let no_destinations = if n_bad > 0 {
        let message = format!("standard input: {n_bad} lines are no destinations");
        Outcome::BadInput(message)
    } else {
        Outcome::Done
    };
    let no_flows = Outcome::of_lines(bad_lines(n_no_flow));
    Ok(outcome.and(no_destinations).and(no_flows))
}

/// What the destinations of the pod in recorded flows may mean, and how many lines are no flows.
fn recorded(
    args: &ExplainArgs,
    pod: &Pod,
    explainer: &Explainer<'_>,
) -> Result<(Vec<Vec<To>>, u64)> {
    if !args.flows.is_given() {
        return Ok((Vec::new(), 0));
    }
    let mut recorded = Recorded::new(Whose {
        pod,
        actor: explainer.actor(),
        container: args.container.as_deref(),
    });
    let n_bad = args.flows.each(&mut |flow| {
        recorded.add(flow);
        Ok(())
    })?;
    let destinations = recorded.destinations();
    if destinations.is_empty() {
        tracing::warn!("no flow of {pod}, nor of its workload, is among those given");
    }
    Ok((destinations, n_bad))
}

/// An answer about one of several destinations, of which it is not known which one was meant.
fn of_several(meant: &[To], mut explanation: Explanation) -> Explanation {
    let names: Vec<_> = meant.iter().filter_map(|to| to.host.as_deref()).collect();
    if names.len() > 1 {
        let names = names.join(", ");
        let note = format!("several names lead to this address, and any may be meant: {names}");
        explanation.notes.push(note);
    }
    explanation
}

/// How many lines were none.
fn each_line(
    out: &mut dyn Write,
    printer: &mut Printer,
    explain: &dyn Fn(&To) -> Explanation,
) -> io::Result<usize> {
    let mut n_bad = 0;
    let mut input = io::stdin().lock();
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        if input.read_until(b'\n', &mut text)? == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&text);
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        match text.parse::<To>() {
            Ok(to) => printer.answer(out, &explain(&to))?,
            Err(problem) => {
                n_bad += 1;
                let message = problem.to_string();
                tracing::warn!(line, "standard input: {message}");
                printer.problem(
                    out,
                    &LineError {
                        api_version: API_VERSION,
                        kind: "Error",
                        line,
                        input: text,
                        message,
                    },
                )?;
            }
        }
    }
    Ok(n_bad)
}

/// Prints answers one after the other.
struct Printer {
    output: OutputFormat,
    /// One line each.
    brief: bool,
    first: bool,
    told: ToldAdvice,
}

impl Printer {
    fn new(args: &ExplainArgs) -> Self {
        let lines = args.to.iter().any(|to| matches!(to, Given::StandardInput));
        let output = args.output.unwrap_or(if lines && !args.brief {
            OutputFormat::Json
        } else {
            OutputFormat::Text
        });
        Self {
            output,
            brief: args.brief,
            first: true,
            told: ToldAdvice::default(),
        }
    }

    fn answer(&mut self, out: &mut dyn Write, explanation: &Explanation) -> io::Result<()> {
        if self.brief {
            return writeln!(out, "{}", explanation.brief());
        }
        if self.output == OutputFormat::Text {
            self.separate(out, "\n")?;
            return out.write_all(explanation.told(&mut self.told).as_bytes());
        }
        self.object(out, explanation)
    }

    fn problem(&mut self, out: &mut dyn Write, problem: &LineError<'_>) -> io::Result<()> {
        // In text it is told on standard error, by its line.
        if self.output == OutputFormat::Text {
            return Ok(());
        }
        self.object(out, problem)
    }

    fn object(&mut self, out: &mut dyn Write, object: &impl Serialize) -> io::Result<()> {
        match self.output {
            OutputFormat::Json => output::json(out, object),
            OutputFormat::Yaml => {
                self.separate(out, "---\n")?;
                output::yaml(out, object)
            }
            OutputFormat::Text => Ok(()),
        }
    }

    fn separate(&mut self, out: &mut dyn Write, separator: &str) -> io::Result<()> {
        if self.first {
            self.first = false;
            return Ok(());
        }
        out.write_all(separator.as_bytes())
    }
}
