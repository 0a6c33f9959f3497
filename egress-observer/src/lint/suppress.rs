//! Findings that somebody accepted.

use std::str::FromStr;

use thiserror::Error;

use super::{
    code::{LintCode, UnknownCode},
    finding::LintFinding,
};

/// `CODE=Kind/namespace/name`, with `*` for any text in the resource; `Kind/name` for what has no
/// namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    code: LintCode,
    resource: String,
}

/// Why text is no suppression.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SuppressionError {
    /// No `=`.
    #[error("expected CODE=Kind/namespace/name, such as EO0040=ConfigMap/istio-system/istio")]
    Shape,
    /// No such code.
    #[error(transparent)]
    Code(#[from] UnknownCode),
}

impl FromStr for Suppression {
    type Err = SuppressionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (code, resource) = text.split_once('=').ok_or(SuppressionError::Shape)?;
        if resource.is_empty() {
            return Err(SuppressionError::Shape);
        }
        Ok(Self {
            code: code.parse()?,
            resource: resource.to_owned(),
        })
    }
}

impl std::fmt::Display for Suppression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.code, self.resource)
    }
}

impl Suppression {
    fn covers(&self, finding: &LintFinding) -> bool {
        self.code == finding.code && matches(&self.resource, &finding.place.resource())
    }
}

/// Takes out what is suppressed. Answers how many findings that were, and the suppressions that
/// match nothing.
pub(crate) fn apply<'a>(
    findings: &mut Vec<LintFinding>,
    suppressions: &'a [Suppression],
) -> (usize, Vec<&'a Suppression>) {
    let mut unused: Vec<&Suppression> = suppressions.iter().collect();
    unused.retain(|suppression| !findings.iter().any(|finding| suppression.covers(finding)));
    let before = findings.len();
    findings.retain(|finding| {
        !suppressions
            .iter()
            .any(|suppression| suppression.covers(finding))
    });
    (before - findings.len(), unused)
}

/// Whether text is what a pattern with `*` for any text describes.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    let Some((middle, tail)) = rest.rsplit_once('*') else {
        return text.ends_with(rest);
    };
    // What stands between two stars goes as far left as it can.
    for part in middle.split('*') {
        match text.find(part) {
            Some(at) => text = text.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    text.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text() {
        for (pattern, text, expected) in [
            ("Pod/shop/cart", "Pod/shop/cart", true),
            ("Pod/shop/cart", "Pod/shop/cart2", false),
            ("Pod/shop/*", "Pod/shop/cart", true),
            ("*", "Pod/shop/cart", true),
            ("*/shop/*-v2", "Pod/shop/cart-v2", true),
            ("*/shop/*-v2", "Pod/shop/cart-v1", false),
            ("Pod/*/cart", "Pod/shop/cart", true),
            ("a*a", "a", false),
            ("*a*b*", "xxbxxa", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_suppression_names_a_code_and_a_resource() {
        assert!(
            "EO0040=ConfigMap/istio-system/istio"
                .parse::<Suppression>()
                .is_ok()
        );
        for text in ["EO0040", "EO0040=", "EO9999=Pod/a/b"] {
            assert!(text.parse::<Suppression>().is_err(), "{text}");
        }
    }
}
