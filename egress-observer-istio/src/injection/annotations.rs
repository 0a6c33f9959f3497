//! How the injector and the CNI plugin read the annotations `traffic.sidecar.istio.io/*`: what they do
//! not accept, they refuse together with the pod (`pkg/kube/inject/validate.go`,
//! `cni/pkg/plugin/sidecar_redirect.go`).

use thiserror::Error;

use crate::{
    injection::names::{EXCLUDE, EXCLUDE_PORTS, INCLUDE, INCLUDE_PORTS},
    rules::prefix,
};

/// An `AnnotationError` says why an annotation is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AnnotationError {
    /// Not a range.
    #[error("`{0}` is not a range in CIDR form, such as 10.0.0.0/8")]
    Range(String),
    /// Not a port.
    #[error("`{0}` is not a port: a number from 0 to 65535")]
    Port(String),
}

/// Whether the injector accepts an annotation, by its name without the common beginning. It does not
/// look at included ports.
pub fn validate(name: &str, text: &str) -> Result<(), AnnotationError> {
    if name == INCLUDE_PORTS {
        return Ok(());
    }
    validate_for_cni(name, text)
}

/// Whether the CNI plugin accepts an annotation. Elements are not trimmed, and empty ones are not
/// dropped, apart from an empty text; only ports may have blanks around them.
pub(super) fn validate_for_cni(name: &str, text: &str) -> Result<(), AnnotationError> {
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
        INCLUDE_PORTS | EXCLUDE_PORTS => elements.map(str::trim).try_for_each(|element| {
            let port = element.parse::<u16>();
            port.map(drop)
                .map_err(|_no_port| AnnotationError::Port(element.to_owned()))
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(validate_for_cni(INCLUDE_PORTS, "8000:9000").is_err());
    }
}
