//! Who connects, with its Sidecar as the object that it is.

use crate::objects;

/// Who connects.
#[derive(Clone, Copy, Debug)]
pub struct ScanClient<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its Sidecar.
    pub sidecar: Option<&'a objects::Sidecar>,
    /// Whether its proxy answers DNS.
    pub dns_capture: bool,
}

impl<'a> ScanClient<'a> {
    /// One without a Sidecar.
    pub fn new(namespace: &'a str) -> Self {
        Self {
            namespace,
            sidecar: None,
            dns_capture: false,
        }
    }
}
