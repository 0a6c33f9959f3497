//! Constants that the user side fills in before it loads the programs, from the shared table. The
//! verifier sees them as known numbers and drops the branches they rule out.

use core::ptr::{addr_of, read_volatile};

use egress_observer_common::Entries;

/// A constant of the table.
#[repr(transparent)]
pub(crate) struct Filled<T>(T);

impl<T: Copy> Filled<T> {
    /// What the user side filled in.
    #[inline(always)]
    pub(crate) fn get(&self) -> T {
        // SAFETY: an initialised value; volatile, so that the compiler does not settle the one that
        // the user side overrides in the object.
        unsafe { read_volatile(addr_of!(self.0)) }
    }
}

macro_rules! statics {
    (
        values { $($(#[$doc:meta])* $name:ident: $type:ty = $default:expr;)* }
        offsets { $($offset:ident: $structure:ident$(.$field:tt)+;)* }
    ) => {
        $(
            $(#[$doc])*
            #[unsafe(no_mangle)]
            pub(crate) static $name: Filled<$type> = Filled($default);
        )*
        $(
            #[doc = stringify!($structure$(.$field)+)]
            #[unsafe(no_mangle)]
            pub(crate) static $offset: Filled<u32> = Filled(0);
        )*
    };
}

egress_observer_common::settings!(statics);

/// True if connections are redirected to this port.
#[inline(always)]
pub(crate) fn is_capture_port(port: u32) -> bool {
    port != 0
        && (port == EO_CAPTURE_PORT_0.get()
            || port == EO_CAPTURE_PORT_1.get()
            || port == EO_CAPTURE_PORT_2.get()
            || port == EO_CAPTURE_PORT_3.get())
}
