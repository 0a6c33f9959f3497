//! Where a kind is served, as the client has it.

use kube::core::ApiResource;

use egress_observer_istio::objects::kinds::Kind;

/// The API of a kind in a version.
pub(super) fn api_resource(kind: Kind, version: &str) -> ApiResource {
    let group = group(kind);
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: match group {
            "" => version.to_owned(),
            _ => format!("{group}/{version}"),
        },
        kind: kind.as_str().to_owned(),
        plural: kind.plural().to_owned(),
    }
}

/// The API group to ask for a kind.
pub(super) fn group(kind: Kind) -> &'static str {
    kind.facts().groups.first().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_asked_for_where_they_are_served() {
        let pods = api_resource(Kind::Pod, "v1");
        assert_eq!((&*pods.api_version, &*pods.plural), ("v1", "pods"));
        let entries = api_resource(Kind::ServiceEntry, "v1beta1");
        assert_eq!(entries.api_version, "networking.istio.io/v1beta1");
        assert_eq!(
            (&*entries.kind, &*entries.group),
            ("ServiceEntry", "networking.istio.io")
        );
    }
}
