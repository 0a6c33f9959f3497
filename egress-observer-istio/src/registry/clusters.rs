//! Which clusters a client's proxy has.

use std::sync::Arc;

use super::{
    egress::Egress, host_entry::HostEntry, reader::NamespaceId, rivals::Rivals, view::ClientView,
};
use crate::vocabulary::Host;

/// An entry that is part of a host's service, and its only port that is, if there is only one.
type Kept<'r> = (&'r Arc<HostEntry>, Option<u16>);

impl<'r> ClientView<'r, '_> {
    /// The entry whose cluster a host and port is, if there is such a cluster
    /// (`collectImportedServices`, `appendSidecarServices` in `pilot/pkg/model/sidecar.go`): of one
    /// that the client sees, else, for the destination of a VirtualService, of one that it need not
    /// see.
    pub(super) fn cluster(&self, host: &str, port: u16) -> Option<&'r Arc<HostEntry>> {
        let host = Host::parse(host)?;
        self.cluster_of(&host, port)
    }

    /// The same by the host as it is kept.
    pub(super) fn cluster_of(&self, host: &Host, port: u16) -> Option<&'r Arc<HostEntry>> {
        let rivals = self.registry.index.by_host.get(host)?;
        if let Some(only) = rivals.only()
            && rivals.seen(self.audience()).next().is_some()
            && self.is_concrete(only)
            && self.gives_port(only, port)
        {
            return Some(only).filter(|of| of.port(port).is_some());
        }
        let kept = self.kept(rivals);
        if kept.is_empty() {
            return self.inferred(rivals).filter(|of| of.port(port).is_some());
        }
        // What is merged adds a number once, by the first port that has it.
        let mut all = kept.into_iter().enumerate();
        let found = all.find(|(nth, (of, only))| {
            let own = of
                .port(port)
                .filter(|_| only.is_none_or(|only| only == port));
            own.is_some_and(|own| !own.is_behind_udp || *nth == 0 && only.is_none())
        });
        found.map(|(_, (of, _))| of)
    }

    /// The port of a host's service, if that has no other.
    pub(super) fn only_port(&self, host: &Host) -> Option<u16> {
        let rivals = self.registry.index.by_host.get(host)?;
        let mut kept = self.kept(rivals);
        if kept.is_empty() {
            kept.extend(self.inferred(rivals).map(|of| (of, None)));
        }
        let mut numbers = kept.iter().flat_map(|(of, only)| {
            let all = of.ports.iter().map(|port| port.number);
            all.filter(move |own| only.is_none_or(|only| only == *own))
        });
        let first = numbers.next()?;
        numbers.all(|other| other == first).then_some(first)
    }

    /// Whether an egress listener lets an entry through with a port.
    fn gives_port(&self, of: &HostEntry, port: u16) -> bool {
        let behind_udp = of.port(port).is_some_and(|own| own.is_behind_udp);
        let mut egresses = self.egresses().iter();
        (!behind_udp || egresses.len() == 1)
            && egresses.any(|egress| {
                let fits = egress.port.is_none_or(|own| own == port && !behind_udp);
                fits && self.imports(egress, of)
            })
    }

    /// Whether the cluster of an entry connects to the address that was dialled. Before 1.22 entries
    /// that are merged have the resolution of the first of them (`appendSidecarServices` in
    /// `pilot/pkg/model/sidecar.go`).
    pub(super) fn keeps_address(&self, of: &HostEntry) -> bool {
        let rivals = || self.registry.index.by_host.get(&of.host);
        let first = || self.kept(rivals()?).first().map(|(first, _)| *first);
        match (self.viewer.is_since(22), &self.viewer.sidecar) {
            (false, Some(_)) => first().map_or(of, AsRef::as_ref).keeps_address(),
            _ => of.keeps_address(),
        }
    }

    /// The entries that make up a host's service: the first one, or the first Service, and what is
    /// merged with it; each with the only port that its egress listener lets through, if there is one.
    /// What the VirtualServices of an egress listener lead to comes before what the next one lets
    /// through.
    fn kept(&self, rivals: &'r Rivals) -> Vec<Kept<'r>> {
        let mut kept: Vec<Kept<'r>> = Vec::new();
        let egresses = self.egresses();
        for (nth, egress) in egresses.iter().enumerate() {
            for of in self.imported(egress, rivals) {
                if self.is_chosen(egress, of) {
                    self.keep((of, egress.port), &mut kept);
                }
            }
            if nth + 1 < egresses.len() && rivals.only().is_none() {
                for led_to in self.led_to(egress, rivals) {
                    self.keep(led_to, &mut kept);
                }
            }
        }
        kept
    }

    fn keep(&self, (of, port): Kept<'r>, kept: &mut Vec<Kept<'r>>) {
        let Some((first, _)) = kept.first() else {
            kept.push((of, port));
            return;
        };
        match (first.entry.is_service(), of.entry.is_service()) {
            (true, false) => {}
            (false, true) => *kept = vec![(of, port)],
            _ if self.is_merged(first, of) => kept.push((of, port)),
            _ => {}
        }
    }

    /// The entry of a host that the VirtualServices of an egress listener lead to, at the ports that
    /// they name.
    fn led_to(&self, egress: &Egress, rivals: &'r Rivals) -> Vec<Kept<'r>> {
        let Some(of) = self.inferred(rivals) else {
            return Vec::new();
        };
        let ports = self.ports_led_to(egress, &of.host);
        match egress.port {
            _ if ports.is_empty() => Vec::new(),
            Some(only) => of
                .port(only)
                .map(|_| (of, Some(only)))
                .into_iter()
                .collect(),
            None if ports.contains(&None) => vec![(of, None)],
            None => {
                let named = ports.into_iter().flatten();
                let named = named.filter(|port| of.port(*port).is_some());
                named.map(|port| (of, Some(port))).collect()
            }
        }
    }

    /// Since 1.22 only what is alike but for its ports; before, what a Sidecar lets through of one
    /// namespace, and without a Sidecar everything.
    fn is_merged(&self, first: &HostEntry, of: &HostEntry) -> bool {
        if self.viewer.is_since(22) {
            first.entry.object == of.entry.object || first.merges_with(of)
        } else {
            self.viewer.sidecar.is_none() || first.entry.namespace == of.entry.namespace
        }
    }

    /// Where a VirtualService leads to a host that no egress listener lets through: the entry of the
    /// client's own namespace, else of those that are exported to it a Service, else the oldest;
    /// before 1.30 that of the namespace whose name comes first.
    fn inferred(&self, rivals: &'r Rivals) -> Option<&'r Arc<HostEntry>> {
        if let Some(own) = self.first_in(rivals, self.namespace) {
            return Some(own);
        }
        let seen = rivals.seen(self.audience()).filter(|of| self.is_there(of));
        if self.viewer.is_since(30) {
            return seen.min_by_key(|of| (!of.entry.is_service(), of.order()));
        }
        let first = seen.min_by_key(|of| &of.entry.object.namespace)?;
        self.first_in(rivals, Some(first.entry.namespace))
    }

    /// The entry that stands for a host in a namespace: a Service, else the oldest; before 1.21 the
    /// youngest (`HostnameAndNamespace` in `initServiceRegistry`, `pilot/pkg/model/push_context.go`).
    pub(super) fn first_in(
        &self,
        rivals: &'r Rivals,
        namespace: Option<NamespaceId>,
    ) -> Option<&'r Arc<HostEntry>> {
        let all = rivals.all();
        let all = all.filter(|of| Some(of.entry.namespace) == namespace);
        if self.viewer.is_since(21) {
            all.min_by_key(|of| !of.entry.is_service())
        } else {
            all.last()
        }
    }
}
