//! The real programs in a real kernel: everything here ends at what the agent says in a scrape.
//!
//! Each test makes its own network, pods and agent, and removes them. Needs root.
#![forbid(unsafe_code)]
#![expect(
    clippy::tests_outside_test_module,
    reason = "this whole crate is tests"
)]

mod accounting;
mod bed;
mod churn;
mod cluster;
mod containers;
mod dns;
mod failures;
mod object;
mod overflow;
mod permissions;
mod privileges;
mod restart;
mod services;
mod shared_config;
mod sockets;
mod udp;
