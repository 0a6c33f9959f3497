//! Which objects of a kind are watched.

use std::fmt;

use egress_observer_istio::objects::name::ObjectName;

const BY_NAME: &str = "metadata.name=";

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

    /// The object of a namespace that is called so.
    pub(super) fn named(namespace: &str, name: &str) -> Self {
        Self::fields(format!("{BY_NAME}{name}")).in_namespace(namespace)
    }

    /// The one object that it selects, if it selects by name.
    pub(super) fn only(&self) -> Option<ObjectName> {
        let name = self.fields.as_ref()?.strip_prefix(BY_NAME)?;
        Some(ObjectName {
            namespace: self.namespace.clone()?,
            name: name.to_owned(),
        })
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
        let selection = Selection::named("istio-system", "istio");
        let only = selection.only().unwrap();
        assert_eq!(only.to_string(), "istio-system/istio");
        assert_eq!(
            format!("configmaps{selection}"),
            "configmaps in istio-system with metadata.name=istio"
        );
    }
}
