//! Objects that share something, by who sees them. There may be thousands that share one host, so that
//! each is compared with the first ones only: of every kind of visibility, from three namespaces.

use std::collections::HashMap;

use super::{declared::Declarer, scene::Scene};

/// An object among those that share a host.
#[derive(Clone, Copy)]
pub(super) struct Owner<'s> {
    pub(super) declarer: Declarer<'s>,
    /// Which of its hosts is shared.
    pub(super) nth_host: usize,
    /// Its place among all: the oldest first.
    pub(super) order: usize,
}

/// Objects by who sees them, in the order in which they were added.
#[derive(Default)]
pub(super) struct Sharers<'s> {
    /// The first in each namespace.
    at_home: HashMap<&'s str, Owner<'s>>,
    service: Option<Owner<'s>>,
    everyone: FirstOfHomes<'s>,
    /// Those that are not for everyone.
    limited: FirstOfHomes<'s>,
    /// Those of them that are for some namespaces, other ones than their own among them.
    abroad: FirstOfHomes<'s>,
    /// By a namespace that they are for by its name, or because it is their own.
    named: HashMap<&'s str, FirstOfHomes<'s>>,
}

/// The first objects of as many namespaces as are ever left out of consideration, and one more.
#[derive(Default)]
struct FirstOfHomes<'s>(Vec<Owner<'s>>);

impl<'s> FirstOfHomes<'s> {
    fn add(&mut self, owner: Owner<'s>) {
        const KEPT: usize = 3;
        let home = owner.declarer.namespace();
        let mut known = self.0.iter();
        if self.0.len() < KEPT && !known.any(|known| known.declarer.namespace() == home) {
            self.0.push(owner);
        }
    }
}

impl<'s> Sharers<'s> {
    pub(super) fn add(&mut self, owner: Owner<'s>, scene: &'s Scene<'_>) {
        let home = owner.declarer.namespace();
        if matches!(owner.declarer, Declarer::Service(..)) {
            self.service.get_or_insert(owner);
        }
        self.at_home.entry(home).or_insert(owner);
        let export = owner.declarer.export(scene);
        if export.is_to_everyone() {
            return self.everyone.add(owner);
        }
        for namespace in export.namespaces(home) {
            self.named.entry(namespace).or_default().add(owner);
            self.limited.add(owner);
            if namespace != home {
                self.abroad.add(owner);
            }
        }
    }

    /// Those that a pod of a namespace sees.
    pub(super) fn seen_from(&self, namespace: &str) -> impl Iterator<Item = &Owner<'s>> {
        let named = self.named.get(namespace).map(|owners| &owners.0);
        named.into_iter().flatten().chain(&self.everyone.0)
    }

    /// Those that some namespace sees together with an object.
    pub(super) fn seen_with(&self, owner: &Owner<'s>, scene: &'s Scene<'_>) -> Vec<&Owner<'s>> {
        let home = owner.declarer.namespace();
        let export = owner.declarer.export(scene);
        let mut seen: Vec<&Owner<'s>> = self.at_home.get(home).into_iter().collect();
        seen.extend(&self.service);
        seen.extend(&self.everyone.0);
        if export.is_to_everyone() {
            seen.extend(&self.abroad.0);
            seen.extend(&self.limited.0);
        }
        for namespace in export.namespaces(home) {
            seen.extend(self.seen_from(namespace));
        }
        seen
    }
}
