//! `spec.exportTo` of a ServiceEntry (`validateExportTo`).

use super::{
    names::is_label,
    refusal::{Refusals, RefusedPart},
};

/// Words that are no namespace, that come twice, or that do not go together.
pub(super) fn export_to(words: &[String], own: &str, found: &mut Refusals) {
    let mut seen: Vec<&str> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let namespace = if word == "." { own } else { word.as_str() };
        let field = format!("spec.exportTo[{at}]");
        if seen.contains(&namespace) {
            let message = if namespace == own {
                format!("`.` is the own namespace, {own}, and that stands there twice")
            } else {
                format!("`{word}` stands there twice")
            };
            found.add(RefusedPart::ExportTo, field, word, message, "remove one");
        } else if ["*", "~"].contains(&namespace) || is_label(namespace) {
            seen.push(namespace);
        } else {
            let message = format!("`{word}` is neither a namespace nor one of `*`, `.` and `~`");
            let fix = "write the names of namespaces, or `*`, `.` or `~` alone";
            found.add(RefusedPart::ExportTo, field, word, message, fix);
        }
    }
    for (word, meaning) in [("*", "everyone"), ("~", "nobody")] {
        if words.len() > 1 && seen.contains(&word) {
            let message = format!("`{word}` means {meaning}, and others stand beside it");
            let fix = format!("write `{word}` alone, or leave it out");
            found.add(
                RefusedPart::ExportTo,
                "spec.exportTo",
                words.join(", "),
                message,
                fix,
            );
        }
    }
}
