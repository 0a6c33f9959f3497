//! DNS that the proxy answers.

use std::net::IpAddr;

/// Where DNS questions go that the proxy answers.
pub const DNS_LISTENER: u16 = 15_053;
/// Where DNS questions go to.
pub(crate) const DNS_PORT: u16 = 53;

/// `DnsCapture` says which DNS questions go to the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsCapture {
    /// All.
    All,
    /// Those to the pod's nameservers.
    Nameservers {
        /// As far as they are known.
        known: Vec<IpAddr>,
        /// Whether there may be others.
        others: bool,
    },
}
