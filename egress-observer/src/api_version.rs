//! The version of everything that is printed for programs.

/// Its `apiVersion`.
pub const API_VERSION: &str = "egress-observer.io/v1alpha1";
