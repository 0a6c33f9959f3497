//! The API server that tests use, judged by a real client: kube-rs, and by what a real API server
//! was recorded to say.
#![forbid(unsafe_code)]
#![expect(
    clippy::tests_outside_test_module,
    reason = "this whole crate is tests"
)]

mod bed;
mod faults;
mod lists;
mod permissions;
mod process;
mod recorded;
mod restart;
mod speed;
mod watches;
