//! What cannot be read: nothing is said of it but this.

use std::sync::Arc;

use super::{
    code::Code,
    finding::{Finding, Place},
};
use egress_observer_istio::{
    injection::pod,
    manifests::{Fault, Unreadable},
};

pub(super) fn findings(unreadable: &[Unreadable]) -> Vec<Finding> {
    unreadable.iter().map(finding).collect()
}

fn finding(one: &Unreadable) -> Finding {
    let Unreadable {
        path,
        document,
        line,
        fault,
    } = one;
    let path = Arc::clone(path);
    let fix = fault.fix().unwrap_or("correct it").to_owned();
    match fault {
        Fault::Field {
            kind,
            name,
            problem,
        } => Finding {
            place: Place {
                path,
                // As all places have it.
                namespace: pod::namespace(&name.namespace).to_string(),
                kind: kind.as_str().to_owned(),
                name: name.name.clone(),
            },
            code: Code::Unreadable,
            field: problem.field.clone(),
            value: problem.value.clone(),
            message: format!(
                "cannot be read (document {document}, from line {line}): {}",
                problem.message
            ),
            fix,
        },
        Fault::NotText | Fault::NotYaml { .. } | Fault::NoKind => Finding {
            place: Place {
                path,
                namespace: String::new(),
                kind: "Document".to_owned(),
                name: document.to_string(),
            },
            code: Code::Unreadable,
            field: format!("line {line}"),
            value: String::new(),
            message: fault.to_string(),
            fix,
        },
    }
}
