//! One list of ranges or ports, as it is written.

use ipnet::IpNet;

use egress_observer_istio::rules::{Backend, PortRange, Ports, elements, prefix};

/// One list.
#[derive(Clone)]
pub(super) struct List<'a> {
    /// As in the annotation.
    pub(super) name: &'static str,
    pub(super) text: &'a str,
    pub(super) field: String,
    /// Whether it stands in this place, and not in another one that counts here, too.
    pub(super) own: bool,
}

impl<'a> List<'a> {
    /// The list, if it stands in this place.
    pub(super) fn if_own(&self) -> Option<&Self> {
        self.own.then_some(self)
    }

    pub(super) fn is_star(&self) -> bool {
        self.text == "*"
    }

    /// What stands between commas, and the range that Istio reads from it.
    pub(super) fn elements(&self) -> impl Iterator<Item = (&'a str, Option<IpNet>)> + use<'a> {
        let star = self.is_star();
        let all = elements(self.text).map(|text| (text, prefix(text)));
        all.filter(move |_| !star)
    }

    /// Every range that Istio reads.
    pub(super) fn ranges(&self) -> Vec<IpNet> {
        self.elements().filter_map(|(_, range)| range).collect()
    }

    /// What stands between commas, and the ports that are read from it.
    pub(super) fn ports(&self, backend: Backend) -> Vec<(&'a str, Option<PortRange>)> {
        elements(self.text)
            .map(|text| (text, port_range(text, backend)))
            .collect()
    }
}

fn port_range(text: &str, backend: Backend) -> Option<PortRange> {
    Ports::parse(text, backend).ok()?.list().first().cloned()
}

/// Whether ranges together hold one.
pub(super) fn together_hold(ranges: &[IpNet], inner: &IpNet) -> bool {
    let merged = IpNet::aggregate(&ranges.iter().map(IpNet::trunc).collect());
    merged.iter().any(|range| range.contains(inner))
}
