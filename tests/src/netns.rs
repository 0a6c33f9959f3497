//! Network namespaces, made and removed with iproute2.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::process::{feed, output};

/// A network namespace with a name. Dropping it removes the name; the kernel removes the rest
/// with the last process in it.
#[derive(Debug)]
pub struct Netns {
    name: String,
}

impl Netns {
    /// Makes it, with the loopback device up.
    pub fn create(name: &str) -> Result<Self> {
        output(Command::new("ip").args(["netns", "add", name]))
            .context("cannot make a network namespace")?;
        let netns = Self {
            name: name.to_owned(),
        };
        netns.ip("link set lo up\n")?;
        Ok(netns)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that `nsenter --net` takes.
    pub fn path(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.name)
    }

    /// Runs `ip` commands in it, one a line and without the word `ip`.
    pub fn ip(&self, batch: &str) -> Result<()> {
        feed(
            Command::new("ip").args(["-n", &self.name, "-batch", "-"]),
            batch,
        )
    }

    /// Sets a network setting, named by its path below `/proc/sys/net`.
    pub fn set(&self, name: &str, value: &str) -> Result<()> {
        // `/proc/sys/net` shows the namespace of whoever looks.
        let script = r#"echo "$2" > "/proc/sys/net/$1""#;
        output(self.command("sh").args(["-c", script, "sh", name, value])).map(|_| ())
    }

    /// A command inside. Not `ip netns exec`: that mounts another `/sys`, without cgroups and
    /// bpffs.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(self.nsenter_args()).arg(program);
        command
    }

    /// What stands between `nsenter` and a program.
    pub fn nsenter_args(&self) -> [String; 2] {
        [format!("--net={}", self.path().display()), "--".to_owned()]
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        drop(output(
            Command::new("ip").args(["netns", "delete", &self.name]),
        ));
    }
}
