//! What the rules depend on besides the command line.

use std::net::IpAddr;

use crate::rules::version::Version;

/// A `FlagVariable` is an environment variable of the container.
#[derive(Clone, Debug)]
pub struct FlagVariable<'a> {
    /// The variable's name.
    pub name: &'a str,
    /// The variable's value; `None` if that stands elsewhere.
    pub value: Option<&'a str>,
}

/// `FlagContext` is what the command line itself does not say.
pub struct FlagContext<'a> {
    /// The version of the program that reads the command line; `None` if it cannot be told.
    pub version: Option<Version>,
    /// The environment of the container, in the order of its spec.
    pub env: &'a [FlagVariable<'a>],
    /// The pod's nameservers, and whether there may be others.
    pub nameservers: (Vec<IpAddr>, bool),
}
