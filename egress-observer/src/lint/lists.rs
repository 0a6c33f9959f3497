//! The four lists of ranges and ports that decide what is captured, as they count together in one
//! place.

use super::{
    code::LintCode,
    finding::{LintFinding, ObjectPlace},
    list::List,
};
use egress_observer_istio::rules::{Backend, CaptureConfig, PortRange, Ports, Ranges, Version};

/// The lists that count together.
pub(super) struct CaptureLists<'a> {
    pub(super) place: ObjectPlace,
    pub(super) origin: ListOrigin,
    /// Whom they are for, as words.
    pub(super) whom: String,
    pub(super) include: List<'a>,
    pub(super) exclude: List<'a>,
    pub(super) include_ports: List<'a>,
    pub(super) exclude_ports: List<'a>,
    /// The version that reads them, if it is known.
    pub(super) version: Option<Version>,
    pub(super) backend: Backend,
    /// Whether the CNI plugin makes the rules.
    pub(super) cni: bool,
}

/// Where lists stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListOrigin {
    /// The injector's values.
    Mesh,
    /// Annotations; some lists may come from the values.
    Annotations,
    /// The arguments of `istio-init`.
    Arguments,
}

impl<'a> CaptureLists<'a> {
    /// A fault of a list.
    pub(super) fn finding(
        &self,
        code: LintCode,
        list: &List<'_>,
        value: impl ToString,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> LintFinding {
        self.place.finding(code, &*list.field, value, message, fix)
    }

    /// Rules that are made from these, as far as they are read.
    pub(super) fn config(&self) -> CaptureConfig {
        // An empty value of the mesh is no annotation, and the CNI plugin's default is `*`.
        let of_mesh = self.origin == ListOrigin::Mesh || !self.include.own;
        let by_default = self.cni && of_mesh && self.include.text.is_empty();
        CaptureConfig {
            version: self.version.or(Some(Version::CURRENT)),
            backend: self.backend,
            include: if self.include.is_star() || by_default {
                Ranges::all()
            } else {
                self.include.ranges().into_iter().collect()
            },
            exclude: self.exclude.ranges().into_iter().collect(),
            include_ports: self.ports_of(&self.include_ports),
            exclude_ports: self.ports_of(&self.exclude_ports),
            ..CaptureConfig::default()
        }
    }

    fn ports_of(&self, list: &List<'a>) -> Ports {
        let ports = self.read_ports(list).into_iter();
        ports.map(|(_, ports)| ports).collect()
    }

    /// Elements that are read as ports.
    pub(super) fn read_ports(&self, list: &List<'a>) -> Vec<(&'a str, PortRange)> {
        let ports = list.ports(self.backend).into_iter();
        ports
            .filter_map(|(text, ports)| Some((text, ports?)))
            .collect()
    }

    pub(super) fn all(&self) -> [&List<'a>; 4] {
        [
            &self.include,
            &self.exclude,
            &self.include_ports,
            &self.exclude_ports,
        ]
    }
}
