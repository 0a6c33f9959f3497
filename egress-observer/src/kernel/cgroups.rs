//! Cgroups as the programs at the tracepoints tell of them.

use aya::{
    Ebpf,
    maps::{MapData, RingBuf},
};
use egress_observer_common::{CgroupRecord, maps::EO_CGROUPS};

use super::{error::KernelError, take::take_as};

/// The buffer of cgroups that came and went.
pub struct CgroupRecords {
    buffer: RingBuf<MapData>,
}

impl CgroupRecords {
    /// Takes the buffer out of a loaded object.
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, KernelError> {
        let buffer = take_as(ebpf, EO_CGROUPS)?;
        Ok(Self { buffer })
    }

    /// Hands on what is there, in order.
    pub fn drain(&mut self, mut take: impl FnMut(CgroupRecord<'_>)) {
        while let Some(record) = self.buffer.next() {
            if let Some(record) = CgroupRecord::split(&record) {
                take(record);
            }
        }
    }
}
