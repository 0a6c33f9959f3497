//! Services with some of their ports (`serviceMatchingListenerPort`, `serviceMatchingVirtualServicePorts`).

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::service::Service;

/// With one port alone; nothing if it has not got that port.
pub(super) fn only(service: &Rc<Service>, number: u16) -> Option<Rc<Service>> {
    let port = service.ports.iter().find(|port| port.number == number)?;
    if service.ports.len() == 1 {
        return Some(Rc::clone(service));
    }
    let mut trimmed = Service::clone(service);
    trimmed.ports = vec![port.clone()];
    Some(Rc::new(trimmed))
}

/// With those ports, all of them if one of the numbers is 0; nothing if it has none of them.
pub(super) fn those(service: &Rc<Service>, numbers: &BTreeSet<u16>) -> Option<Rc<Service>> {
    if numbers.is_empty() || numbers.contains(&0) {
        return Some(Rc::clone(service));
    }
    let ports: Vec<_> = service
        .ports
        .iter()
        .filter(|port| numbers.contains(&port.number))
        .cloned()
        .collect();
    if ports.is_empty() {
        return None;
    }
    if ports.len() == service.ports.len() {
        return Some(Rc::clone(service));
    }
    let mut trimmed = Service::clone(service);
    trimmed.ports = ports;
    Some(Rc::new(trimmed))
}
