//! What a bench needs of bpf(2): programs that do nothing, and the kernel's run-time statistics.
//!
//! Prints one JSON line when everything is in place, then waits for the end of its standard
//! input. Nothing outlives the process: links and statistics end with their file descriptors.
#![expect(clippy::print_stdout, reason = "its output is what the bench reads")]

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    path::{Path, PathBuf},
    ptr,
};

use anyhow::{Context as _, Result};
use clap::Parser;
use egress_observer_tests::bench::hooks::{self, Hook};
use serde_json::json;

const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_LINK_CREATE: libc::c_int = 28;
const BPF_ENABLE_STATS: libc::c_int = 32;

/// `BPF_STATS_RUN_TIME`.
const RUN_TIME: u32 = 0;

/// What to put in place.
#[derive(Parser)]
enum Job {
    /// Attach a program that only allows to each of some hooks of a cgroup.
    Empty {
        cgroup: PathBuf,
        #[arg(required = true, value_parser = hook)]
        hooks: Vec<Hook>,
    },
    /// Let the kernel count how often and how long every program runs.
    Stats,
}

fn hook(name: &str) -> Result<Hook, String> {
    hooks::by_name(name).ok_or_else(|| "no hook of this name".to_owned())
}

fn main() -> Result<()> {
    match Job::parse() {
        Job::Empty { cgroup, hooks } => {
            let _links = attach_all(&cgroup, &hooks)?;
            let names: Vec<_> = hooks.iter().map(|hook| hook.name).collect();
            println!("{}", json!({ "attached": names }));
            wait_for_end_of_input()
        }
        Job::Stats => {
            let _stats = bpf(BPF_ENABLE_STATS, &EnableStats { kind: RUN_TIME })
                .context("switching on the statistics of programs")?;
            println!("{}", json!({ "stats": true }));
            wait_for_end_of_input()
        }
    }
}

fn wait_for_end_of_input() -> Result<()> {
    io::stdin()
        .read_to_end(&mut Vec::new())
        .context("waiting for the end of the input")?;
    Ok(())
}

/// A link holds its program, but only the program's own descriptor shows its statistics: keep both.
fn attach_all(cgroup: &Path, hooks: &[Hook]) -> Result<Vec<[OwnedFd; 2]>> {
    let file = File::open(cgroup).with_context(|| format!("cannot open {}", cgroup.display()))?;
    let attached = hooks.iter().map(|hook| {
        attach(*hook, &file).with_context(|| {
            format!(
                "cannot attach an empty program to {} of {}",
                hook.name,
                cgroup.display()
            )
        })
    });
    attached.collect()
}

fn attach(hook: Hook, cgroup: &File) -> io::Result<[OwnedFd; 2]> {
    let program = load(hook)?;
    let link = bpf(
        BPF_LINK_CREATE,
        &LinkCreate {
            prog_fd: program.as_raw_fd() as u32,
            target_fd: cgroup.as_raw_fd() as u32,
            attach_type: hook.attach_type,
            flags: 0,
        },
    )?;
    Ok([program, link])
}

/// One instruction: `struct bpf_insn`.
#[repr(C)]
struct Insn {
    code: u8,
    registers: u8,
    offset: i16,
    immediate: i32,
}

/// `r0 = 1; exit`: 1 lets everything pass, wherever it is attached.
static ALLOW: [Insn; 2] = [insn(0xb7, 1), insn(0x95, 0)];

const fn insn(code: u8, immediate: i32) -> Insn {
    Insn {
        code,
        registers: 0,
        offset: 0,
        immediate,
    }
}

fn load(hook: Hook) -> io::Result<OwnedFd> {
    bpf(
        BPF_PROG_LOAD,
        &ProgLoad {
            prog_type: hook.program_type,
            insn_cnt: ALLOW.len() as u32,
            insns: ALLOW.as_ptr() as u64,
            license: c"GPL".as_ptr() as u64,
            prog_name: *b"bare\0\0\0\0\0\0\0\0\0\0\0\0",
            expected_attach_type: hook.attach_type,
            ..ProgLoad::default()
        },
    )
}

/// `union bpf_attr` as `BPF_PROG_LOAD` reads it.
#[repr(C)]
#[derive(Default)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
}

/// `union bpf_attr` as `BPF_LINK_CREATE` reads it.
#[repr(C)]
struct LinkCreate {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
}

/// `union bpf_attr` as `BPF_ENABLE_STATS` reads it.
#[repr(C)]
struct EnableStats {
    kind: u32,
}

/// Every command used here returns a file descriptor, closed on exec.
fn bpf<T>(command: libc::c_int, attr: &T) -> io::Result<OwnedFd> {
    // SAFETY: `attr` is a prefix of `union bpf_attr` of the size given, without padding, and what
    // it points to is static. The kernel only reads it.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, ptr::from_ref(attr), size_of::<T>()) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call returned a new file descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(result as i32) })
}
