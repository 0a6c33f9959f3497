//! How the injector and the CNI plugin read the annotations `traffic.sidecar.istio.io/*`: what they do
//! not accept, they refuse together with the pod (`pkg/kube/inject/validate.go`,
//! `cni/pkg/plugin/sidecar_redirect.go`).

use std::collections::BTreeMap;

use thiserror::Error;

use crate::{
    injection::names::{
        EXCLUDE, EXCLUDE_PORTS, INCLUDE, INCLUDE_PORTS, INTERCEPTION_MODE, INTERFACES,
        PROXY_CONFIG, TRAFFIC,
    },
    mesh::ProxyConfigText,
    protojson::Refused,
    rules::{Version, flags, prefix},
};

const IN_INCLUDE_PORTS: &str = "includeInboundPorts";
const IN_EXCLUDE_PORTS: &str = "excludeInboundPorts";
const VIRTUAL_INTERFACES: &str = "kubevirtInterfaces";
const REROUTE: &str = "istio.io/reroute-virtual-interfaces";

/// Why the injector or the CNI plugin refuses an annotation; each holds the text that is wrong.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AnnotationError {
    /// An element of a list of ranges is no range in CIDR form.
    #[error("`{0}` is not a range in CIDR form, such as 10.0.0.0/8")]
    Range(String),
    /// An element of a list of ports is no port.
    #[error("`{0}` is not a port: a number from 0 to 65535")]
    Port(String),
    /// The text is none of the modes of interception.
    #[error("`{0}` is none of REDIRECT, TPROXY, NONE")]
    Mode(String),
    /// The text is no number where one has to stand.
    #[error("`{0}` is not a whole number from 0 on")]
    Number(String),
    /// The text is no truth value.
    #[error("`{0}` is neither true nor false")]
    Bool(String),
    /// The text cannot be the name of a device.
    #[error(
        "`{0}` cannot name a device: a letter, then letters, digits, `_`, `.` and `-`, at most 15"
    )]
    Interface(String),
    /// The text is no ProxyConfig that Istio can decode.
    #[error(transparent)]
    ProxyConfig(#[from] Refused),
}

/// The annotation because of which the injector refuses a pod, if there is one, whatever template it
/// renders (`pkg/kube/inject/validate.go` `validateAnnotations`).
pub fn refused(
    annotations: &BTreeMap<String, String>,
    version: Option<Version>,
) -> Option<(&str, AnnotationError)> {
    let mut all = annotations.iter();
    all.find_map(|(key, text)| {
        let problem = validate_annotation(key, text, version).err()?;
        Some((key.as_str(), problem))
    })
}

/// The same of one annotation, by its full name. Names of devices are looked at from 1.30 on.
pub fn validate_annotation(
    key: &str,
    text: &str,
    version: Option<Version>,
) -> Result<(), AnnotationError> {
    let own = text.to_owned();
    let names_devices = names_devices(version);
    match key {
        INTERCEPTION_MODE if !["REDIRECT", "TPROXY", "NONE"].contains(&text) => {
            Err(AnnotationError::Mode(own))
        }
        PROXY_CONFIG => ProxyConfigText::read(text).map(drop).map_err(Into::into),
        "status.sidecar.istio.io/port" => port(text),
        "readiness.status.sidecar.istio.io/initialDelaySeconds"
        | "readiness.status.sidecar.istio.io/periodSeconds"
        | "readiness.status.sidecar.istio.io/failureThreshold" => {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse::<u32>().ok().filter(|_| digits);
            number.map(drop).ok_or(AnnotationError::Number(own))
        }
        "prometheus.istio.io/merge-metrics" if flags::parse_bool(text).is_none() => {
            Err(AnnotationError::Bool(own))
        }
        REROUTE if names_devices => interfaces(text),
        _ => match key.strip_prefix(TRAFFIC) {
            Some(INTERFACES | VIRTUAL_INTERFACES) if names_devices => interfaces(text),
            Some(name) => validate(name, text),
            None => Ok(()),
        },
    }
}

/// Names of devices (`pkg/util/net/ip.go` `ValidateInterfaceNames`).
fn interfaces(text: &str) -> Result<(), AnnotationError> {
    if text.is_empty() {
        return Ok(());
    }
    let mut names = text.split(',').map(str::trim);
    let wrong = names.find(|name| {
        let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic());
        let mut bytes = name.bytes();
        !begins_well
            || name.len() > 15
            || !bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    });
    match wrong {
        Some(name) => Err(AnnotationError::Interface(name.to_owned())),
        None => Ok(()),
    }
}

fn port(element: &str) -> Result<(), AnnotationError> {
    let element = element.trim();
    let digits = element.bytes().all(|byte| byte.is_ascii_digit());
    let port = element.parse::<u16>().ok().filter(|_| digits);
    port.map(drop)
        .ok_or_else(|| AnnotationError::Port(element.to_owned()))
}

