//! Other programs: run to the end, or in the background with a log and an end.
//!
//! Background programs are ended by their own process id, never by name. They are in a process
//! group of their own: a Ctrl-C reaches this process alone, which then ends them in order.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::wait;

/// How long a program may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(10);

/// Runs to the end and returns standard output; anything but success is an error with its words.
pub fn output(command: &mut Command) -> Result<String> {
    let result = command
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    if !result.status.success() {
        let said = String::from_utf8_lossy(&result.stderr);
        bail!("{command:?} failed: {}\n{}", result.status, said.trim_end());
    }
    Ok(String::from_utf8_lossy(&result.stdout).into_owned())
}

/// Like [`output`], with `input` on standard input.
pub fn feed(command: &mut Command, input: &str) -> Result<()> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let mut stdin = child
        .stdin
        .take()
        .context("a piped child has a standard input")?;
    // A program that ended early is reported below, with its own words.
    let written = stdin.write_all(input.as_bytes());
    drop(stdin);
    let result = child
        .wait_with_output()
        .with_context(|| format!("cannot await {command:?}"))?;
    if !result.status.success() {
        let said = String::from_utf8_lossy(&result.stderr);
        bail!(
            "{command:?} failed: {}\n{}\ninput was:\n{input}",
            result.status,
            said.trim_end()
        );
    }
    written.with_context(|| format!("{command:?} did not read its input"))
}

/// A program in the background. Dropping it ends it.
#[derive(Debug)]
pub struct Process {
    what: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it, with both output streams in `<logs>/<what>.log`.
    pub fn spawn(what: &str, mut command: Command, logs: &Path) -> Result<Self> {
        let log = logs.join(format!("{what}.log"));
        // Appended: the log of a restarted program keeps its first life.
        let file = File::options().create(true).append(true).open(&log);
        let file = file.with_context(|| format!("cannot write {}", log.display()))?;
        let copy = file.try_clone().context("cannot share a log file")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(copy)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {what}: {command:?}"))?;
        Ok(Self {
            what: what.to_owned(),
            child,
            log,
        })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// An error with its last words when it has ended.
    pub fn check_running(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait().context("cannot ask for a child")? {
            bail!(
                "{} ended: {status}; its last words:\n{}",
                self.what,
                tail(&self.log())
            );
        }
        Ok(())
    }

    /// Waits until `ready`; an error at once when it ends before.
    pub fn until_ready(
        &mut self,
        within: Duration,
        mut ready: impl FnMut() -> Result<bool>,
    ) -> Result<()> {
        let what = format!("{} is ready", self.what);
        let outcome = wait::until(&what, within, || {
            self.check_running()?;
            Ok(ready()?.then_some(()))
        });
        match self.check_running() {
            Ok(()) => outcome.with_context(|| format!("{what}:\n{}", tail(&self.log()))),
            ended => ended,
        }
    }

    /// SIGTERM, then waits for the end.
    pub fn terminate(mut self) -> Result<ExitStatus> {
        self.end()
    }

    fn end(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.child.try_wait().context("cannot ask for a child")? {
            return Ok(status);
        }
        output(Command::new("kill").args(["-TERM", &self.pid().to_string()]))?;
        let begin = std::time::Instant::now();
        // Not `wait::until`: this also has to work after a Ctrl-C.
        while begin.elapsed() < GRACE {
            if let Some(status) = self.child.try_wait().context("cannot ask for a child")? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("{} ignores SIGTERM", self.what)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.end().is_err() {
            // Nobody is left to tell; the next step finds what is still there.
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// The last lines of a log, enough to see why something ended.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(20);
    lines.get(from..).unwrap_or_default().join("\n")
}
