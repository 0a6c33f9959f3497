//! Maps out of a loaded object, each in the form that it is used in.

use std::os::fd::AsFd as _;

use aya::{
    Ebpf,
    maps::{Map, MapError},
};
use egress_observer_common::maps::BpfMap;

use super::{error::KernelError, mapping::Mapping};

/// Takes a map of this type out of a loaded object.
pub(super) fn take_as<T>(ebpf: &mut Ebpf, map: BpfMap) -> Result<T, KernelError>
where
    T: TryFrom<Map, Error = MapError>,
{
    let name = map.name;
    take(ebpf, name)?
        .try_into()
        .map_err(|source| KernelError::Table { name, source })
}

/// Takes an ARRAY out of a loaded object and maps its first `len` values.
pub(super) fn map<T>(ebpf: &mut Ebpf, map: BpfMap, len: u32) -> Result<Mapping<T>, KernelError> {
    let name = map.name;
    let Map::Array(data) = take(ebpf, name)? else {
        return Err(KernelError::NotInObject { name });
    };
    let info = data
        .info()
        .map_err(|source| KernelError::Table { name, source })?;
    Mapping::new(data.fd().as_fd(), len, info.max_entries())
        .map_err(|source| KernelError::Map { name, source })
}

fn take(ebpf: &mut Ebpf, name: &'static str) -> Result<Map, KernelError> {
    ebpf.take_map(name).ok_or(KernelError::NotInObject { name })
}
