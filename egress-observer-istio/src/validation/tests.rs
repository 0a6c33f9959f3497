//! What is refused and what is taken, with the field that is named, for both kinds.

mod service_entry;
mod sidecar;

use serde_json::{Value, json};

use super::{NEWEST, Refusal, service_entry as of_entry, sidecar as of_sidecar};
use crate::{
    objects::{Kind, Object},
    rules::Version,
};

/// What is wrong with an object of this spec: the field that cannot be read, or what is refused.
fn faults(kind: Kind, metadata: Value, spec: &str, version: Version) -> Vec<Refusal> {
    let spec: Value = serde_saphyr::from_str(spec).expect(spec);
    let value = json!({"kind": kind.as_str(), "metadata": metadata, "spec": spec});
    match Object::read(kind, value) {
        Ok(Object::ServiceEntry(object)) => of_entry(&object, version),
        Ok(Object::Sidecar(object)) => of_sidecar(&object, version),
        Ok(other) => panic!("{}", other.kind()),
        Err(error) => vec![Refusal {
            part: super::RefusedPart::Setting,
            fix: error.fix().unwrap_or_default().to_owned(),
            field: error.field,
            value: error.value,
            message: error.message,
        }],
    }
}

fn metadata() -> Value {
    json!({"name": "a", "namespace": "shop"})
}

/// Every spec is refused for these fields, and each reason says what is wrong and what to do.
fn refused(kind: Kind, cases: &[(&str, &str)], spell: fn(&str) -> String) {
    for (spec, expected) in cases {
        let found = faults(kind, metadata(), &spell(spec), NEWEST);
        let fields: Vec<&str> = found.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields.join(" "), *expected, "{spec}: {found:#?}");
        let mut reasons = found.iter();
        assert!(
            reasons.all(|one| !one.message.is_empty() && !one.fix.is_empty()),
            "{found:#?}"
        );
    }
}

/// No spec is refused.
fn taken(kind: Kind, cases: &[&str], spell: fn(&str) -> String) {
    for spec in cases {
        let found = faults(kind, metadata(), &spell(spec), NEWEST);
        assert_eq!(found, [], "{spec}");
    }
}

/// Specs that one version takes and another refuses.
fn by_version(kind: Kind, cases: &[(&str, u16, bool)], spell: fn(&str) -> String) {
    for (spec, minor, expected) in cases {
        let found = faults(kind, metadata(), &spell(spec), Version(*minor));
        assert_eq!(found.is_empty(), *expected, "1.{minor}: {spec}: {found:#?}");
    }
}
