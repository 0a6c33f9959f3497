//! What differs from the ServiceEntries that there are.

use std::{collections::BTreeMap, fmt};

use super::{
    answer::{Difference, Sign, SuggestedEntry},
    known::{EntryId, KnownMesh},
    observed::{Coverage, ObservedDestinations},
    text::{plain, ports},
};
use crate::text::count;

impl Sign {
    const fn as_char(self) -> char {
        match self {
            Self::Add => '+',
            Self::Change => '~',
            Self::Keep => '=',
            Self::Unused => '-',
        }
    }
}

/// What to add, to change, what is right, and what nobody asked for, in this order.
pub(crate) fn differences(
    entries: &[SuggestedEntry],
    observed: &ObservedDestinations,
    known: &KnownMesh,
) -> Vec<Difference> {
    let mut all: Vec<Difference> = Vec::new();
    let mut changed: BTreeMap<(EntryId, String), Difference> = BTreeMap::new();
    for entry in entries {
        let near: Vec<_> = entry.near.iter().filter(|near| near.to_change).collect();
        if near.is_empty() {
            all.push(added(entry));
        }
        for near in near {
            let Some(id) = near.id.clone() else {
                continue;
            };
            let wanted = format!("not for {}: {}", ports(entry), near.because);
            let difference = changed.entry((id, wanted.clone())).or_insert(Difference {
                change: Sign::Change,
                object: near.object.clone(),
                hosts: vec![near.host.clone()],
                connections: 0,
                perhaps: 0,
                because: Some(wanted),
            });
            difference.connections = difference.connections.saturating_add(entry.connections);
        }
    }
    all.extend(changed.into_values());
    let existing = known
        .entries()
        .map(|(id, hosts)| existing(id, hosts, observed));
    let mut existing: Vec<_> = existing.flatten().collect();
    existing.sort_by_key(|difference| difference.change);
    all.extend(existing);
    all
}

fn added(entry: &SuggestedEntry) -> Difference {
    let manifest = &entry.manifest;
    Difference {
        change: Sign::Add,
        object: format!("ServiceEntry {}/{}", manifest.namespace, manifest.name),
        hosts: manifest.hosts.clone(),
        connections: entry.connections,
        perhaps: 0,
        because: Some(format!("for {}", ports(entry))),
    }
}

/// What there is to say of an entry, unless that it has to change is all.
fn existing(id: &EntryId, hosts: &[String], observed: &ObservedDestinations) -> Option<Difference> {
    let (sign, coverage) = match observed.coverage.get(id) {
        Some(coverage) if coverage.connections > 0 || coverage.perhaps > 0 => {
            (Sign::Keep, *coverage)
        }
        Some(_) => return None,
        None => (Sign::Unused, Coverage::default()),
    };
    let (namespace, name) = id;
    Some(Difference {
        change: sign,
        object: format!("ServiceEntry {namespace}/{name}"),
        hosts: hosts.to_vec(),
        connections: coverage.connections,
        perhaps: coverage.perhaps,
        because: (sign == Sign::Unused).then(|| unused(observed)),
    })
}

fn unused(observed: &ObservedDestinations) -> String {
    let mut because = "nobody asked for it in these flows".to_owned();
    if observed.nameless > 0 {
        let n = count(observed.nameless, "connection");
        because.push_str(&format!(
            ", unless one of {n} without a known name was for it"
        ));
    }
    because
}

/// One line.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = self.change.as_char();
        let hosts = self.hosts.join(", ");
        write!(f, "{sign} {} ({})", plain(&self.object), plain(&hosts))?;
        if self.change != Sign::Unused {
            write!(f, ": {}", count(self.connections, "connection"))?;
        }
        if self.perhaps > 0 {
            write!(f, ", and {} perhaps", self.perhaps)?;
        }
        if let Some(because) = &self.because {
            write!(f, ": {}", plain(because))?;
        }
        Ok(())
    }
}
