//! The image, as a DaemonSet runs it: the agent and all pods are containers of a real runtime.
//!
//! This is only ever built as a test; `cfg(test)` says it to the lints, too.
#![forbid(unsafe_code)]

#[cfg(test)]
mod bed;
#[cfg(test)]
mod places;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod story;
#[cfg(test)]
mod uninstall;
#[cfg(test)]
mod upgrade;
