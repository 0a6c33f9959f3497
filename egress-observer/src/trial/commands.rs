//! Changes as commands and YAML, ready to use.

use serde_json::{Value, json};

use super::change::TriedChange;
use crate::service_entry::AppProtocol;
use egress_observer_istio::registry::{
    DeclaredPort, EgressPlace, ObjectKind, ObjectRef, Registry, RegistryEntry,
};

impl TriedChange {
    /// The change as text to be pasted into a shell, or YAML. `registry` is the one before.
    pub(crate) fn apply_text(&self, registry: &Registry) -> String {
        match self {
            Self::Declare(entry) => entry.to_string(),
            Self::Export { object, to } => export(registry, object, to),
            Self::Ports { object, ports } => {
                let ports = ports.iter().map(|port| {
                    let value = port_value(object.kind, *port);
                    json!({"op": "add", "path": "/spec/ports/-", "value": value})
                });
                patch_list(object, &ports.collect())
            }
            Self::Address { object, ip } => {
                let now = registry.addresses_in(object);
                let all: Vec<String> = now.into_iter().chain([ip.to_string()]).collect();
                patch(object, &json!({"spec": {"addresses": all}}))
            }
            Self::OwnAddresses { object } => {
                let addresses = json!({"spec": {"addresses": ["<its address>"]}});
                patch(object, &addresses)
            }
            Self::NotAllocated { object } => {
                let [namespace, name] = named(object);
                format!(
                    "kubectl -n {namespace} label serviceentry {name} \
                     networking.istio.io/enable-autoallocate-ip=false"
                )
            }
            Self::Alike { object, model } => alike(registry, object, model),
            Self::LetThrough {
                sidecar,
                place,
                host,
                ..
            } => {
                let added = match place {
                    EgressPlace::Listener(nth) => {
                        json!({"op": "add", "path": format!("/spec/egress/{nth}/hosts/-"), "value": host})
                    }
                    EgressPlace::New => {
                        json!({"op": "add", "path": "/spec/egress/-", "value": {"hosts": [host]}})
                    }
                };
                patch_list(sidecar, &json!([added]))
            }
        }
    }

    /// The same in words, as a sentence without its end.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Declare(entry) => format!("declare {}", entry.hosts.join(", ")),
            Self::Export { object, to } => format!("export {object} to namespace {to}"),
            Self::Ports { object, ports } => {
                let numbers = ports.iter().map(|port| match port.protocol {
                    "" => port.number.to_string(),
                    protocol => format!("{} ({protocol})", port.number),
                });
                let numbers = numbers.collect::<Vec<_>>().join(", ");
                format!("add port {numbers} to {object}")
            }
            Self::Address { object, ip } => format!("add the address {ip} to {object}"),
            Self::OwnAddresses { object } => format!("give {object} the addresses of its host"),
            Self::NotAllocated { object } => {
                format!("have Istio allocate no address to {object}")
            }
            Self::Alike { object, model } => format!("make {object} equal to {model}"),
            Self::LetThrough { sidecar, host, .. } => {
                format!("let {host} through {sidecar} (spec.egress.hosts)")
            }
        }
    }
}

/// A port as its object has it.
fn port_value(kind: ObjectKind, port: DeclaredPort) -> Value {
    let DeclaredPort { number, .. } = port;
    if kind == ObjectKind::Service {
        let usual = AppProtocol::usual(number).as_str().to_ascii_lowercase();
        return json!({"name": format!("{usual}-{number}"), "port": number});
    }
    let word = port.protocol.to_ascii_lowercase();
    json!({"number": number, "name": format!("{word}-{number}"), "protocol": port.protocol})
}

fn export(registry: &Registry, object: &ObjectRef, to: &str) -> String {
    let words = match registry.entry(object) {
        Some(entry) => registry.exported_also(entry, to),
        None => vec![to.to_owned()],
    };
    if object.kind == ObjectKind::Service {
        let [namespace, name] = named(object);
        let words = quoted(&words.join(","));
        return format!(
            "kubectl -n {namespace} annotate --overwrite service {name} \
             networking.istio.io/exportTo={words}"
        );
    }
    patch(object, &json!({"spec": {"exportTo": words}}))
}

/// What has to be equal, as far as it can be told.
fn alike(registry: &Registry, object: &ObjectRef, model: &ObjectRef) -> String {
    let differs = differences(registry, object, model);
    let [Some(own), Some(model)] = [registry.entry(object), registry.entry(model)] else {
        return String::new();
    };
    let mut spec = serde_json::Map::new();
    if own.resolution != model.resolution {
        spec.insert("resolution".to_owned(), json!(model.resolution));
    }
    if own.export_to != model.export_to {
        spec.insert("exportTo".to_owned(), json!(model.export_to));
    }
    let command = patch(object, &json!({"spec": spec}));
    match differs.iter().any(|field| field.contains("labels")) {
        true if spec_is_empty(own, model) => {
            "# make metadata.labels and spec.workloadSelector equal".to_owned()
        }
        true => format!("{command}\n# and make metadata.labels and spec.workloadSelector equal"),
        false => command,
    }
}

fn spec_is_empty(own: &RegistryEntry, model: &RegistryEntry) -> bool {
    own.resolution == model.resolution && own.export_to == model.export_to
}

/// The fields by which Istio does not merge two entries of a host (`canMergeServices` in
/// `pilot/pkg/model/sidecar.go`).
pub(crate) fn differences(
    registry: &Registry,
    object: &ObjectRef,
    model: &ObjectRef,
) -> Vec<&'static str> {
    let [Some(own), Some(model)] = [registry.entry(object), registry.entry(model)] else {
        return Vec::new();
    };
    let mut fields = Vec::new();
    if own.resolution != model.resolution {
        fields.push("resolution");
    }
    if own.export_to != model.export_to {
        fields.push("exportTo");
    }
    if !own.selects_like(model) {
        fields.push("labels or workloadSelector");
    }
    fields
}

pub(crate) fn patch(object: &ObjectRef, value: &Value) -> String {
    format!(
        "{} --type=merge -p {}",
        patched(object),
        quoted(&value.to_string())
    )
}

fn patch_list(object: &ObjectRef, value: &Value) -> String {
    format!(
        "{} --type=json -p {}",
        patched(object),
        quoted(&value.to_string())
    )
}

fn patched(object: &ObjectRef) -> String {
    let [namespace, name] = named(object);
    let kind = object.kind.as_str().to_ascii_lowercase();
    format!("kubectl -n {namespace} patch {kind} {name}")
}

/// Namespace and name, as words of a shell.
fn named(object: &ObjectRef) -> [String; 2] {
    [&object.namespace, &object.name].map(|text| word(text))
}

/// Text as one word of a shell. Names come from manifests.
fn word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_manifests_are_words_of_a_shell_and_nothing_else() {
        let cases = [
            ("api", "api"),
            ("a b", "'a b'"),
            ("", "''"),
            ("$(reboot)", "'$(reboot)'"),
            ("it's", "'it'\\''s'"),
        ];
        for (text, expected) in cases {
            assert_eq!(word(text), expected, "{text}");
        }
    }
}
