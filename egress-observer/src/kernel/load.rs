//! The object, made fit for this kernel and this node, and loaded.

use std::{fs, iter};

use aya::{Ebpf, EbpfLoader, programs::Program};
use egress_observer_common::{
    MAX_SLOTS,
    maps::MAPS,
    settings::{
        BpfSetting, CAPTURE_PORTS, EO_ATTEMPT_BITS, EO_ATTEMPT_MASK, EO_EPHEMERAL_LOW,
        EO_HALF_OF_ANSWERS, EO_KERNEL_TYPES, EO_MAX_SLOTS, EO_PROOF_MASK, EO_ROOT_ID,
    },
};
use tracing::warn;

use super::{
    error::KernelError,
    options::{KernelOptions, Sizes},
    pins::Pins,
    preflight::MissingOnNode,
    types::{self, Offset},
};

/// The eBPF object; empty in a build without it.
static OBJECT: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/egress-observer-ebpf"));

/// Whether there is an object to load.
pub(super) fn check() -> Result<(), MissingOnNode> {
    if OBJECT.is_empty() {
        return Err(MissingOnNode::Object);
    }
    Ok(())
}

/// Loads what is attached to cgroups with the kernel's types, and once more without them if the
/// verifier does not agree. Says whether it is with them.
pub(super) fn load(
    options: &KernelOptions,
    sizes: Sizes,
    pins: Option<&Pins>,
    root: u64,
) -> Result<(Ebpf, bool), KernelError> {
    let offsets = match types::offsets(&options.btf) {
        Ok(offsets) => Some(offsets),
        Err(error) => {
            let problem = anyhow::Error::from(error);
            warn!("{problem:#}; socket owners are taken from the calling task");
            None
        }
    };
    if let Some(offsets) = offsets {
        match load_with(options, sizes, pins, root, Some(&offsets)) {
            Ok(ebpf) => return Ok((ebpf, true)),
            Err(error @ KernelError::Program { .. }) => {
                let error = anyhow::Error::from(error);
                warn!("{error:#}; trying again without the kernel's types");
            }
            Err(error) => return Err(error),
        }
    }
    Ok((load_with(options, sizes, pins, root, None)?, false))
}

fn load_with(
    options: &KernelOptions,
    mut sizes: Sizes,
    pins: Option<&Pins>,
    root: u64,
    offsets: Option<&[Offset]>,
) -> Result<Ebpf, KernelError> {
    let settings = settings(options, sizes, offsets.is_some());
    let mut loader = EbpfLoader::new();
    // No program is relocated against the kernel's types, and reading all of them costs MiB.
    loader.btf(None);
    for (setting, value) in &settings {
        loader.override_global(setting.name, value, true);
    }
    for (name, offset) in offsets.into_iter().flatten() {
        loader.override_global(name, offset, true);
    }
    loader.override_global(EO_ROOT_ID.name, &root, true);
    for map in MAPS {
        if let Some(size) = sizes.of(map) {
            loader.map_max_entries(map.name, *size);
        }
        if let Some(pins) = pins.filter(|_| map.is_pinned()) {
            loader.map_pin_path(map.name, pins.path(map.name));
        }
    }
    let mut ebpf = loader
        .load(OBJECT)
        .map_err(|error| KernelError::Load(Box::new(error)))?;
    for program in options.programs() {
        verify(&mut ebpf, program.name)?;
    }
    Ok(ebpf)
}

/// What the programs are told, but for the kernel's offsets.
fn settings(
    options: &KernelOptions,
    sizes: Sizes,
    knows_types: bool,
) -> Vec<(BpfSetting<u32>, u32)> {
    let mut settings = vec![
        (EO_MAX_SLOTS, sizes.flows.min(MAX_SLOTS)),
        (EO_ATTEMPT_MASK, sizes.attempts - 1),
        (EO_ATTEMPT_BITS, sizes.attempts.trailing_zeros()),
        (EO_PROOF_MASK, sizes.proofs - 1),
        (EO_EPHEMERAL_LOW, ephemeral_low()),
        (EO_HALF_OF_ANSWERS, sizes.answers / 2),
        (EO_KERNEL_TYPES, knows_types.into()),
    ];
    let ports = options.capture_ports.iter().copied().map(u32::from);
    settings.extend(CAPTURE_PORTS.into_iter().zip(ports.chain(iter::repeat(0))));
    settings
}

/// Hands a program that is attached to a cgroup to the verifier.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "programs of any other of aya's thirty kinds are not ours"
)]
fn verify(ebpf: &mut Ebpf, name: &'static str) -> Result<(), KernelError> {
    let program = ebpf
        .program_mut(name)
        .ok_or(KernelError::NotInObject { name })?;
    match program {
        Program::CgroupSockAddr(program) => program.load(),
        Program::SockOps(program) => program.load(),
        Program::CgroupSkb(program) => program.load(),
        _ => return Err(KernelError::NotInObject { name }),
    }
    .map_err(|source| KernelError::Program {
        name,
        source: Box::new(source),
    })
}

/// Lowest port that the kernel hands out by itself.
fn ephemeral_low() -> u32 {
    fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(EO_EPHEMERAL_LOW.default)
}
