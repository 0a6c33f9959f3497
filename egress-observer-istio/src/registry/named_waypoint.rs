//! The waypoint that labels name.

use std::{collections::BTreeMap, sync::Arc};

const USE: &str = "istio.io/use-waypoint";
/// Since 1.23.
const USE_NAMESPACE: &str = "istio.io/use-waypoint-namespace";
/// What istiod itself puts on the Services of gateways that it makes.
const MANAGED: &str = "gateway.istio.io/managed";
const GATEWAYS: [&str; 2] = ["istio.io-mesh-controller", "istio.io-eastwest-controller"];
/// The waypoint that labels name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum NamedWaypoint {
    /// They say nothing: those of the namespace count.
    #[default]
    Unsaid,
    /// They want none, or the object belongs to a waypoint itself.
    Refused,
    /// This one.
    Named {
        /// Its namespace, where a label says that.
        namespace: Option<Arc<str>>,
        /// Its name.
        name: Arc<str>,
    },
}

impl NamedWaypoint {
    /// By the labels of a Service, a ServiceEntry or a Namespace (`getUseWaypoint`,
    /// `fetchWaypointForService` in `pilot/pkg/serviceregistry/ambient/waypoints.go`).
    pub(super) fn of(labels: &BTreeMap<String, String>) -> Self {
        let managed = labels.get(MANAGED).map(String::as_str);
        match labels.get(USE).map(String::as_str) {
            _ if managed.is_some_and(|own| GATEWAYS.contains(&own)) => Self::Refused,
            None => Self::Unsaid,
            Some("none") => Self::Refused,
            Some(name) => Self::Named {
                namespace: labels.get(USE_NAMESPACE).map(|own| own.as_str().into()),
                name: name.into(),
            },
        }
    }
}
