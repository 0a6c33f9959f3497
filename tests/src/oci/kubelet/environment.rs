//! A container's environment, with what the pod and its node say in place of references.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::Kubelet;
use crate::oci::image::Image;

impl Kubelet {
    /// The image's first, then the API server's, then the manifest's.
    pub(super) fn environment(&self, given: &Value, image: &Image) -> Result<Vec<String>> {
        let mut environment = image.environment.clone();
        if let Some((host, port)) = &self.api_server {
            environment.push(format!("KUBERNETES_SERVICE_HOST={host}"));
            environment.push(format!("KUBERNETES_SERVICE_PORT={port}"));
        }
        for variable in given.as_array().map(Vec::as_slice).unwrap_or_default() {
            let name = variable["name"]
                .as_str()
                .context("a variable has no name")?;
            let value = match (&variable["value"], &variable["valueFrom"]) {
                (Value::String(value), _) => expand(value, &environment),
                (Value::Null, Value::Null) => String::new(),
                (_, source) => self
                    .field(source)
                    .with_context(|| format!("the variable {name}"))?,
            };
            environment.push(format!("{name}={value}"));
        }
        Ok(environment)
    }

    fn field(&self, source: &Value) -> Result<String> {
        let field = source["fieldRef"]["fieldPath"].as_str();
        let value = match field {
            Some("spec.nodeName") => &self.node_name,
            Some("status.hostIP") => &self.node_ip,
            Some("status.podIP") => &self.pod_ip,
            Some("metadata.name") => &self.pod_name,
            Some("metadata.namespace") => &self.pod_namespace,
            Some("metadata.uid") => &self.pod_uid,
            _ => bail!("{source} is not understood"),
        };
        Ok(value.clone())
    }
}

/// Puts values in place of `$(NAME)`. An unknown name stays as it is, and `$$` is a `$`.
pub(super) fn expand(text: &str, environment: &[String]) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let name = after
            .strip_prefix('(')
            .and_then(|after| after.split_once(')'));
        rest = match (name, after.strip_prefix('$')) {
            (Some((name, after)), _) => {
                match value(environment, name) {
                    Some(value) => expanded.push_str(value),
                    None => expanded.push_str(&format!("$({name})")),
                }
                after
            }
            (None, Some(after)) => {
                expanded.push('$');
                after
            }
            (None, None) => {
                expanded.push('$');
                after
            }
        };
    }
    expanded.push_str(rest);
    expanded
}

/// The last one of a name counts.
fn value<'a>(environment: &'a [String], name: &str) -> Option<&'a str> {
    let values = environment.iter().rev();
    values
        .filter_map(|variable| variable.split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_become_values() {
        let environment = ["A=1".to_owned(), "B=2".to_owned(), "A=3".to_owned()];
        let expand = |text| expand(text, &environment);
        assert_eq!(expand("x$(A)y$(B)"), "x3y2");
        assert_eq!(expand("$(C) $ $$(A) $("), "$(C) $ $(A) $(");
    }
}
