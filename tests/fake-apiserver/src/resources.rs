//! What the server knows: resources, their kinds, and the versions they are served in.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};

/// One resource. Objects are kept without a version: the versions of a group say the same here.
#[derive(Debug, PartialEq, Eq)]
pub struct Resource {
    /// `pods`, or `networking.istio.io/serviceentries`: how tests name it.
    pub id: &'static str,
    pub kind: &'static str,
    /// What is served unless a test says otherwise, newest first.
    versions: &'static [&'static str],
    pub namespaced: bool,
    /// Part of Kubernetes; else defined by a CustomResourceDefinition, which is answered for
    /// by other code, with other habits.
    pub builtin: bool,
}

impl Resource {
    /// The API group; empty for the core group.
    pub fn group(&self) -> &'static str {
        self.id.split_once('/').map_or("", |(group, _)| group)
    }

    /// The name in paths.
    pub fn plural(&self) -> &'static str {
        self.id.split_once('/').map_or(self.id, |(_, name)| name)
    }

    /// `v1`, `networking.istio.io/v1`.
    pub(super) fn api_version(&self, version: &str) -> String {
        api_version(self.group(), version)
    }
}

pub(super) fn api_version(group: &str, version: &str) -> String {
    match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    }
}

const fn builtin(id: &'static str, kind: &'static str, namespaced: bool) -> Resource {
    Resource {
        id,
        kind,
        versions: &["v1"],
        namespaced,
        builtin: true,
    }
}

const fn istio(
    id: &'static str,
    kind: &'static str,
    versions: &'static [&'static str],
) -> Resource {
    Resource {
        id,
        kind,
        versions,
        namespaced: true,
        builtin: false,
    }
}

/// The versions in which Istio's networking resources are served since Istio 1.22.
const ALL: &[&str] = &["v1", "v1beta1", "v1alpha3"];

static RESOURCES: [Resource; 18] = [
    builtin("pods", "Pod", true),
    builtin("namespaces", "Namespace", false),
    builtin("configmaps", "ConfigMap", true),
    builtin("services", "Service", true),
    builtin("nodes", "Node", false),
    builtin("secrets", "Secret", true),
    builtin("apps/deployments", "Deployment", true),
    builtin("apps/replicasets", "ReplicaSet", true),
    builtin("apps/statefulsets", "StatefulSet", true),
    builtin("apps/daemonsets", "DaemonSet", true),
    builtin("networking.k8s.io/servicecidrs", "ServiceCIDR", false),
    builtin(
        "admissionregistration.k8s.io/mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        false,
    ),
    istio("networking.istio.io/serviceentries", "ServiceEntry", ALL),
    istio("networking.istio.io/sidecars", "Sidecar", ALL),
    istio("networking.istio.io/virtualservices", "VirtualService", ALL),
    istio(
        "networking.istio.io/destinationrules",
        "DestinationRule",
        ALL,
    ),
    istio("networking.istio.io/gateways", "Gateway", ALL),
    istio(
        "networking.istio.io/proxyconfigs",
        "ProxyConfig",
        &["v1beta1"],
    ),
];

pub(super) fn all() -> impl Iterator<Item = &'static Resource> {
    RESOURCES.iter()
}

/// The resource that a test means.
pub(super) fn by_id(id: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| resource.id == id)
}

/// The same; an error for one that there is not.
pub(super) fn known(id: &str) -> Result<&'static Resource> {
    by_id(id).with_context(|| format!("the API server knows no resource {id}"))
}

/// The resource of an object, whatever version it is written in.
pub(super) fn by_kind(api_version: &str, kind: &str) -> Option<&'static Resource> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    RESOURCES
        .iter()
        .find(|resource| resource.kind == kind && resource.group() == group)
}

/// What is there now: tests take resources and versions away.
#[derive(Clone, Debug, Default)]
pub(super) struct Served {
    versions: BTreeMap<String, Vec<String>>,
    removed: BTreeSet<&'static str>,
}

