//! The machine that the figures are of: without it they mean nothing.

use std::fs;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// What a figure depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Machine {
    pub(super) kernel: String,
    pub(super) architecture: &'static str,
    pub(super) cpu_model: Option<String>,
    pub(super) cpus: usize,
    /// Whether a hypervisor is below.
    pub(super) is_virtual: bool,
    pub(super) clocksource: Option<String>,
    /// Without the compiler, programs are interpreted, several times slower.
    pub(super) bpf_jit: Option<bool>,
    pub(super) client_cpu: u32,
    pub(super) server_cpu: u32,
}

impl Machine {
    pub(super) fn read() -> Result<Self> {
        let status = fs::read_to_string("/proc/self/status").context("cannot read /proc")?;
        let list = field(&status, "Cpus_allowed_list");
        let allowed = cpus(list.context("the kernel does not list CPUs")?);
        let cpuinfo = word("/proc/cpuinfo").unwrap_or_default();
        let flags = field(&cpuinfo, "flags").unwrap_or_default();
        let client_cpu = allowed.first().copied().unwrap_or(0);
        Ok(Self {
            kernel: word("/proc/sys/kernel/osrelease").context("cannot read the kernel's name")?,
            architecture: std::env::consts::ARCH,
            cpu_model: field(&cpuinfo, "model name").map(str::to_owned),
            cpus: allowed.len(),
            is_virtual: flags.split(' ').any(|flag| flag == "hypervisor"),
            clocksource: word("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
            bpf_jit: word("/proc/sys/net/core/bpf_jit_enable").map(|value| value != "0"),
            client_cpu,
            // With one CPU both share it.
            server_cpu: allowed.get(1).copied().unwrap_or(client_cpu),
        })
    }
}

/// What a file of the kernel's says, if there is one.
fn word(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned())
}

/// The value of the first line `name: value`.
pub(super) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim())
    })
}

/// A list of CPUs as the kernel writes it, such as `0-2,8`.
fn cpus(list: &str) -> Vec<u32> {
    let ranges = list.split(',').filter_map(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse::<u32>().ok()?..=last.trim().parse().ok()?)
    });
    ranges.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_cpus_has_ranges() {
        assert_eq!(cpus("0-2,8"), [0, 1, 2, 8]);
        assert_eq!(cpus("5"), [5]);
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "model\t\t: 2\nmodel name\t: Fast\nVmRSS:\t  12 kB\n";
        assert_eq!(field(text, "model name"), Some("Fast"));
        assert_eq!(field(text, "VmRSS"), Some("12 kB"));
        assert_eq!(field(text, "Vm"), None);
    }
}
