//! What all routes of a client are made with.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::mesh::Client;
use crate::order::Order;
use crate::service::Service;
use crate::sidecar::Scope;

/// What routes are made with.
pub(super) struct RoutesMaking<'a> {
    pub(super) client: &'a Client,
    pub(super) scope: &'a Scope,
    pub(super) order: Order,
}

/// The services of a port by host, as the routes need them.
pub(super) type ByHost = BTreeMap<String, Rc<Service>>;
