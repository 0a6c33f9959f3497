//! Which groups, versions and resources there are, and whether the server is well.

use serde_json::{Value, json};

use super::resources::{Resource, Served, api_version};

/// What a path that names no resource answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Json(Value),
    Text(&'static str),
    NotFound,
}

pub(super) fn answer(path: &str, served: &Served) -> Answer {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let found = match parts[..] {
        ["livez" | "readyz" | "healthz", ..] => return Answer::Text("ok"),
        ["version"] => Some(json!({
            "major": "1", "minor": "36", "gitVersion": "v1.36.0", "platform": "linux/amd64",
        })),
        ["api"] => Some(json!({"kind": "APIVersions", "versions": ["v1"]})),
        ["api", version] => resources(served, "", version),
        ["apis"] => Some(groups(served)),
        ["apis", group] => {
            let groups = served.groups();
            let versions = groups.get(group);
            versions.map(|versions| {
                let mut found = api_group(group, versions);
                found["kind"] = json!("APIGroup");
                found["apiVersion"] = json!("v1");
                found
            })
        }
        ["apis", group, version] => resources(served, group, version),
        _ => None,
    };
    found.map_or(Answer::NotFound, Answer::Json)
}

fn groups(served: &Served) -> Value {
    let groups = served.groups();
    let groups = groups
        .iter()
        .map(|(group, versions)| api_group(group, versions));
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups.collect::<Vec<_>>()})
}

fn api_group(group: &str, versions: &[&str]) -> Value {
    let versions = versions
        .iter()
        .map(|version| json!({"groupVersion": api_version(group, version), "version": version}));
    let versions: Vec<Value> = versions.collect();
    json!({"name": group, "preferredVersion": versions[0], "versions": versions})
}

fn resources(served: &Served, group: &str, version: &str) -> Option<Value> {
    let resources: Vec<Value> = served.of_version(group, version).map(resource).collect();
    (!resources.is_empty()).then(|| {
        json!({
            "kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": api_version(group, version), "resources": resources,
        })
    })
}

fn resource(resource: &'static Resource) -> Value {
    json!({
        "name": resource.plural(), "singularName": resource.kind.to_lowercase(),
        "namespaced": resource.namespaced, "kind": resource.kind,
        "verbs": ["get", "list", "watch"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discovery_follows_what_is_served() {
        let mut served = Served::default();
        served.set_versions("networking.istio.io", &["v1alpha3"]);
        let Answer::Json(group) = answer("/apis/networking.istio.io", &served) else {
            panic!("the group is there");
        };
        assert_eq!(group["preferredVersion"]["version"], "v1alpha3");
        assert_eq!(
            answer("/apis/networking.istio.io/v1", &served),
            Answer::NotFound
        );
        served.set_versions("networking.istio.io", &[]);
        assert_eq!(
            answer("/apis/networking.istio.io", &served),
            Answer::NotFound
        );
        assert_eq!(answer("/readyz", &served), Answer::Text("ok"));
    }
}
