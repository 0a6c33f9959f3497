//! runc: starting a container, commands in it, its end.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::spec::Spec;
use crate::{
    process::{Process, output},
    run::Run,
};

/// A container and its bundle, below the run's directory. Dropping it ends and removes it.
#[derive(Debug)]
pub struct RuncContainer {
    id: String,
    bundle: PathBuf,
    state: PathBuf,
}

impl RuncContainer {
    /// Writes the bundle; starts nothing.
    pub fn create(run: &Run, id: &str, spec: &Spec) -> Result<Self> {
        let bundle = bundle(run, id);
        fs::create_dir_all(&bundle).with_context(|| format!("cannot make {}", bundle.display()))?;
        let config = bundle.join("config.json");
        fs::write(&config, format!("{:#}", spec.to_json()))
            .with_context(|| format!("cannot write {}", config.display()))?;
        Ok(Self {
            id: id.to_owned(),
            bundle,
            state: run.dir().join("runc"),
        })
    }

    /// Starts it in the background, as containerd does; returns when its process runs.
    pub fn start(&self, logs: &Path) -> Result<()> {
        let path = logs.join(format!("container-{}.log", self.id));
        // Not a pipe: the container would hold it open as long as it lives.
        let log =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let copy = log.try_clone().context("cannot share a log file")?;
        let mut run = self.run_command();
        run.arg("--detach").arg(&self.id);
        let status = run
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(copy)
            .status()
            .with_context(|| format!("cannot start {run:?}"))?;
        if !status.success() {
            let said = fs::read_to_string(&path).unwrap_or_default();
            bail!("{run:?} failed: {status}\n{}", said.trim_end());
        }
        Ok(())
    }

    /// Starts it with its output in a log. runc stays: it hands on signals, and the exit status.
    pub fn spawn(&self, what: &str, logs: &Path) -> Result<Process> {
        let mut run = self.run_command();
        run.arg(&self.id);
        Process::spawn(what, run, logs)
    }

    /// Runs it to its end.
    pub fn run(&self) -> Result<Output> {
        let mut run = self.run_command();
        run.arg(&self.id);
        run.output()
            .with_context(|| format!("cannot start {run:?}"))
    }

    fn run_command(&self) -> Command {
        let mut run = self.runc();
        run.arg("run").arg("--bundle").arg(&self.bundle);
        run
    }

    /// A command in the running container. `environment` is all that it gets.
    pub fn exec(&self, user: (u32, u32), environment: &[&str], argv: &[&str]) -> Command {
        let mut exec = self.runc();
        exec.args(["exec", "--cwd", "/", "--user"])
            .arg(format!("{}:{}", user.0, user.1));
        for variable in environment {
            exec.args(["--env", variable]);
        }
        exec.arg(&self.id).args(argv);
        exec
    }

    /// Its first process, as the machine numbers it.
    pub fn pid(&self) -> Result<u32> {
        let state = output(self.runc().args(["state", &self.id]))?;
        let state: Value = serde_json::from_str(&state).context("`runc state` prints no JSON")?;
        let pid = state["pid"].as_u64().filter(|pid| *pid != 0);
        let pid = pid.with_context(|| format!("the container does not run: {state}"))?;
        u32::try_from(pid).context("a process id")
    }

    fn runc(&self) -> Command {
        let mut runc = Command::new("runc");
        runc.arg("--root").arg(&self.state);
        runc
    }
}

impl Drop for RuncContainer {
    fn drop(&mut self) {
        // Without an error when it has ended by itself and is gone.
        drop(output(self.runc().args(["delete", "--force", &self.id])));
        drop(fs::remove_dir_all(&self.bundle));
    }
}

/// The directory of a container's bundle, with place for a `rootfs`.
pub fn bundle(run: &Run, id: &str) -> PathBuf {
    run.dir().join("bundles").join(id)
}
