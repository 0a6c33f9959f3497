//! A program of the bench: it says JSON lines, and ends with its standard input.

use std::{
    io::{self, BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::wait;

/// The longest time until a line: a hang, not a slow machine.
const HANG: Duration = Duration::from_secs(300);
/// How often a Ctrl-C is looked for. A line is taken up at once.
const LOOK: Duration = Duration::from_millis(100);

/// A running job. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Job {
    what: &'static str,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<io::Result<String>>,
}

impl Job {
    /// Starts it, in a process group of its own: a Ctrl-C reaches the bench alone.
    pub(crate) fn start(what: &'static str, mut command: Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {what}: {command:?}"))?;
        let input = child.stdin.take();
        let output = child.stdout.take();
        let (send, lines) = mpsc::channel();
        // A thread, so that waiting for a line can be interrupted; it ends with the output.
        thread::spawn(move || {
            for line in output.into_iter().flat_map(|o| BufReader::new(o).lines()) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            what,
            child,
            input,
            lines,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the next line.
    pub(crate) fn line(&mut self) -> Result<Value> {
        let Some(line) = self.next()? else {
            let status = self.child.wait().context("cannot await a child")?;
            bail!("{} ended without a word: {status}", self.what);
        };
        serde_json::from_str(&line).with_context(|| format!("{} says `{line}`", self.what))
    }

    /// Ends its input, lets it say what it has to say, and checks how it ended.
    pub(crate) fn finish(mut self) -> Result<()> {
        drop(self.input.take());
        while self.next()?.is_some() {}
        let status = self.child.wait().context("cannot await a child")?;
        if !status.success() {
            bail!("{} ended with {status}", self.what);
        }
        Ok(())
    }

    /// `None` at the end of the output.
    fn next(&mut self) -> Result<Option<String>> {
        let begin = Instant::now();
        loop {
            match self.lines.recv_timeout(LOOK) {
                Ok(line) => return line.map(Some).context("cannot read what a job says"),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => wait::check_interrupt()?,
            }
            if begin.elapsed() > HANG {
                bail!("{} says nothing for {HANG:?}", self.what);
            }
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        drop(self.input.take());
        // Its cgroup goes next: it has to be gone. Both fail after an end of its own.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
