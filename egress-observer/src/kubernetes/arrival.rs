//! An object as it arrives: read at once, as far as we read it, so that no other part of it is
//! kept. One that cannot be read is an arrival too: it must not stop the rest.

use std::{borrow::Cow, fmt::Debug};

use kube::core::{ApiResource, DynamicResourceScope, ObjectMeta, Resource};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use egress_observer_istio::objects::{
    fields::{FieldError, metadata_text, read_value},
    kinds::{OneKind, Watched},
    name::ObjectName,
};

/// An object of a kind, or what is wrong with it.
#[derive(Clone, Debug)]
pub(super) struct Arrival<K> {
    metadata: ObjectMeta,
    pub(super) object: Result<K, FieldError>,
}

impl<K> Arrival<K> {
    pub(super) fn name(&self) -> ObjectName {
        ObjectName {
            namespace: self.metadata.namespace.clone().unwrap_or_default(),
            name: self.metadata.name.clone().unwrap_or_default(),
        }
    }

    /// `metadata.resourceVersion`.
    pub(super) fn version(&self) -> Option<&str> {
        let version = self.metadata.resource_version.as_deref();
        version.filter(|version| !version.is_empty())
    }
}

impl<'de, K: OneKind> Deserialize<'de> for Arrival<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let metadata = ObjectMeta {
            name: Some(metadata_text(&value, "name").to_owned()),
            namespace: Some(metadata_text(&value, "namespace").to_owned()),
            resource_version: Some(metadata_text(&value, "resourceVersion").to_owned()),
            ..ObjectMeta::default()
        };
        let object = read_value::<K>(value).map(K::trimmed);
        Ok(Self { metadata, object })
    }
}

