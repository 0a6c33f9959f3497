//! Names that may stand in a ServiceEntry, as Kubernetes and Istio check them.

use std::{fmt, str::FromStr};

use egress_observer_istio::vocabulary::{
    host,
    host_name::{is_istio_name, is_label},
};
use thiserror::Error;

/// A namespace's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NamespaceName(pub(crate) String);

/// `*.` and a domain of at least two labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wildcard(String);

/// `spec.exportTo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExportTo(pub(crate) Vec<String>);

/// Text that is none of them.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum NameError {
    #[error("`{0}` is no name of a namespace")]
    NamespaceName(String),
    #[error("`{0}` is not `*.` and a domain, such as *.example.com")]
    Wildcard(String),
    #[error(
        "`{0}` would take in hosts of others: at least two labels must follow, as in *.example.com"
    )]
    TooWide(String),
    #[error("`{0}` is none of `.`, `*` and the name of a namespace")]
    ExportTo(String),
    #[error("`*` stands for every namespace: nothing can stand beside it")]
    Everyone,
}

impl FromStr for NamespaceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if is_label(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::NamespaceName(text.to_owned()))
        }
    }
}

impl Wildcard {
    /// Whether a host is below it.
    pub(super) fn covers(&self, host: &str) -> bool {
        host::covers(&self.0, host)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Wildcard {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let lower = text.to_ascii_lowercase();
        if lower == "*" {
            return Err(NameError::TooWide(text.to_owned()));
        }
        let domain = lower
            .strip_prefix("*.")
            .filter(|domain| is_istio_name(domain));
        match domain {
            Some(domain) if domain.contains('.') => Ok(Self(lower)),
            Some(_) => Err(NameError::TooWide(text.to_owned())),
            None => Err(NameError::Wildcard(text.to_owned())),
        }
    }
}

/// Words with commas between them; each counts once.
impl FromStr for ExportTo {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut all: Vec<String> = Vec::new();
        for word in text.split(',').map(str::trim) {
            if !matches!(word, "." | "*") && !is_label(word) {
                return Err(NameError::ExportTo(word.to_owned()));
            }
            if !all.iter().any(|known| known == word) {
                all.push(word.to_owned());
            }
        }
        if all.len() > 1 && all.iter().any(|word| word == "*") {
            return Err(NameError::Everyone);
        }
        Ok(Self(all))
    }
}

impl fmt::Display for NamespaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_has_a_domain_of_its_own() {
        for text in ["*", "*.com", "*.internal"] {
            let refused = Err(NameError::TooWide(text.to_owned()));
            assert_eq!(text.parse::<Wildcard>(), refused, "{text}");
        }
        for text in [
            "",
            "example.com",
            "a*.example.com",
            "*.*.example.com",
            "*.a_b.com",
            "*.-a.com",
        ] {
            let refused = Err(NameError::Wildcard(text.to_owned()));
            assert_eq!(text.parse::<Wildcard>(), refused, "{text}");
        }
        let wildcard: Wildcard = "*.Example.com".parse().unwrap();
        let cases = [
            ("a.example.com", true),
            ("a.b.example.com", true),
            ("example.com", false),
            ("an-example.com", false),
        ];
        for (host, covered) in cases {
            assert_eq!(wildcard.covers(host), covered, "{host}");
        }
    }

    #[test]
    fn export_to_is_everyone_or_some() {
        let export_to = |text: &str| text.parse().map(|all: ExportTo| all.0);
        assert_eq!(export_to("."), Ok(vec![".".to_owned()]));
        assert_eq!(
            export_to("shop,.,shop"),
            Ok(vec!["shop".to_owned(), ".".to_owned()])
        );
        assert_eq!(export_to("*,shop"), Err(NameError::Everyone));
        assert_eq!(export_to("~"), Err(NameError::ExportTo("~".to_owned())));
        assert_eq!(
            export_to("Shop"),
            Err(NameError::ExportTo("Shop".to_owned()))
        );
    }
}