/// Whether the injector accepts an annotation, by its name without the common beginning. It does not
/// look at included ports.
pub fn validate(name: &str, text: &str) -> Result<(), AnnotationError> {
    match name {
        INCLUDE_PORTS => Ok(()),
        IN_INCLUDE_PORTS if text == "*" => Ok(()),
        IN_INCLUDE_PORTS | IN_EXCLUDE_PORTS if text.trim().is_empty() => Ok(()),
        IN_INCLUDE_PORTS | IN_EXCLUDE_PORTS => text.split(',').try_for_each(port),
        _ => validate_for_cni(name, text, None),
    }
}

/// Whether the CNI plugin accepts an annotation. Elements are not trimmed, and empty ones are not
/// dropped, apart from an empty text; only ports may have blanks around them, and names of devices, which
/// it looks at from 1.30 on.
pub(super) fn validate_for_cni(
    name: &str,
    text: &str,
    version: Option<Version>,
) -> Result<(), AnnotationError> {
    if text.is_empty() {
        return Ok(());
    }
    let mut elements = text.split(',');
    match name {
        INCLUDE if text == "*" => Ok(()),
        INCLUDE | EXCLUDE => elements.try_for_each(|element| match prefix(element) {
            Some(_) => Ok(()),
            None => Err(AnnotationError::Range(element.to_owned())),
        }),
        INCLUDE_PORTS | EXCLUDE_PORTS => elements.try_for_each(port),
        INTERFACES if names_devices(version) => interfaces(text),
        _ => Ok(()),
    }
}

/// Whether names of devices are looked at.
fn names_devices(version: Option<Version>) -> bool {
    version.is_some_and(|version| version >= Version(30))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_annotation_that_the_injector_looks_at_may_refuse_the_pod() {
        let refused = |key: &str, text: &str, minor: u16| {
            let annotations = BTreeMap::from([(key.to_owned(), text.to_owned())]);
            refused(&annotations, Some(Version(minor))).is_some()
        };
        let devices = [
            ("traffic.sidecar.istio.io/excludeInterfaces", "0net"),
            ("traffic.sidecar.istio.io/kubevirtInterfaces", "net1,"),
            ("istio.io/reroute-virtual-interfaces", "a-name-of-16-chars"),
        ];
        for (key, text) in devices {
            assert!(refused(key, text, 30) && !refused(key, text, 29), "{key}");
            assert!(!refused(key, "net1, eth0.5", 30), "{key}");
        }
        for (key, good, bad) in [
            ("sidecar.istio.io/interceptionMode", "TPROXY", "redirect"),
            (
                "proxy.istio.io/config",
                "concurrency: 2",
                "proxyMetadata: {A: true}",
            ),
            ("status.sidecar.istio.io/port", "0", ""),
            ("readiness.status.sidecar.istio.io/periodSeconds", "5", "5s"),
            ("prometheus.istio.io/merge-metrics", "TRUE", "yes"),
            ("traffic.sidecar.istio.io/includeInboundPorts", "*", "*,80"),
            (
                "traffic.sidecar.istio.io/excludeInboundPorts",
                " 80, 81",
                "80,",
            ),
            ("traffic.sidecar.istio.io/excludeOutboundPorts", "80", "+80"),
            ("example.com/other", "", "anything"),
        ] {
            assert!(!refused(key, good, 27), "{key}");
            assert_eq!(refused(key, bad, 27), key != "example.com/other", "{key}");
        }
    }

    #[test]
    fn the_injector_is_stricter_than_the_program() {
        let refused = |name: &str, text: &str| validate(name, text).is_err();
        for text in ["", "*", "10.0.0.1/8", "10.0.0.0/8,fd00::/8"] {
            assert!(!refused(INCLUDE, text), "{text}");
        }
        for text in [
            "10.0.0.1",
            "10.0.0.0/8, 10.1.0.0/16",
            "10.0.0.0/8,",
            "*,10.0.0.0/8",
        ] {
            assert!(refused(INCLUDE, text), "{text}");
        }
        assert!(refused(EXCLUDE, "*"));
        assert!(!refused(EXCLUDE_PORTS, "80, 443"));
        assert!(refused(EXCLUDE_PORTS, "8000:9000"));
        assert!(!refused(INCLUDE_PORTS, "8000:9000"));
        assert!(validate_for_cni(INCLUDE_PORTS, "8000:9000", None).is_err());
        for (version, refused) in [
            (None, false),
            (Some(Version(29)), false),
            (Some(Version(30)), true),
        ] {
            let read = validate_for_cni(INTERFACES, "0net", version);
            assert_eq!(read.is_err(), refused, "{version:?}");
        }
    }
}