/// What a path's group, version and plural stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Resource(&'static Resource),
    /// The group is there, and Kubernetes' own: its code answers.
    NoSuchResource,
    /// Nobody answers for the path.
    NoSuchPath,
}

impl Served {
    /// Serves these versions of a group and no others.
    pub(super) fn set_versions(&mut self, group: &str, versions: &[&str]) {
        let versions = versions.iter().map(|&version| version.to_owned()).collect();
        self.versions.insert(group.to_owned(), versions);
    }

    pub(super) fn remove(&mut self, resource: &'static Resource) {
        self.removed.insert(resource.id);
    }

    pub(super) fn restore(&mut self, resource: &'static Resource) {
        self.removed.remove(resource.id);
    }

    pub(super) fn find(&self, group: &str, version: &str, plural: &str) -> Found {
        let mut of_version = self.of_version(group, version).peekable();
        let builtin = of_version.peek().is_some_and(|resource| resource.builtin);
        match of_version.find(|resource| resource.plural() == plural) {
            Some(resource) => Found::Resource(resource),
            None if builtin => Found::NoSuchResource,
            None => Found::NoSuchPath,
        }
    }

    /// What is served in a version of a group.
    pub(super) fn of_version<'a>(
        &'a self,
        group: &'a str,
        version: &'a str,
    ) -> impl Iterator<Item = &'static Resource> + 'a {
        RESOURCES.iter().filter(move |resource| {
            resource.group() == group
                && !self.removed.contains(resource.id)
                && self.versions_of(resource).any(|served| served == version)
        })
    }

    /// Named groups and their versions, in the order of preference.
    pub(super) fn groups(&self) -> BTreeMap<&'static str, Vec<&str>> {
        let mut groups: BTreeMap<&'static str, Vec<&str>> = BTreeMap::new();
        for resource in RESOURCES
            .iter()
            .filter(|resource| !resource.group().is_empty())
        {
            if self.removed.contains(resource.id) {
                continue;
            }
            let versions = groups.entry(resource.group()).or_default();
            for version in self.versions_of(resource) {
                if !versions.contains(&version) {
                    versions.push(version);
                }
            }
        }
        groups.retain(|_, versions| !versions.is_empty());
        groups
    }

    /// A resource is in no version that it never had.
    fn versions_of<'a>(&'a self, resource: &'static Resource) -> impl Iterator<Item = &'a str> {
        let wanted = self.versions.get(resource.group());
        resource.versions.iter().copied().filter(move |version| {
            wanted.is_none_or(|wanted| wanted.iter().any(|wanted| wanted == version))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "networking.istio.io";

    fn is_served(served: &Served, version: &str, plural: &str) -> bool {
        matches!(served.find(GROUP, version, plural), Found::Resource(_))
    }

    #[test]
    fn versions_that_are_taken_away_are_not_found() {
        let mut served = Served::default();
        assert!(is_served(&served, "v1", "sidecars"));
        served.set_versions(GROUP, &["v1beta1", "v1alpha3"]);
        assert!(!is_served(&served, "v1", "sidecars"));
        assert!(is_served(&served, "v1alpha3", "sidecars"));
        assert!(!is_served(&served, "v1alpha3", "proxyconfigs"));
        assert_eq!(served.groups()[GROUP], ["v1beta1", "v1alpha3"]);
    }

    #[test]
    fn who_answers_for_a_missing_resource_depends_on_its_group() {
        let mut served = Served::default();
        let cidrs = by_id("networking.k8s.io/servicecidrs").unwrap();
        served.remove(cidrs);
        // The only resource of the group in the table: nobody is left to answer.
        assert_eq!(served.find("", "v1", "nothing"), Found::NoSuchResource);
        assert_eq!(served.find(GROUP, "v1", "nothing"), Found::NoSuchPath);
        served.restore(cidrs);
        assert_eq!(
            served.find("networking.k8s.io", "v1", "servicecidrs"),
            Found::Resource(cidrs)
        );
    }
}
