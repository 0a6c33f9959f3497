//! Lists between commas, and one range, read as Istio's programs read them.

use ipnet::IpNet;
use thiserror::Error;

/// A `ListError` is text on which Istio's program ends: no rules are made, and the pod does not
/// start.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ListError {
    /// An element is no range.
    #[error("`{0}` is not a range in CIDR form, such as 10.0.0.0/8")]
    Range(String),
    /// The text is `*` where only ranges are allowed.
    #[error("`*` is not allowed here")]
    Star,
    /// An element is no port.
    #[error("`{0}` is not a port: expected a number from 0 to 65535, or two joined by `{1}`")]
    Port(String, char),
}

/// The elements of a list stand between commas; empty ones are dropped, blanks are kept (`Split` in
/// `tools/common/config/types.go`).
pub fn elements(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|element| !element.is_empty())
}

/// A range is read as Go's `netip.ParsePrefix` reads it: no blanks, no bare address, no zone.
pub fn prefix(text: &str) -> Option<IpNet> {
    let (address, length) = text.split_once('/')?;
    let leading_zero = length.len() > 1 && length.starts_with('0');
    let digits = length.bytes().all(|byte| byte.is_ascii_digit());
    if leading_zero || !digits {
        return None;
    }
    IpNet::new(address.parse().ok()?, length.parse().ok()?).ok()
}
