//! Which waypoint ztunnel sends the connections to a Service or a ServiceEntry through.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::Deserialize as _;

use super::{
    host_entry::RegistryEntry,
    named_waypoint::NamedWaypoint,
    object_ref::{ObjectKind, ObjectRef},
};
use crate::{mesh::LabelSelector, objects};

const FOR: &str = "istio.io/waypoint-for";
/// The class that Istio makes, which has no word of its own about what its waypoints are for.
const CLASS: &str = "istio-waypoint";

type Labels = BTreeMap<String, String>;

/// What there is to say of the waypoint of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WaypointUse<'r> {
    /// There is none: ztunnel goes to the endpoints itself.
    Direct,
    /// It goes through this Gateway.
    Through(&'r ObjectRef),
    /// Labels name one, and the Gateway, or its status, is not given.
    Untold,
}

/// A Gateway that may be a waypoint.
#[derive(Clone, Debug)]
struct Waypoint {
    object: ObjectRef,
    /// Whether it has an address, if that is known.
    is_ready: Option<bool>,
    /// Whether it takes what goes to Services, if that is known.
    takes_services: Option<bool>,
    admits: Admitted,
}

/// Whose Services a waypoint may take.
#[derive(Clone, Debug)]
enum Admitted {
    All,
    Same,
    Selected(LabelSelector),
}

/// The Gateways, and the namespaces whose labels name them.
#[derive(Clone, Debug, Default)]
pub(super) struct Waypoints {
    /// By namespace and name.
    gateways: BTreeMap<(Arc<str>, Arc<str>), Waypoint>,
    namespaces: HashMap<String, Labels>,
}

impl Waypoints {
    /// Takes a Gateway in, in place of an earlier state of it.
    pub(super) fn set(&mut self, object: &objects::Gateway) {
        let waypoint = Waypoint::of(object);
        let key = waypoint.object.key();
        self.gateways.insert(key, waypoint);
    }

    /// Forgets a Gateway. Whether there was one.
    pub(super) fn remove(&mut self, namespace: &str, name: &str) -> bool {
        let key = ObjectRef::new(ObjectKind::Gateway, namespace, name).key();
        self.gateways.remove(&key).is_some()
    }

    /// Takes the labels of all namespaces in.
    pub(super) fn set_namespaces(&mut self, namespaces: HashMap<String, Labels>) {
        self.namespaces = namespaces;
    }

    /// The waypoint of an entry, for an istiod that is, or is not, of 1.23 or later: the entry's own
    /// label before that of its namespace. One that is not there, has no address yet, does not admit the
    /// namespace or is not for Services is left out, and ztunnel goes without (`fetchWaypointForTarget`,
    /// `fetchWaypointForService`, `gatewayToWaypointTransform`). A cluster whose labels name waypoints has
    /// Gateways: without any, none were given.
    pub(super) fn of(&self, entry: &RegistryEntry, is_since_23: bool) -> WaypointUse<'_> {
        let own = &entry.object.namespace;
        let labels = self.namespaces.get(&**own);
        let said = match &entry.waypoint {
            NamedWaypoint::Unsaid => labels.map(NamedWaypoint::of).unwrap_or_default(),
            said @ (NamedWaypoint::Refused | NamedWaypoint::Named { .. }) => said.clone(),
        };
        let NamedWaypoint::Named { namespace, name } = said else {
            return WaypointUse::Direct;
        };
        let namespace = namespace.filter(|_| is_since_23);
        let key = (namespace.unwrap_or_else(|| Arc::clone(own)), name);
        match self.gateways.get(&key) {
            None if self.gateways.is_empty() => WaypointUse::Untold,
            None => WaypointUse::Direct,
            Some(waypoint) => waypoint.takes(own, labels, is_since_23),
        }
    }
}

impl Waypoint {
    fn of(object: &objects::Gateway) -> Self {
        let objects::Gateway {
            metadata,
            spec,
            status,
        } = object;
        let addresses = status.as_ref().map(|status| &status.addresses);
        Self {
            object: ObjectRef::new(ObjectKind::Gateway, &metadata.namespace, &metadata.name),
            is_ready: addresses.map(|all| all.iter().any(objects::GatewayAddress::is_known)),
            takes_services: match metadata.labels.get(FOR) {
                Some(word) => Some(["service", "all"].contains(&word.as_str())),
                None => (spec.gateway_class_name == CLASS).then_some(true),
            },
            admits: Admitted::by(&spec.listeners),
        }
    }

    /// Whether it takes what goes to an entry of a namespace. Up to 1.22 it takes that of all.
    fn takes(&self, own: &str, labels: Option<&Labels>, is_since_23: bool) -> WaypointUse<'_> {
        let admitted = match &self.admits {
            _ if !is_since_23 => Some(true),
            Admitted::All => Some(true),
            Admitted::Same => Some(*self.object.namespace == *own),
            Admitted::Selected(selector) => labels.map(|labels| selector.selects(labels)),
        };
        let conditions = [self.is_ready, self.takes_services, admitted];
        if conditions.contains(&Some(false)) {
            WaypointUse::Direct
        } else if conditions.contains(&None) {
            WaypointUse::Untold
        } else {
            WaypointUse::Through(&self.object)
        }
    }
}

impl Admitted {
    /// By the listener that ztunnel talks to; its own namespace alone where nothing is said
    /// (`makeAllowedRoutes`).
    fn by(listeners: &[objects::GatewayListener]) -> Self {
        let mut all = listeners.iter();
        let hbone = all.find(|it| it.protocol == "HBONE" && it.port == 15_008);
        let Some(namespaces) = hbone.map(|it| &it.allowed_routes.namespaces) else {
            return Self::Same;
        };
        match namespaces.from.as_str() {
            "All" => Self::All,
            "Selector" => {
                let selector = LabelSelector::deserialize(&namespaces.selector);
                let selector = selector.unwrap_or_default();
                if selector.is_empty() && namespaces.selector.is_object() {
                    Self::All
                } else {
                    Self::Selected(selector)
                }
            }
            _ => Self::Same,
        }
    }
}
