//! The object, made fit for this kernel and this node, and loaded.

use std::fs;

use aya::{Ebpf, EbpfLoader, programs::Program};
use egress_observer_common::{MAX_SLOTS, names};
use tracing::warn;

use super::{KernelError, OBJECT, Options, Sizes, pins::Pins, types};

/// Loads what is attached to cgroups with the kernel's types, and once more without them if the
/// verifier does not agree. Says whether it is with them.
pub(super) fn load(
    options: &Options,
    sizes: &Sizes,
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

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "programs of any other of aya's thirty kinds are not ours"
)]
fn load_with(
    options: &Options,
    sizes: &Sizes,
    pins: Option<&Pins>,
    root: u64,
    offsets: Option<&types::Offsets>,
) -> Result<Ebpf, KernelError> {
    let mut settings: Vec<(&str, u32)> = vec![
        ("EO_MAX_SLOTS", sizes.flows.min(MAX_SLOTS)),
        ("EO_ATTEMPT_MASK", sizes.attempts - 1),
        ("EO_ATTEMPT_BITS", sizes.attempts.trailing_zeros()),
        ("EO_PROOF_MASK", sizes.proofs - 1),
        ("EO_EPHEMERAL_LOW", ephemeral_low()),
        ("EO_HALF_OF_ANSWERS", sizes.answers / 2),
        ("EO_KERNEL_TYPES", offsets.is_some().into()),
    ];
    settings.extend(offsets.into_iter().flatten());
    const PORTS: [&str; 4] = [
        "EO_CAPTURE_PORT_0",
        "EO_CAPTURE_PORT_1",
        "EO_CAPTURE_PORT_2",
        "EO_CAPTURE_PORT_3",
    ];
    let ports = options
        .capture_ports
        .iter()
        .copied()
        .map(u32::from)
        .chain(std::iter::repeat(0));
    settings.extend(PORTS.into_iter().zip(ports));

    let mut loader = EbpfLoader::new();
    // No program is relocated against the kernel's types, and reading all of them costs MiB.
    loader.btf(None);
    for (name, value) in &settings {
        loader.override_global(name, value, true);
    }
    loader.override_global("EO_ROOT_ID", &root, true);
    loader
        .map_max_entries(names::FLOWS, sizes.flows)
        .map_max_entries(names::SLOTS, sizes.flows)
        .map_max_entries(names::FREE_SLOTS, sizes.flows)
        .map_max_entries(names::ATTEMPTS, sizes.attempts)
        .map_max_entries(names::PROOFS, sizes.proofs)
        .map_max_entries(names::ANSWERS, sizes.answers);
    if let Some(pins) = pins {
        for name in names::TABLES {
            loader.map_pin_path(name, pins.path(name));
        }
    }
    let mut ebpf = loader
        .load(OBJECT)
        .map_err(|error| KernelError::Load(Box::new(error)))?;
    for name in options.programs() {
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
        })?;
    }
    Ok(ebpf)
}

/// Lowest port that the kernel hands out by itself.
fn ephemeral_low() -> u32 {
    const DEFAULT: u32 = 32_768;
    fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(DEFAULT)
}
