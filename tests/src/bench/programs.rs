//! What the kernel tells about the programs and tables of a process: `/proc/<pid>/fdinfo`.

use std::{collections::BTreeMap, fs, str::FromStr};

use anyhow::{Context as _, Result, bail};

use super::{
    hooks::{self, Hook},
    machine::field,
};

/// How often and how long the programs of a hook ran, since they were loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Runs {
    pub(super) ns: u64,
    pub(super) count: u64,
}

/// By the hook's name. Programs that are not attached are left out.
pub(super) type RunsByHook = BTreeMap<&'static str, Runs>;

/// The runs of all programs that a process has attached by links of its own.
pub(super) fn runs(pid: u32) -> Result<RunsByHook> {
    runs_in(&fdinfo(pid)?)
}

/// The hooks where a process has programs, in the order of [`hooks::HOOKS`].
pub(super) fn hooks(pid: u32) -> Result<Vec<Hook>> {
    let runs = runs(pid)?;
    let here = hooks::HOOKS
        .into_iter()
        .filter(|hook| runs.contains_key(hook.name));
    Ok(here.collect())
}

/// Bytes of kernel memory that the tables and programs of a process take.
pub(super) fn kernel_bytes(pid: u32) -> Result<u64> {
    Ok(kernel_bytes_in(&fdinfo(pid)?))
}

/// One text per file descriptor.
fn fdinfo(pid: u32) -> Result<Vec<String>> {
    let dir = format!("/proc/{pid}/fdinfo");
    let entries = fs::read_dir(&dir).with_context(|| format!("cannot read {dir}"))?;
    // Those that cannot be read were closed in between.
    let texts = entries
        .filter_map(Result::ok)
        .filter_map(|entry| fs::read_to_string(entry.path()).ok());
    Ok(texts.collect())
}

fn runs_in(fdinfo: &[String]) -> Result<RunsByHook> {
    let mut hook_by_id = BTreeMap::new();
    for link in fdinfo.iter().filter(|text| has(text, "link_id")) {
        // Links of other kinds than a cgroup's have none.
        let Some(attach_type) = number::<u32>(link, "attach_type") else {
            continue;
        };
        let Some(hook) = hooks::by_attach_type(attach_type) else {
            bail!("a program is attached by attach type {attach_type}, which the bench has not");
        };
        if let Some(id) = number::<u32>(link, "prog_id") {
            hook_by_id.insert(id, hook.name);
        }
    }
    // Two descriptors may be of one program.
    let mut runs_by_id = BTreeMap::new();
    for program in fdinfo.iter().filter(|text| has(text, "prog_type")) {
        let runs = Runs {
            ns: number(program, "run_time_ns").context("the kernel times no programs")?,
            count: number(program, "run_cnt").context("the kernel counts no runs")?,
        };
        runs_by_id.insert(number::<u32>(program, "prog_id"), runs);
    }
    let mut by_hook = RunsByHook::new();
    for (id, runs) in runs_by_id {
        if let Some(hook) = id.and_then(|id| hook_by_id.get(&id)) {
            let sum = by_hook.entry(hook).or_default();
            sum.ns += runs.ns;
            sum.count += runs.count;
        }
    }
    if by_hook.is_empty() {
        bail!("no program is attached by a link: is this kernel older than Linux 5.7?");
    }
    Ok(by_hook)
}

fn kernel_bytes_in(fdinfo: &[String]) -> u64 {
    let mut bytes = BTreeMap::new();
    for text in fdinfo {
        for kind in ["map_id", "prog_id"] {
            if let (Some(id), Some(memory)) = (number::<u32>(text, kind), number(text, "memlock")) {
                bytes.insert((kind, id), memory);
            }
        }
    }
    bytes.values().sum()
}

fn has(text: &str, name: &str) -> bool {
    field(text, name).is_some()
}

fn number<T: FromStr>(text: &str, name: &str) -> Option<T> {
    field(text, name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Vec<String> {
        let program = "pos:\t0\nprog_type:\t18\nprog_jited:\t1\nmemlock:\t4096\nprog_id:\t7\n\
                       run_time_ns:\t500\nrun_cnt:\t5\n";
        let link =
            "link_type:\tcgroup\nlink_id:\t3\nprog_id:\t7\ncgroup_id:\t9\nattach_type:\t10\n";
        let map = "map_type:\t1\nmax_entries:\t8\nmemlock:\t1000\nmap_id:\t7\n";
        [program, link, map, program, map, "pos:\t0\n"]
            .map(str::to_owned)
            .into()
    }

    #[test]
    fn a_link_tells_the_hook_of_a_program() {
        let runs = Runs { ns: 500, count: 5 };
        assert_eq!(
            runs_in(&texts()).unwrap(),
            RunsByHook::from([("connect4", runs)])
        );
    }

    #[test]
    fn no_attached_program_is_an_error() {
        assert!(runs_in(&texts()[..1]).is_err());
    }

    #[test]
    fn memory_is_counted_once_whatever_has_it_open() {
        assert_eq!(kernel_bytes_in(&texts()), 5096);
    }
}
