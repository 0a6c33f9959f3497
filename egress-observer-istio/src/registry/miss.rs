//! Why an entry that one would expect to take a connection does not. For people.

use std::{fmt, sync::Arc};

use super::{host_entry::RegistryEntry, object_ref::ObjectRef};

/// An entry that nearly takes a connection.
#[derive(Clone, Debug)]
pub struct NearMiss<'r> {
    /// The object.
    pub entry: &'r Arc<RegistryEntry>,
    /// Its host, as written there.
    pub host: &'r Arc<str>,
    /// Why not.
    pub why: Why,
}

/// Why an entry does not take a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// `exportTo` leaves out the client's namespace.
    NotExported,
    /// This Sidecar's egress hosts leave it out.
    HiddenBySidecar(ObjectRef),
    /// It has these ports.
    OtherPorts(Vec<u16>),
    /// `*.foo.com` is not for `foo.com`.
    WildcardOnly,
    /// The entry's port, or the connection, is UDP.
    Udp,
    /// It has addresses, and this is none of them.
    OtherAddress,
    /// It has the address, but the name is another.
    OtherName,
    /// It is for another host altogether, on the same port.
    OtherHost,
    /// Only the name leads to it.
    NameOnly,
    /// It has no address, and ztunnel goes by addresses.
    NoAddress,
    /// istiod does not tell ztunnel of it.
    NotTold,
    /// This one comes first: by its longer range, its nearer name, its namespace or its age.
    Yields(ObjectRef),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotExported => f.write_str("its exportTo leaves out the client's namespace"),
            Self::HiddenBySidecar(sidecar) => {
                write!(f, "the egress hosts of {sidecar} leave it out")
            }
            Self::OtherPorts(ports) => {
                let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
                write!(f, "it declares another port: {}", ports.join(", "))
            }
            Self::WildcardOnly => f.write_str("a wildcard is not for the name that it is below"),
            Self::Udp => f.write_str("the mesh has no listener for UDP"),
            Self::OtherAddress => f.write_str("it has addresses, and this is none of them"),
            Self::OtherName => f.write_str("it has the address, but the name is another"),
            Self::OtherHost => f.write_str("it declares another host"),
            Self::NameOnly => f.write_str("only a host name leads to it"),
            Self::NoAddress => {
                f.write_str("it has no address, and ztunnel goes by addresses alone")
            }
            Self::NotTold => f.write_str("istiod does not tell ztunnel of it"),
            Self::Yields(other) => write!(f, "{other} comes first"),
        }
    }
}
