//! DNS answers as the programs hand them on.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

use aya::{
    Ebpf,
    maps::{MapData, RingBuf},
};
use egress_observer_common::{AnswerHead, maps::EO_ANSWERS};

use super::{error::KernelError, take::take_as};

/// The longest that one [`drain`](Answers::drain) takes, lest a flood keeps the agent from everything
/// else: what ordinary nodes get in a second takes less.
const AT_ONCE: Duration = Duration::from_millis(10);

/// The buffer of answers.
pub struct Answers {
    buffer: RingBuf<MapData>,
}

impl Answers {
    /// Takes the buffer out of a loaded object.
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, KernelError> {
        let buffer = take_as(ebpf, EO_ANSWERS)?;
        Ok(Self { buffer })
    }

    /// Readable when the buffer has become half full.
    pub fn events(&self) -> io::Result<OwnedFd> {
        // SAFETY: the buffer keeps it open.
        let fd = unsafe { BorrowedFd::borrow_raw(self.buffer.as_raw_fd()) };
        fd.try_clone_to_owned()
    }

    /// Hands on what is there: the socket's cgroup, and the message as far as it was copied.
    pub fn drain(&mut self, mut take: impl FnMut(AnswerHead, &[u8])) {
        let start = Instant::now();
        while start.elapsed() < AT_ONCE
            && let Some(record) = self.buffer.next()
        {
            if let Some((head, message)) = AnswerHead::split(&record) {
                take(head, message);
            }
        }
    }
}
