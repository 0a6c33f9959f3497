//! Where flows come from: files, standard input, or an agent that runs.

use std::{
    fs,
    io::{self, BufRead, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;
use clap::Args;
use thiserror::Error;

use super::BadInput;
use crate::{
    api_socket::DEFAULT_API_SOCKET,
    flows::{self, RecordedFlow},
    text::count,
};

/// How many lines that cannot be used are named one by one.
const NAMED: u64 = 20;

/// How long an agent may take to answer.
const ANSWER: Duration = Duration::from_secs(30);

/// Settings of commands that need flows.
#[derive(Debug, Args)]
pub(crate) struct FlowSource {
    /// Flows, one JSON object a line, such as an agent records (`--record`); `-` is standard input.
    /// What `explain -o json` prints is one, too.
    #[arg(long, num_args = 1.., value_name = "FILE", value_delimiter = ',')]
    pub(crate) flows: Vec<PathBuf>,
    /// The socket of an agent that runs: what it saw lately [default: /run/egress-observer/agent.sock].
    #[arg(
        long,
        value_name = "SOCKET",
        num_args = 0..=1,
        default_missing_value = DEFAULT_API_SOCKET
    )]
    pub(crate) agent: Option<PathBuf>,
}

/// No agent answers.
#[derive(Debug, Error)]
#[error("cannot ask the agent at {path}: {problem}; does it run with this --api-socket?")]
pub struct Unreachable {
    path: String,
    problem: String,
}

impl FlowSource {
    /// Whether one is given.
    pub(crate) fn is_given(&self) -> bool {
        !self.flows.is_empty() || self.agent.is_some()
    }

    /// Hands each flow to `take`, which may say why it cannot be used. How many lines are no flows.
    pub(crate) fn each(
        &self,
        take: &mut dyn FnMut(RecordedFlow) -> Result<(), String>,
    ) -> Result<u64> {
        let mut n_bad = 0;
        for path in &self.flows {
            n_bad += Lines::open(path)?.each(take)?;
        }
        if let Some(socket) = &self.agent {
            n_bad += Lines::ask(socket)?.each(take)?;
        }
        Ok(n_bad)
    }
}

/// Lines, and what they are called.
struct Lines {
    input: Box<dyn BufRead>,
    name: String,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, BadInput> {
        if path == Path::new("-") {
            return Ok(Self {
                input: Box::new(io::stdin().lock()),
                name: "standard input".to_owned(),
            });
        }
        let name = path.display().to_string();
        let file = fs::File::open(path)
            .map_err(|error| BadInput(format!("cannot read {name}: {error}")))?;
        Ok(Self {
            input: Box::new(BufReader::with_capacity(1 << 16, file)),
            name,
        })
    }

    /// What an agent saw lately. HTTP/1.0, so that the answer ends with the connection.
    fn ask(socket: &Path) -> Result<Self, Unreachable> {
        let name = socket.display();
        match answer(socket) {
            Ok((status, input)) if status.split(' ').nth(1) == Some("200") => Ok(Self {
                input: Box::new(input),
                name: format!("the agent at {name}"),
            }),
            Ok((status, _)) => Err(Unreachable {
                path: name.to_string(),
                problem: format!("it answers `{}`", status.trim()),
            }),
            Err(error) => Err(Unreachable {
                path: name.to_string(),
                problem: error.to_string(),
            }),
        }
    }

    fn each(
        &mut self,
        take: &mut dyn FnMut(RecordedFlow) -> Result<(), String>,
    ) -> Result<u64, BadInput> {
        let Self { input, name } = self;
        let (mut n_bad, mut n_unused) = (0_u64, 0_u64);
        let mut text = Vec::new();
        for line in 1_u64.. {
            text.clear();
            let n_read = input
                .read_until(b'\n', &mut text)
                .map_err(|error| BadInput(format!("cannot read {name}: {error}")))?;
            if n_read == 0 {
                break;
            }
            if text.trim_ascii().is_empty() {
                continue;
            }
            match flows::parse(&text) {
                Ok(flow) => {
                    if let Err(problem) = take(flow) {
                        n_unused += 1;
                        if n_unused <= NAMED {
                            tracing::warn!("{name} line {line}: not judged: {problem}");
                        }
                    }
                }
                Err(problem) => {
                    n_bad += 1;
                    if n_bad <= NAMED {
                        tracing::warn!("{name} line {line}: no flow: {problem}");
                    }
                }
            }
        }
        for (n, what) in [(n_bad, "no flow"), (n_unused, "not judged")] {
            if n > NAMED {
                let more = count(n - NAMED, "more line");
                tracing::warn!("{name}: {more}: {what}");
            }
        }
        Ok(n_bad)
    }
}

/// The first line of an agent's answer, and what follows its head.
fn answer(socket: &Path) -> io::Result<(String, BufReader<UnixStream>)> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.write_all(b"GET /v1/findings HTTP/1.0\r\n\r\n")?;
    let mut input = BufReader::with_capacity(1 << 16, stream);
    let mut status = String::new();
    input.read_line(&mut status)?;
    let mut line = String::new();
    while input.read_line(&mut line)? > 0 && line != "\r\n" {
        line.clear();
    }
    Ok((status, input))
}

/// The error for lines that are no flows, if there are any.
pub(crate) fn bad_lines(n_bad: u64) -> Result<(), BadInput> {
    if n_bad == 0 {
        return Ok(());
    }
    Err(BadInput(format!(
        "--flows: {} not read: no flow",
        count(n_bad, "line")
    )))
}