impl<K: OneKind> Resource for Arrival<K> {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(of: &ApiResource) -> Cow<'_, str> {
        of.kind.as_str().into()
    }

    fn group(of: &ApiResource) -> Cow<'_, str> {
        of.group.as_str().into()
    }

    fn version(of: &ApiResource) -> Cow<'_, str> {
        of.version.as_str().into()
    }

    fn plural(of: &ApiResource) -> Cow<'_, str> {
        of.plural.as_str().into()
    }

    fn metadata_api() -> bool {
        K::KIND.facts().watched == Watched::Metadata
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use kube::core::{ObjectList, WatchEvent};

    use super::*;
    use egress_observer_istio::objects;

    #[test]
    fn a_bad_object_does_not_spoil_its_list() {
        let list = r#"{"kind": "ServiceEntryList", "apiVersion": "networking.istio.io/v1",
            "metadata": {"resourceVersion": "7"}, "items": [
              {"metadata": {"name": "good", "namespace": "shop"}, "spec": {"hosts": ["a.test"]}},
              {"metadata": {"name": "bad", "namespace": "shop"}, "spec": {"hosts": "a.test"}},
              {"metadata": {"name": "nulls", "namespace": "shop"},
               "spec": {"hosts": ["b.test"], "ports": null}}]}"#;
        let list: ObjectList<Arrival<objects::ServiceEntryObject>> =
            serde_json::from_str(list).unwrap();
        let read: Vec<_> = list
            .items
            .iter()
            .map(|arrival| (arrival.name().name, arrival.object.is_ok()))
            .collect();
        let expected = [("good", true), ("bad", false), ("nulls", true)];
        assert_eq!(read, expected.map(|(name, ok)| (name.to_owned(), ok)));
        let problem = list.items[1].object.as_ref().unwrap_err();
        assert_eq!(problem.field, "spec.hosts");
    }

    #[test]
    fn pods_keep_only_what_is_read() {
        let pod = r#"{"type": "ADDED", "object": {"kind": "Pod", "metadata": {"name": "a",
            "resourceVersion": "9", "managedFields": [{"manager": "kubelet"}],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "own": "x"}},
            "spec": {"containers": [
              {"name": "app", "image": "a", "args": ["x"], "env": [{"name": "A", "value": "1"}]},
              {"name": "istio-proxy", "image": "b", "args": ["proxy"]}]}}}"#;
        let event: WatchEvent<Arrival<objects::PodObject>> = serde_json::from_str(pod).unwrap();
        let WatchEvent::Added(arrival) = event else {
            panic!("{event:?}")
        };
        assert_eq!(arrival.version(), Some("9"));
        let pod = arrival.object.unwrap();
        assert_eq!(pod.metadata.annotations.keys().collect::<Vec<_>>(), ["own"]);
        let [app, proxy] = &pod.spec.containers[..] else {
            panic!("{pod:?}")
        };
        assert!(app.env.is_empty() && app.args.is_empty() && app.image.is_empty());
        assert_eq!((&*proxy.image, &*proxy.args[0]), ("b", "proxy"));
    }
    #[test]
    fn services_keep_only_what_is_read() {
        let service = r#"{"type": "ADDED", "object": {"kind": "Service", "metadata": {"name": "a",
            "namespace": "shop", "uid": "u", "creationTimestamp": "2026-01-05T08:00:00Z",
            "labels": {"app": "a"}, "annotations": {"networking.istio.io/exportTo": ".",
              "kubectl.kubernetes.io/last-applied-configuration": "{}"},
            "ownerReferences": [{"kind": "Gateway", "name": "a"}]},
            "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.20", "clusterIPs": ["10.96.0.20"],
              "selector": {"app": "a"}, "sessionAffinity": "None", "ports": [{"port": 80}]},
            "status": {"loadBalancer": {}}}}"#;
        let event: WatchEvent<Arrival<objects::ServiceObject>> =
            serde_json::from_str(service).unwrap();
        let WatchEvent::Added(arrival) = event else {
            panic!("{event:?}")
        };
        let objects::ServiceObject { metadata, spec } = arrival.object.unwrap();
        let annotations: Vec<_> = metadata.annotations.into_iter().collect();
        let exported = ("networking.istio.io/exportTo".to_owned(), ".".to_owned());
        assert_eq!(annotations, [exported]);
        assert!(metadata.uid.is_empty() && metadata.owner_references.is_empty());
        assert_eq!((&*metadata.name, &*metadata.namespace), ("a", "shop"));
        assert_eq!(metadata.creation_timestamp, "2026-01-05T08:00:00Z");
        assert_eq!((metadata.labels.len(), spec.selector.len()), (1, 1));
        assert_eq!((spec.cluster_ips.len(), spec.ports[0].port), (1, 80));
    }

    #[test]
    fn of_istiod_only_the_variables_that_are_read_are_kept() {
        let deployment = r#"{"type": "ADDED", "object": {"metadata": {"name": "istiod",
            "namespace": "istio-system", "resourceVersion": "9",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}},
            "spec": {"replicas": 2, "template": {
              "metadata": {"labels": {"istio.io/rev": "a", "app": "istiod"}},
              "spec": {"containers": [
                {"name": "discovery", "image": "pilot", "args": ["discovery"], "env": [
                  {"name": "REVISION", "value": "a"}, {"name": "TOKEN", "value": "secret"},
                  {"name": "SHARED_MESH_CONFIG", "value": "our"}]},
                {"name": "other", "env": [{"name": "TOKEN", "value": "secret"}]}]}}}}}"#;
        let event: WatchEvent<Arrival<objects::istiod::IstiodDeployment>> =
            serde_json::from_str(deployment).unwrap();
        let WatchEvent::Added(arrival) = event else {
            panic!("{event:?}")
        };
        let object = arrival.object.unwrap().object();
        let objects::Object::Workload(workload) = &object else {
            panic!("{object:?}")
        };
        assert_eq!(object.kind(), objects::Kind::Deployment);
        let [discovery, other] = &workload.template().unwrap().spec.containers[..] else {
            panic!("{workload:?}")
        };
        let names: Vec<_> = discovery.env.iter().map(|entry| &*entry.name).collect();
        assert_eq!(names, ["REVISION", "SHARED_MESH_CONFIG"]);
        assert!(discovery.image.is_empty() && other.env.is_empty());
        assert!(workload.metadata.annotations.is_empty());
    }
}
