//! What is remembered of an unconnected UDP socket.

/// The last destinations of an unconnected UDP socket; only the programs read and write it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct UdpMemory {
    /// Digests of address and port; 0 is free.
    pub seen: [u64; 4],
    /// Where the next one goes.
    pub next: u64,
}

const _: () = assert!(size_of::<UdpMemory>() == 40);
