//! Objects in a plain list, and which of them a client sees.

use std::collections::HashMap;

use super::{
    client::ScanClient,
    egress::lets_through,
    row::ScanRow,
    rows::{entry_rows, namespace, service_row},
};
use crate::{objects, vocabulary::PortProtocol};

/// Objects in a plain list.
#[derive(Clone, Debug, Default)]
pub struct Linear {
    /// `defaultServiceExportTo`.
    pub service_export_to: Vec<String>,
    pub service_entries: Vec<objects::ServiceEntryObject>,
    pub services: Vec<objects::ServiceObject>,
}

impl Linear {
    /// What a client sees of a port; of one host in several namespaces, only its own or the oldest.
    pub(super) fn visible(&self, client: &ScanClient<'_>, port: u16) -> Vec<ScanRow<'_>> {
        let mut rows = self.exported_rows(client, port);
        rows.retain(|row| {
            let sidecar = client.sidecar;
            row.protocol != PortProtocol::Udp
                && sidecar.is_none_or(|it| lets_through(it, client.namespace, row))
        });
        let mut first: HashMap<&str, &ScanRow<'_>> = HashMap::new();
        for row in &rows {
            let known = first.entry(&row.host).or_insert(row);
            if rank(row, client) < rank(known, client) {
                *known = row;
            }
        }
        rows.iter()
            .filter(|row| first.get(&*row.host).map(|it| it.namespace) == Some(row.namespace))
            .cloned()
            .collect()
    }

    /// What is exported to a client on a port.
    fn exported_rows(&self, client: &ScanClient<'_>, port: u16) -> Vec<ScanRow<'_>> {
        let mut rows = Vec::new();
        for entry in &self.service_entries {
            let own = namespace(&entry.metadata);
            if self.exported(&entry.spec.export_to, own, client.namespace) {
                rows.extend(entry_rows(entry, port));
            }
        }
        for service in &self.services {
            let annotations = &service.metadata.annotations;
            let words: Vec<String> = match annotations.get("networking.istio.io/exportTo") {
                Some(list) => list.split(',').map(|word| word.trim().to_owned()).collect(),
                None => Vec::new(),
            };
            let own = namespace(&service.metadata);
            if self.exported(&words, own, client.namespace) {
                rows.extend(service_row(service, port));
            }
        }
        rows
    }

    fn exported(&self, words: &[String], own: &str, client: &str) -> bool {
        let words = match (words, self.service_export_to.as_slice()) {
            ([], []) => return true,
            ([], words) | (words, _) => words,
        };
        has(words, "*")
            || (!has(words, "~") && ((has(words, ".") && own == client) || has(words, client)))
    }
}

fn has(words: &[String], word: &str) -> bool {
    words.iter().any(|other| other == word)
}

/// Its own namespace's before others', then the oldest.
fn rank<'r>(row: &'r ScanRow<'_>, client: &ScanClient<'_>) -> impl Ord + use<'r> {
    (row.namespace != client.namespace, row.age())
}
