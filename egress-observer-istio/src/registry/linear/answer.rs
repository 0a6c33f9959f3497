//! The answers of a lookup without borrowed parts, so that two ways to one can be compared.

use crate::{
    registry::{
        object_ref::ObjectKind,
        query::{By, Hit, Match},
    },
    vocabulary::PortProtocol,
};

/// A [`Hit`] without borrowed parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanHit {
    /// Of the entry.
    pub kind: ObjectKind,
    /// Of the entry.
    pub namespace: String,
    /// Of the entry.
    pub name: String,
    /// As written there.
    pub host: String,
    /// Of its port.
    pub protocol: PortProtocol,
    /// What led to it.
    pub by: By,
}

/// A [`Match`] without borrowed parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanAnswer {
    /// As [`Match::Declared`].
    Declared(ScanHit),
    /// As [`Match::AddressNeeded`].
    AddressNeeded(ScanHit),
    /// As [`Match::Undeclared`].
    Undeclared {
        /// Whether the port answers HTTP.
        http: bool,
    },
    /// As [`Match::NameNeeded`].
    NameNeeded {
        /// `Host` would tell.
        http: bool,
        /// SNI would tell.
        tls: bool,
    },
}

impl From<Hit<'_>> for ScanHit {
    fn from(hit: Hit<'_>) -> Self {
        let object = &hit.entry.object;
        Self {
            kind: object.kind,
            namespace: object.namespace.to_string(),
            name: object.name.to_string(),
            host: hit.host.to_string(),
            protocol: hit.protocol,
            by: hit.by,
        }
    }
}

impl From<Match<'_>> for ScanAnswer {
    fn from(found: Match<'_>) -> Self {
        match found {
            Match::Declared(hit) => Self::Declared(hit.into()),
            Match::AddressNeeded(hit) => Self::AddressNeeded(hit.into()),
            Match::Undeclared { http } => Self::Undeclared { http },
            Match::NameNeeded { http, tls } => Self::NameNeeded { http, tls },
        }
    }
}
