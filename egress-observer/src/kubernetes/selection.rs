//! Which objects of a kind are watched.

use std::fmt;

/// Which objects of a kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    pub(super) namespace: Option<String>,
    pub(super) fields: Option<String>,
    pub(super) labels: Option<String>,
}

impl Selection {
    pub(super) fn fields(selector: String) -> Self {
        Self {
            fields: Some(selector),
            ..Self::default()
        }
    }

    pub(super) fn in_namespace(self, namespace: &str) -> Self {
        Self {
            namespace: Some(namespace.to_owned()),
            ..self
        }
    }

    pub(super) fn labels(selector: &str) -> Self {
        Self {
            labels: Some(selector.to_owned()),
            ..Self::default()
        }
    }
}

/// For people, behind the name of a resource.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, " in {namespace}")?;
        }
        for selector in self.fields.iter().chain(&self.labels) {
            write!(f, " with {selector}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_reads_well_behind_its_resource() {
        let selection = Selection::fields("metadata.name=istio".to_owned());
        let selection = selection.in_namespace("istio-system");
        assert_eq!(
            format!("configmaps{selection}"),
            "configmaps in istio-system with metadata.name=istio"
        );
    }
}
