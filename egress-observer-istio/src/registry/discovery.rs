//! Which namespaces istiod looks at.

use std::collections::{BTreeMap, HashMap};

use crate::mesh::LabelSelector;

/// The label that every namespace has its own name in.
const NAME: &str = "kubernetes.io/metadata.name";

/// `discoverySelectors` of the mesh's configuration: istiod looks at the namespaces that any of them
/// selects, at all if there are none (`pkg/kube/namespace/filter.go`). What is in others does not
/// exist for it: Services always, Istio's own objects since 1.22.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    /// The selectors.
    pub selectors: Vec<LabelSelector>,
    /// The labels of the namespaces that are known.
    pub labels: HashMap<String, BTreeMap<String, String>>,
}

impl Discovery {
    /// Whether istiod looks at a namespace. Of one that no object describes, only the name is known:
    /// it is left out where a selector is about nothing else.
    pub(super) fn includes(&self, namespace: &str) -> bool {
        if self.selectors.is_empty() {
            return true;
        }
        let name = BTreeMap::from([(NAME.to_owned(), namespace.to_owned())]);
        let labels = self.labels.get(namespace);
        self.selectors.iter().any(|selector| {
            selector.is_empty()
                || match labels {
                    Some(labels) if labels.contains_key(NAME) => selector.selects(labels),
                    Some(labels) => {
                        selector.selects(&labels.clone().into_iter().chain(name.clone()).collect())
                    }
                    None => selector.keys().any(|key| key != NAME) || selector.selects(&name),
                }
        })
    }
}
