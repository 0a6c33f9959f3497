//! What cannot be read: nothing is said of it but this.

use std::sync::Arc;

use super::{
    code::LintCode,
    finding::{LintFinding, ObjectPlace},
};
use egress_observer_istio::{
    injection::pod,
    manifests::{Fault, Unreadable},
};

pub(super) fn findings(unreadable: &[Unreadable]) -> Vec<LintFinding> {
    unreadable.iter().map(finding).collect()
}

fn finding(one: &Unreadable) -> LintFinding {
    let Unreadable {
        path,
        document,
        line,
        fault,
    } = one;
    let path = Arc::clone(path);
    let fix = fault
        .fix()
        .map_or_else(|| "correct it".to_owned(), Into::into);
    match fault {
        Fault::Field {
            kind,
            name,
            problem,
        } => LintFinding {
            place: ObjectPlace {
                path,
                // As all places have it.
                namespace: pod::namespace(&name.namespace).to_string(),
                kind: kind.as_str().to_owned(),
                name: name.name.clone(),
            },
            code: LintCode::Unreadable,
            field: problem.field.clone(),
            value: problem.value.clone(),
            message: format!(
                "cannot be read (document {document}, from line {line}): {}",
                problem.message
            ),
            fix,
        },
        Fault::NotText | Fault::NotYaml(_) | Fault::NoKind | Fault::Installation { .. } => {
            LintFinding {
                place: ObjectPlace {
                    path,
                    namespace: String::new(),
                    kind: "Document".to_owned(),
                    name: document.to_string(),
                },
                code: LintCode::Unreadable,
                field: format!("line {line}"),
                value: String::new(),
                message: fault.to_string(),
                fix,
            }
        }
    }
}
