//! DNS that the proxy answers.

use std::net::IpAddr;

/// The proxy's port for DNS questions that it answers.
pub const DNS_LISTENER: u16 = 15_053;
/// Where DNS questions go to.
pub(crate) const DNS_PORT: u16 = 53;

/// `DnsCapture` says which DNS questions go to the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsCapture {
    /// All questions go to the proxy.
    All,
    /// Questions to the pod's nameservers go to the proxy.
    Nameservers {
        /// The nameservers, as far as they are known.
        known: Vec<IpAddr>,
        /// Whether there may be other nameservers.
        others: bool,
    },
}
