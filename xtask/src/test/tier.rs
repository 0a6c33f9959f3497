//! A tier: commands that are run one after the other, all of them, and what became of them.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::{command, workspace};

/// What became of a tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) name: &'static str,
    /// Tests; a tier may have none.
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) took: Duration,
    /// Why it failed, each in a line.
    pub(super) reasons: Vec<String>,
}

impl Outcome {
    pub(super) const fn is_good(&self) -> bool {
        self.failed == 0 && self.reasons.is_empty()
    }

    /// What a tier without tests, or one that did not come to its tests, counts for: one failure if
    /// it failed.
    pub(super) fn n_failed(&self) -> usize {
        self.failed.max(usize::from(!self.is_good()))
    }
}

/// A tier that has begun.
#[derive(Debug)]
pub(super) struct Tier {
    name: &'static str,
    begin: Instant,
    /// What its commands printed.
    output: Vec<u8>,
    reasons: Vec<String>,
}

impl Tier {
    pub(super) fn begin(name: &'static str) -> Self {
        Self {
            name,
            begin: Instant::now(),
            output: Vec::new(),
            reasons: Vec::new(),
        }
    }

    /// Something that the tier needs is not there, or was not done.
    pub(super) fn miss(&mut self, reason: impl ToString) {
        self.reasons.push(reason.to_string());
    }

    /// Runs a command whose output is kept until the tier ends: another tier runs beside it.
    pub(super) fn run(&mut self, command: &mut Command) {
        let line = command::line(command);
        self.output
            .extend_from_slice(format!("$ {line}\n").as_bytes());
        match self.keep(command) {
            Ok(status) => self.note(command, status),
            Err(error) => self.miss(format_args!("{error:#}")),
        }
    }

    /// Both of its streams in one file, in the order in which it writes.
    fn keep(&mut self, command: &mut Command) -> Result<ExitStatus> {
        let path = self.file()?;
        let file = File::create(&path).context("cannot make a file for a tier's output")?;
        let copy = file.try_clone().context("cannot share a file")?;
        command.stdin(Stdio::null()).stdout(file).stderr(copy);
        let status = command.status();
        let status = status.with_context(|| format!("cannot start `{}`", command::line(command)));
        self.output
            .extend(fs::read(&path).context("cannot read a tier's output")?);
        status
    }

    /// Runs a command and returns its standard output; what it says besides is kept.
    pub(super) fn read(&mut self, command: &mut Command) -> Result<String> {
        let line = command::line(command);
        self.output
            .extend_from_slice(format!("$ {line}\n").as_bytes());
        let path = self.file()?;
        let file = File::create(&path).context("cannot make a file for a tier's output")?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file);
        let child = command.spawn();
        let child = child.with_context(|| format!("cannot start `{line}`"))?;
        let result = child.wait_with_output();
        let result = result.with_context(|| format!("cannot await `{line}`"))?;
        self.output
            .extend(fs::read(&path).context("cannot read a tier's output")?);
        self.note(command, result.status);
        Ok(String::from_utf8_lossy(&result.stdout).into_owned())
    }

    /// Runs a command whose output is shown at once: nothing runs beside it.
    pub(super) fn show(&mut self, command: &mut Command) {
        let line = command::line(command);
        eprintln!("== {}: {line}", self.name);
        match self.follow(command) {
            Ok(status) => self.note(command, status),
            Err(error) => self.miss(format_args!("{error:#}")),
        }
    }

    fn follow(&mut self, command: &mut Command) -> Result<ExitStatus> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let line = command::line(command);
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start `{line}`"))?;
        let mut printed = child.stdout.take().context("a piped child has an output")?;
        let mut bytes = [0; 8192];
        loop {
            let n = printed
                .read(&mut bytes)
                .context("reading a test's output")?;
            if n == 0 {
                break;
            }
            let mut stdout = io::stdout().lock();
            stdout
                .write_all(&bytes[..n])
                .and_then(|()| stdout.flush())
                .context("writing a test's output")?;
            self.output.extend_from_slice(&bytes[..n]);
        }
        child
            .wait()
            .with_context(|| format!("cannot await `{line}`"))
    }

    /// Whether nothing went wrong so far.
    pub(super) fn is_good(&self) -> bool {
        self.reasons.is_empty()
    }

    fn note(&mut self, command: &Command, status: ExitStatus) {
        if !status.success() {
            self.miss(format_args!("`{}`: {status}", short(command)));
        }
    }

    /// Where the output of its commands goes: also to look at while it runs.
    fn file(&self) -> Result<PathBuf> {
        let dir = workspace::target().join("tiers");
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(dir.join(self.name.replace(' ', "-")).with_extension("log"))
    }

    /// Ends a tier whose output was kept, and prints it whole.
    pub(super) fn end_and_print(self) -> Outcome {
        // Held, so that nothing comes in between.
        let mut stdout = io::stdout().lock();
        eprintln!("== {}", self.name);
        if let Err(error) = stdout.write_all(&self.output).and_then(|()| stdout.flush()) {
            eprintln!("cannot print its output: {error}");
        }
        self.end()
    }

    /// Ends a tier whose output was shown.
    pub(super) fn end(self) -> Outcome {
        let output = String::from_utf8_lossy(&self.output);
        let (passed, failed) = counts(&output);
        let failures = failed_tests(&output).map(|test| format!("test {test}"));
        let outcome = Outcome {
            name: self.name,
            passed,
            failed,
            took: self.begin.elapsed(),
            reasons: self.reasons.into_iter().chain(failures).collect(),
        };
        let seconds = outcome.took.as_secs_f64();
        if outcome.is_good() {
            eprintln!("== {}: {seconds:.1} s", outcome.name);
        } else {
            eprintln!("== {}: FAILED after {seconds:.1} s", outcome.name);
        }
        for reason in &outcome.reasons {
            eprintln!("   {reason}");
        }
        outcome
    }
}

