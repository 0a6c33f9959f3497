//! Suggestions for people.

use std::fmt;

use super::{
    answer::{AddressUser, ExclusionSuggestions, MeshValue, Suggestion, WorkloadValue},
    seen::connections,
};
use crate::{
    lint::output::plain,
    text::{wrapped, write_table},
};

/// How many workloads are named one by one.
const NAMED: usize = 10;

impl fmt::Display for ExclusionSuggestions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        let mut out = String::new();
        list(&mut out, "Should go around the sidecar:", &self.suggestions);
        let title = "May go around it, at a price; not in the values below:";
        list(&mut out, title, &self.options);
        self.already_text(&mut out)?;
        for value in &self.mesh {
            mesh_text(&mut out, value);
        }
        if !self.workloads.is_empty() {
            out.push_str(
                "\n# or for one workload, as an annotation of its pod template; it replaces the mesh's \
                 value:\n",
            );
        }
        for value in &self.workloads {
            workload_text(&mut out, value);
        }
        if !self.mesh.is_empty() {
            out.push('\n');
            let text = "Only pods made after the change have it. ServiceEntries and VirtualServices for \
                        these addresses are void then.";
            wrapped(&mut out, "", text);
        }
        if !self.notes.is_empty() {
            out.push_str("\nNotes:\n");
            for note in &self.notes {
                wrapped(&mut out, "  - ", note);
            }
        }
        f.write_str(out.trim_start_matches('\n'))
    }
}

fn list(out: &mut String, title: &str, all: &[Suggestion]) {
    if all.is_empty() {
        return;
    }
    out.push_str(&format!("\n{title}\n"));
    for found in all {
        out.push_str(&format!("\n  {}: {}\n", found.cidr, found.what));
        line(out, "why", found.why);
        for user in found.used_by.iter().take(NAMED) {
            line(out, "used by", &user_text(user));
        }
        let more = found.used_by.len().saturating_sub(NAMED);
        if more > 0 {
            line(out, "", &format!("and {more} more"));
        }
        line(out, "price", found.price);
        if let Some(instead) = found.instead {
            line(out, "instead", instead);
        }
        line(out, "see", found.page);
    }
}

fn line(out: &mut String, label: &str, text: &str) {
    wrapped(out, &format!("    {label:<9}"), text);
}

fn user_text(user: &AddressUser) -> String {
    let mut text = plain(&format!("{}/{}", user.namespace, user.workload));
    let actors: Vec<_> = user.actors.iter().map(|actor| actor.as_str()).collect();
    let ports: Vec<_> = user.ports.iter().map(ToString::to_string).collect();
    text.push_str(&format!(
        " ({}), port {}: {} through the sidecar",
        actors.join(", "),
        ports.join(", "),
        connections(user.connections)
    ));
    if user.blocked > 0 {
        text.push_str(&format!(", {} of them refused", user.blocked));
    }
    if user.unproved > 0 {
        text.push_str(&format!(", {} not proved, such as failed", user.unproved));
    }
    if user.restart_is_enough == Some(true) {
        text.push_str("; excluded today already: a restart is enough");
    }
    text
}

impl ExclusionSuggestions {
    fn already_text(&self, out: &mut String) -> fmt::Result {
        if self.already.is_empty() {
            return Ok(());
        }
        out.push_str("\nGoes around it already, as configured:\n");
        let mut rows = vec![
            ["CONNECTIONS", "RANGE", "WHAT", "WORKLOADS"]
                .map(str::to_owned)
                .to_vec(),
        ];
        for already in &self.already {
            let mut named: Vec<_> = already
                .workloads
                .iter()
                .take(NAMED)
                .map(|name| plain(name))
                .collect();
            let more = already.workloads.len().saturating_sub(NAMED);
            if more > 0 {
                named.push(format!("{more} more"));
            }
            rows.push(vec![
                already.connections.to_string(),
                already.cidr.to_string(),
                already.what.to_owned(),
                named.join(", "),
            ]);
        }
        write_table(out, &rows)
    }
}

fn mesh_text(out: &mut String, value: &MeshValue) {
    let whose = match (value.revision.as_deref(), &value.source) {
        (Some(""), Some(source)) => format!(", with what {source} has today"),
        (Some(revision), Some(source)) => {
            format!(" of revision {revision}, with what {source} has today")
        }
        _ => ", without what is excluded today".to_owned(),
    };
    out.push_str(&format!("\nexcludeIPRanges{whose}: {}\n\n", value.value));
    out.push_str(&value.spellings.commands());
    out.push_str(&value.spellings.as_value());
}

fn workload_text(out: &mut String, value: &WorkloadValue) {
    let name = plain(&format!("{}/{}", value.namespace, value.workload));
    let open = if value.complete {
        ""
    } else {
        ", without what is excluded today"
    };
    out.push_str(&format!(
        "# {name}{open}\n#   {}\n",
        value.spellings.annotation
    ));
    if let Some(restart) = &value.restart {
        out.push_str(&format!("{restart}\n"));
    }
}
