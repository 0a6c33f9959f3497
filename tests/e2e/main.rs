//! End to end, as root: the story on a simulated node, names from every kind of resolver, and the
//! node itself against an oracle that nobody here wrote.
//!
//! This is only ever built as a test; `cfg(test)` says it to the lints, too.
#![forbid(unsafe_code)]

#[cfg(test)]
mod node;
#[cfg(test)]
mod resolvers;
#[cfg(test)]
mod story;
