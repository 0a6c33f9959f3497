//! A cgroup that came or went, on its way to the user side.

/// What stands in a record of the ring buffer: 8 bytes of cgroup v2 id and, if the cgroup was made, 8
/// bytes that say how many levels the agent's cgroup root is below the root of the hierarchy, both in
/// the byte order of the machine, and the path from the root of the hierarchy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupRecord<'a> {
    /// It was made.
    Made {
        /// Its id.
        id: u64,
        /// Its path from the agent's cgroup root.
        path: &'a [u8],
    },
    /// It was removed.
    Removed {
        /// Its id.
        id: u64,
    },
}

impl<'a> CgroupRecord<'a> {
    /// Takes a record apart. `None` if it is too short to be one.
    pub fn split(record: &'a [u8]) -> Option<Self> {
        let (id, rest) = record.split_first_chunk()?;
        let id = u64::from_ne_bytes(*id);
        if rest.is_empty() {
            return Some(Self::Removed { id });
        }
        let (above, path) = rest.split_first_chunk()?;
        let path = without_first(path, u64::from_ne_bytes(*above));
        Some(Self::Made { id, path })
    }
}

/// A path without its first names. What is cut off of one that is too long is at its end.
fn without_first(path: &[u8], names: u64) -> &[u8] {
    let bytes = path.iter().enumerate();
    let mut slashes = bytes.filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    let before = slashes.nth(names as usize);
    before.map_or(path, |at| &path[at + 1..])
}

/// Where the programs put the record of a cgroup that was made together.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct CgroupScratch {
    /// Its id.
    pub id: u64,
    /// How many levels the agent's cgroup root is below the root of the hierarchy.
    pub above: u64,
    /// Its path from the root of the hierarchy, as far as it was written.
    pub path: [u8; CGROUP_PATH_LEN],
}

/// The most bytes of a path, with the 0 that ends it: `TRACE_CGROUP_PATH_LEN`
/// (`kernel/cgroup/cgroup-internal.h`).
pub const CGROUP_PATH_LEN: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn made(above: u64, path: &str) -> Vec<u8> {
        let mut record = 7_u64.to_ne_bytes().to_vec();
        record.extend(above.to_ne_bytes());
        record.extend(path.as_bytes());
        record
    }

    #[test]
    fn a_path_is_told_from_the_agents_root() {
        for (above, expected) in [
            (0, "kubepods/pod/c"),
            (1, "pod/c"),
            (2, "c"),
            (3, "/kubepods/pod/c"),
        ] {
            let record = made(above, "/kubepods/pod/c");
            let path = expected.as_bytes();
            let expected = CgroupRecord::Made { id: 7, path };
            assert_eq!(CgroupRecord::split(&record), Some(expected), "{above}");
        }
    }

    #[test]
    fn an_id_alone_was_removed_and_less_is_no_record() {
        let record = made(1, "");
        let removed = CgroupRecord::Removed { id: 7 };
        assert_eq!(CgroupRecord::split(&record[..8]), Some(removed));
        assert_eq!(CgroupRecord::split(&record[..7]), None);
        assert_eq!(CgroupRecord::split(&record[..15]), None);
    }
}
