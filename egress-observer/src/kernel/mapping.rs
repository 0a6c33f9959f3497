//! Memory that a table shares with the kernel.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd},
    ptr::{self, NonNull},
};

/// The first values of an ARRAY table, shared with the kernel.
///
/// The kernel maps every page at once (`remap_vmalloc_range`), and all of them count as ours: only
/// as much is mapped as is looked at.
#[derive(Debug)]
pub(super) struct Mapping<T> {
    table: OwnedFd,
    first: NonNull<T>,
    /// Values that are mapped.
    len: u32,
    /// Values that the table has.
    capacity: u32,
}

// SAFETY: the memory is not tied to a thread; all access is by atomic operations.
unsafe impl<T> Send for Mapping<T> {}

impl<T> Mapping<T> {
    /// Maps the first `len` values of the table `fd`, which has `capacity` of `T`'s size.
    pub(super) fn new(fd: BorrowedFd<'_>, len: u32, capacity: u32) -> io::Result<Self> {
        let len = len.min(capacity);
        let first = map(fd, Self::bytes(len))?.cast();
        Ok(Self {
            table: fd.try_clone_to_owned()?,
            first,
            len,
            capacity,
        })
    }

    /// Maps at least `len` values, or all there are.
    pub(super) fn grow(&mut self, len: u32) -> io::Result<()> {
        if len.min(self.capacity) > self.len {
            let grown = len.next_power_of_two();
            *self = Self::new(self.table.as_fd(), grown, self.capacity)?;
        }
        Ok(())
    }

    fn bytes(len: u32) -> usize {
        len as usize * size_of::<T>()
    }

    /// How many values are mapped.
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// How many values the table has.
    pub(super) fn capacity(&self) -> u32 {
        self.capacity
    }

    /// The value at `index`: a place to read and write by atomic operations only.
    ///
    /// # Panics
    /// If there are not that many.
    pub(super) fn at(&self, index: u32) -> NonNull<T> {
        assert!(index < self.len, "value {index} of {}", self.len);
        // SAFETY: within the mapping, as just checked.
        unsafe { self.first.add(index as usize) }
    }
}

fn map(table: BorrowedFd<'_>, bytes: usize) -> io::Result<NonNull<libc::c_void>> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let table = table.as_raw_fd();
    // SAFETY: a new mapping at an address of the kernel's choice.
    let address = unsafe { libc::mmap(ptr::null_mut(), bytes, access, libc::MAP_SHARED, table, 0) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(address).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

impl<T> Drop for Mapping<T> {
    fn drop(&mut self) {
        // SAFETY: mapped by `map` with this size; nobody holds a reference into it longer than
        // the mapping itself.
        let _ = unsafe { libc::munmap(self.first.as_ptr().cast(), Self::bytes(self.len)) };
    }
}
