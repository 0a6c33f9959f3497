//! The rules that the CNI plugin makes of annotations (`cni/pkg/plugin/sidecar_redirect.go`).

use std::collections::BTreeMap;

use super::{
    annotations::validate_for_cni,
    names::{EXCLUDE, EXCLUDE_PORTS, INCLUDE, INCLUDE_PORTS, INTERFACES, TRAFFIC},
    setup::{Membership, Setup},
};
use crate::rules::{
    Backend, CaptureConfig, DnsCapture, ListError, Ports, Ranges, Release, RuleSetting, Version,
    elements,
};

/// `CniPlugin` is what the CNI plugin makes rules from, besides annotations.
pub(super) struct CniPlugin {
    pub(super) version: Option<Version>,
    pub(super) release: Option<Release>,
    pub(super) backend: Backend,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) dns: bool,
    pub(super) ipv6: bool,
}

impl CniPlugin {
    /// What it makes of annotations, with its own defaults: one that is there counts even if empty,
    /// and one that cannot be read keeps the pod from starting, which is the error. Its ports are
    /// fixed; it captures all DNS or none, and none before 1.11.
    pub(super) fn setup(
        &self,
        annotations: &BTreeMap<String, String>,
        source: String,
    ) -> Result<Setup, String> {
        let mut read = Annotations {
            annotations,
            version: self.version,
            origins: Vec::new(),
        };
        let include = read.text(INCLUDE, "*", RuleSetting::Include)?;
        let exclude = read.text(EXCLUDE, "", RuleSetting::Exclude)?;
        let include_ports = read.text(INCLUDE_PORTS, "", RuleSetting::IncludePorts)?;
        let exclude_ports = read.text(EXCLUDE_PORTS, "15020", RuleSetting::ExcludePorts)?;
        let interfaces = read.text(INTERFACES, "", RuleSetting::Interfaces)?;
        let origins = read.origins;
        let [include_ports, interfaces] = self.known(include_ports, interfaces);
        let config = CaptureConfig {
            version: self.version,
            backend: self.backend,
            ipv6: self.ipv6,
            proxy_uids: vec![self.id(self.uid)],
            proxy_gids: vec![self.id(self.gid)],
            exclude_interfaces: elements(interfaces).map(str::to_owned).collect(),
            exclude_ports: self.ports(exclude_ports)?,
            dns: (self.dns && self.since(11)).then_some(DnsCapture::All),
            include_ports: self.ports(include_ports)?,
            exclude: self.ranges(exclude)?,
            include: self.ranges(include)?,
            ..CaptureConfig::default()
        };
        Ok(Setup {
            origins,
            ..Setup::new(Membership::Sidecar(Box::new(config)), source)
        })
    }

    /// Whether the plugin is of this minor version or a later one.
    fn since(&self, minor: u16) -> bool {
        self.version.is_none_or(|version| version >= Version(minor))
    }

    /// Included ports count from 1.12.5, 1.13.2 and 1.14 on, devices from 1.17 on.
    fn known<'a>(&self, include_ports: &'a str, interfaces: &'a str) -> [&'a str; 2] {
        let reads_ports = self.release.is_none_or(|release| {
            let first = match release {
                Release(..=12, _) => Release(12, 5),
                _ => Release(13, 2),
            };
            release >= first
        });
        [(reads_ports, include_ports), (self.since(17), interfaces)]
            .map(|(counts, text)| if counts { text } else { "" })
    }

    /// The user or group of the proxy's container counts from 1.19 on.
    fn id(&self, id: Option<u32>) -> u32 {
        id.filter(|id| *id != 0 && self.since(19)).unwrap_or(1337)
    }

    /// What the plugin has accepted, the rules accept.
    fn ranges(&self, text: &str) -> Result<Ranges, String> {
        let read = Ranges::parse(text, self.version);
        read.map(|(ranges, _)| ranges).map_err(problem)
    }

    fn ports(&self, text: &str) -> Result<Ports, String> {
        Ports::parse(text, self.backend).map_err(problem)
    }
}

fn problem(error: ListError) -> String {
    error.to_string()
}

/// Annotations, and where each setting comes from.
struct Annotations<'a> {
    annotations: &'a BTreeMap<String, String>,
    version: Option<Version>,
    origins: Vec<(RuleSetting, String)>,
}

impl<'a> Annotations<'a> {
    fn text(
        &mut self,
        name: &str,
        default: &'a str,
        setting: RuleSetting,
    ) -> Result<&'a str, String> {
        let key = format!("{TRAFFIC}{name}");
        let Some(text) = self.annotations.get(&key) else {
            let origin = format!("no annotation {key}: the CNI plugin's default {default:?}");
            self.origins.push((setting, origin));
            return Ok(default);
        };
        let origin = format!("annotation {key} {text:?}");
        self.origins.push((setting, origin));
        validate_for_cni(name, text, self.version)
            .map_err(|problem| format!("annotation {key}: {problem}"))?;
        Ok(text)
    }
}
