//! A DNS answer on its way to the user side.

/// What stands before the message in the ring buffer.
///
/// Room in a ring buffer is reserved in sizes that the verifier knows, so a record is longer than
/// what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct AnswerHead {
    /// cgroup v2 id of the socket that received it.
    pub cgroup: u64,
    /// Bytes of the message that follow.
    pub copied: u32,
    /// Always 0.
    pub _pad: u32,
}

const _: () = assert!(size_of::<AnswerHead>() == 16);

impl AnswerHead {
    /// Takes a record apart: the head, and the message as far as it was copied. `None` if it is too
    /// short to be one.
    pub fn split(record: &[u8]) -> Option<(Self, &[u8])> {
        let (cgroup, rest) = record.split_first_chunk()?;
        let (copied, rest) = rest.split_first_chunk()?;
        let (_pad, rest) = rest.split_first_chunk::<4>()?;
        let head = Self {
            cgroup: u64::from_ne_bytes(*cgroup),
            copied: u32::from_ne_bytes(*copied),
            _pad: 0,
        };
        Some((head, rest.get(..head.copied as usize)?))
    }
}

/// The most bytes of a message that the records of each size hold. The last one is as much as is
/// ever read of a message: what resolvers ask for by default (EDNS, RFC 6891) is less.
pub const ANSWER_SIZES: [u32; 3] = [256, 1024, 4096];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_taken_apart() {
        let mut record = Vec::new();
        record.extend(7_u64.to_ne_bytes());
        record.extend(3_u32.to_ne_bytes());
        record.extend(0_u32.to_ne_bytes());
        record.extend(*b"abc and what was there before");
        let head = AnswerHead {
            cgroup: 7,
            copied: 3,
            _pad: 0,
        };
        assert_eq!(AnswerHead::split(&record), Some((head, &b"abc"[..])));
        assert_eq!(AnswerHead::split(&record[..18]), None);
        assert_eq!(AnswerHead::split(&record[..15]), None);
    }
}
