//! Testbed
