//! The version of the objects that are printed and recorded as JSON.

/// The `apiVersion` of every such object.
pub const API_VERSION: &str = "egress-observer.io/v1alpha1";