/// A command by its name and what it does; all of it stands with the tier's output.
fn short(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    match command.get_args().next() {
        Some(first) => format!("{name} {}", first.to_string_lossy()),
        None => name.into_owned(),
    }
}

/// The tests that failed, by what the test runner said.
fn failed_tests(output: &str) -> impl Iterator<Item = &str> {
    output
        .lines()
        .filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"))
}

/// How many tests passed and failed, by what the test runner said.
fn counts(output: &str) -> (usize, usize) {
    let mut sum = (0, 0);
    // A test that prints without a new line is followed by the runner's words in the same one.
    for line in output.lines().filter(|line| !line.starts_with("$ ")) {
        let Some((_, results)) = line.split_once("test result: ") else {
            continue;
        };
        for words in results.split(['.', ';']) {
            let mut words = words.split_whitespace();
            let number = words.next().and_then(|word| word.parse::<usize>().ok());
            match (number, words.next()) {
                (Some(n), Some("passed")) => sum.0 += n,
                (Some(n), Some("failed")) => sum.1 += n,
                _ => {}
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_the_runner() {
        let output = "running 2 tests\ntest a ... ok\ntest b ... FAILED\n\n\
            test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.00s\n\
            test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.20s\n";
        assert_eq!(counts(output), (13, 1));
        assert_eq!(counts("12 passed; 3 failed\n"), (0, 0));
        assert!(failed_tests(output).eq(["b"]));
    }

    #[test]
    fn a_tier_that_could_not_run_counts_as_a_failure() {
        let mut tier = Tier::begin("nothing");
        tier.miss("there is no agent");
        let outcome = tier.end();
        assert_eq!((outcome.passed, outcome.failed), (0, 0));
        assert_eq!(outcome.n_failed(), 1);
        assert!(!outcome.is_good());
    }

    #[test]
    fn a_command_that_fails_does_not_keep_the_next_from_running() {
        let mut tier = Tier::begin("two commands");
        tier.run(Command::new("sh").args(["-c", "echo one; exit 3"]));
        tier.run(Command::new("echo").arg("test result: ok. 2 passed; 0 failed"));
        assert!(String::from_utf8_lossy(&tier.output).contains("one\n"));
        let outcome = tier.end();
        assert_eq!((outcome.passed, outcome.n_failed()), (2, 1));
        assert_eq!(outcome.reasons, ["`sh -c`: exit status: 3"]);
    }
}
