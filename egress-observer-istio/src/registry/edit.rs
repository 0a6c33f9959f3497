//! Changes of single objects, to see what becomes of connections, and to be taken back.

use std::sync::Arc;

use ipnet::IpNet;

use super::{
    declared::Declaration,
    declared_port::DeclaredPort,
    host_entry::{HostEntry, Port, RegistryEntry},
    object_ref::ObjectRef,
    store::Registry,
};
use crate::objects;

/// A change of an entry.
#[derive(Clone, Copy, Debug)]
pub enum EntryEdit<'e> {
    /// It is exported to this namespace, too.
    Export(&'e str),
    /// It has these ports, too.
    Ports(&'e [DeclaredPort]),
    /// It has these addresses, too.
    Addresses(&'e [IpNet]),
    /// Istio allocates no address to its hosts (`networking.istio.io/enable-autoallocate-ip: "false"`).
    NotAllocated,
    /// It is equal to this one in all that Istio asks for to merge them.
    Alike(&'e ObjectRef),
}

/// Takes a change back. Changes are taken back in reverse order.
#[derive(Debug)]
#[must_use]
pub struct Undo(pub(super) Before);

#[derive(Debug)]
pub(super) enum Before {
    /// An entry was so.
    Entry(Declaration),
    /// There was none.
    Nothing(ObjectRef),
    /// A Sidecar did not let this host through by the last of the hosts of this egress listener.
    Hidden(ObjectRef, usize, Box<str>),
    /// A Sidecar had not the last of its egress listeners, which lets this host through.
    NoListener(ObjectRef, Box<str>),
}

impl Registry {
    /// Changes an entry, if it is there.
    pub fn edit(&mut self, object: &ObjectRef, edit: EntryEdit<'_>) -> Option<Undo> {
        let before = self.declared.remove(object)?;
        self.unindex(&before);
        let after = self.edited(&before, edit);
        self.set(after);
        Some(Undo(Before::Entry(before)))
    }

    /// Takes a ServiceEntry in that may be there already.
    pub fn add(&mut self, object: &objects::ServiceEntryObject) -> Undo {
        let name = (&object.metadata.namespace, &object.metadata.name);
        let entry = super::object_ref::ObjectKind::ServiceEntry;
        let own = ObjectRef::new(entry, name.0, name.1);
        let before = self.declared.remove(&own);
        if let Some(before) = &before {
            self.unindex(before);
        }
        self.set_service_entry(object);
        Undo(match before {
            Some(before) => Before::Entry(before),
            None => Before::Nothing(own),
        })
    }

    /// Takes a change back.
    pub fn undo(&mut self, undo: Undo) {
        match undo.0 {
            Before::Entry(declared) => self.set(declared),
            Before::Nothing(object) => drop(self.remove(&object)),
            Before::Hidden(sidecar, nth, host) => self.hide_again(&sidecar, Some(nth), &host),
            Before::NoListener(sidecar, host) => self.hide_again(&sidecar, None, &host),
        }
    }

    fn edited(&mut self, before: &Declaration, edit: EntryEdit<'_>) -> Declaration {
        let Some(first) = before.hosts.first() else {
            return before.clone();
        };
        let mut entry = RegistryEntry::clone(&first.entry);
        match edit {
            EntryEdit::Export(namespace) => {
                entry.export_to = self.exported_also(&entry, namespace);
                self.namespaces.intern(namespace);
            }
            EntryEdit::Alike(object) => self.make_alike(&mut entry, object),
            EntryEdit::Ports(_) | EntryEdit::Addresses(_) | EntryEdit::NotAllocated => {}
        }
        let entry = Arc::new(entry);
        let hosts = before.hosts.iter().map(|of| {
            let mut of = HostEntry::clone(of);
            of.entry = Arc::clone(&entry);
            match edit {
                EntryEdit::Ports(more) => of.ports = with_ports(&of.ports, more),
                EntryEdit::Addresses(more) => {
                    of.addresses = of.addresses.iter().chain(more).copied().collect();
                }
                EntryEdit::NotAllocated => {
                    of.is_allocatable = false;
                    of.allocated.clear();
                }
                EntryEdit::Export(_) | EntryEdit::Alike(_) => {}
            }
            Arc::new(of)
        });
        Declaration {
            object: before.object.clone(),
            hosts: hosts.collect(),
            problems: before.problems.clone(),
        }
    }

    /// `exportTo` of an entry with one namespace more; where it has none, what the mesh's configuration
    /// says counts until now.
    pub fn exported_also(&self, entry: &RegistryEntry, namespace: &str) -> Vec<String> {
        let own = &*entry.object.namespace;
        let now = if entry.export_to.is_empty() {
            &self.defaults.service_export_to
        } else {
            &entry.export_to
        };
        let word = if namespace == own { "." } else { namespace };
        let now = now.iter().filter(|word| word.trim() != "~");
        now.cloned().chain([word.to_owned()]).collect()
    }

    fn make_alike(&self, entry: &mut RegistryEntry, object: &ObjectRef) {
        let model = self.declared.get(object);
        if let Some(model) = model.and_then(|model| model.hosts.first()) {
            let model = &model.entry;
            entry.resolution.clone_from(&model.resolution);
            entry.export_to.clone_from(&model.export_to);
            entry.merges_as = model.merges_as;
            entry.selects_as = model.selects_as;
        }
    }
}

fn with_ports(own: &[Port], more: &[DeclaredPort]) -> Arc<[Port]> {
    let mut ports = own.to_vec();
    for port in more {
        if !ports.iter().any(|known| known.number == port.number) {
            ports.push(port.port());
        }
    }
    ports.into()
}
