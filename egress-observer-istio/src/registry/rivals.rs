//! The entries that have one host: few, mostly one.

use std::{iter, sync::Arc};

use smallvec::SmallVec;

use super::{
    claim::Claim,
    host_entry::HostEntry,
    reader::{Audience, Reader},
};
use crate::vocabulary::PortProtocol;

/// The entries that have one host, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Rivals {
    all: SmallVec<[Rival; 1]>,
}

#[derive(Clone, Debug)]
struct Rival {
    of: Arc<HostEntry>,
    claims: SmallVec<[Claim; 1]>,
    readers: SmallVec<[Reader; 1]>,
}

impl Rivals {
    pub(super) fn insert(&mut self, of: &Arc<HostEntry>, readers: &[Reader]) {
        let at = self
            .all
            .partition_point(|rival| rival.of.order() < of.order());
        let rival = Rival {
            of: Arc::clone(of),
            claims: Claim::all(of).collect(),
            readers: readers.into(),
        };
        self.all.insert(at, rival);
    }

    pub(super) fn remove(&mut self, of: &HostEntry) {
        self.all.retain(|rival| rival.of.order() != of.order());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The only one, if there is only one.
    pub(super) fn only(&self) -> Option<&Arc<HostEntry>> {
        match self.all.as_slice() {
            [one] => Some(&one.of),
            _ => None,
        }
    }

    /// A claim as it is kept here.
    pub(super) fn own(&self, claim: &Claim) -> Option<&Claim> {
        let mut all = self.all.iter();
        let rival = all.find(|rival| Arc::ptr_eq(&rival.of, &claim.of))?;
        rival.claims.iter().find(|own| own.port() == claim.port())
    }

    /// Every entry, seen or not.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<HostEntry>> {
        self.all.iter().map(|rival| &rival.of)
    }

    /// The entries that a client sees, in the order in which its sidecar gets to hear of
    /// them.
    pub(super) fn seen(&self, audience: Audience) -> impl Iterator<Item = &Arc<HostEntry>> {
        self.visible(audience).map(|rival| &rival.of)
    }

    /// What these claim on a port.
    pub(super) fn claims(&self, port: u16, audience: Audience) -> impl Iterator<Item = &Claim> {
        let claims = self.visible(audience).flat_map(|rival| &rival.claims);
        claims.filter(move |claim| claim.port() == port && claim.protocol() != PortProtocol::Udp)
    }

    fn visible(&self, audience: Audience) -> impl Iterator<Item = &Rival> {
        let mut readers = audience.readers();
        let mut reader = readers.next();
        let mut rest = self.all.iter();
        iter::from_fn(move || {
            loop {
                let own = reader?;
                if let Some(rival) = rest.find(|rival| own.is_among(&rival.readers)) {
                    return Some(rival);
                }
                reader = readers.next();
                rest = self.all.iter();
            }
        })
    }
}
