//! A report for people.

use std::fmt::{self, Write as _};

use super::{Group, ReasonedVerdict, Restart, Stale, WhatIfReport, When};
use crate::text::{count, write_table};
use egress_observer_istio::{injection::restart, vocabulary::Verdict};

impl fmt::Display for WhatIfReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.write_text(&mut out)?;
        // Names come from manifests and recorded flows: none of them may steer a terminal.
        for c in out.chars() {
            if c.is_control() && c != '\n' {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

impl WhatIfReport {
    fn write_text(&self, out: &mut String) -> fmt::Result {
        for change in &self.change {
            writeln!(out, "What if: {}", one_line(change))?;
        }
        writeln!(out, "\n{}", self.summary())?;
        let parts = [
            (When::AtOnce, None, "At once, when the change is applied:"),
            (
                When::Twice,
                None,
                "At once, and again after a restart of their pods:",
            ),
            (
                When::AfterRestart,
                Some(false),
                "Only after a restart of their pods; until then they go on as they do now:",
            ),
            (
                When::AfterRestart,
                Some(true),
                "Only after a restart, which their pods need already today:",
            ),
            (When::Never, None, "Unchanged:"),
        ];
        for (when, already, title) in parts {
            let groups: Vec<_> = self
                .groups
                .iter()
                .filter(|group| group.when == when)
                .filter(|group| {
                    let stale = group.stale_already == Some(true);
                    already.is_none_or(|already| already == stale)
                })
                .collect();
            if !groups.is_empty() {
                writeln!(out, "\n{title}")?;
                write_table(out, &group_rows(when, &groups))?;
            }
        }
        self.write_totals(out)?;
        self.write_restarts(out)?;
        self.write_unknown(out)?;
        for note in &self.notes {
            writeln!(out, "\nNote: {note}")?;
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let flows = &self.flows;
        let mut text = match (flows.flows, flows.changed) {
            (0, _) if flows.unplaced + flows.bad_lines > 0 => "No flow was judged.".to_owned(),
            (0, _) => "No flows were given: only restarts are told.".to_owned(),
            (_, 0) => format!(
                "None of {} changes.",
                count(flows.connections, "connection")
            ),
            (_, changed) => format!(
                "{changed} of {} change{}.",
                count(flows.connections, "connection"),
                if changed == 1 { "s" } else { "" }
            ),
        };
        if flows.unplaced > 0 {
            let n = count(flows.unplaced, "flow");
            text.push_str(&format!(
                " Not judged: {n} of pods or containers that are not in the manifests."
            ));
        }
        if flows.bad_lines > 0 {
            let n = count(flows.bad_lines, "line");
            text.push_str(&format!(" Not read: {n}."));
        }
        text
    }

    fn write_totals(&self, out: &mut String) -> fmt::Result {
        if self.totals.is_empty() {
            return Ok(());
        }
        writeln!(out, "\nConnections by verdict:")?;
        let mut rows = vec![row(["VERDICT", "TODAY", "AT ONCE", "RESTARTED"])];
        for total in &self.totals {
            rows.push(row([
                total.verdict.as_str(),
                &total.before.to_string(),
                &total.now.to_string(),
                &total.restarted.to_string(),
            ]));
        }
        write_table(out, &rows)
    }

    fn write_restarts(&self, out: &mut String) -> fmt::Result {
        let parts = [
            (
                Stale::ByThisChange,
                "To restart for the change to take effect:",
            ),
            (
                Stale::Already,
                "To restart already today, whatever the change: set up before the configuration \
                 was changed last:",
            ),
        ];
        let mut none = true;
        for (stale, title) in parts {
            let restarts: Vec<_> = self
                .restarts
                .iter()
                .filter(|restart| restart.stale == stale)
                .collect();
            if restarts.is_empty() {
                continue;
            }
            none = false;
            writeln!(out, "\n{title}")?;
            for restart in restarts {
                writeln!(out, "  {}", restart_text(restart))?;
                writeln!(out, "    {}", how(restart))?;
            }
        }
        if none {
            let known = if self.unknown.is_empty() {
                ""
            } else {
                ", as far as that is known"
            };
            writeln!(out, "\nNo pod needs a restart{known}.")?;
        }
        Ok(())
    }

    fn write_unknown(&self, out: &mut String) -> fmt::Result {
        if self.unknown.is_empty() {
            return Ok(());
        }
        writeln!(out, "\nNot known whether a restart changes anything:")?;
        for open in &self.unknown {
            writeln!(
                out,
                "  {}/{}, {}: {}: {}",
                one_line(&open.namespace),
                one_line(&open.workload),
                count(open.pods, "pod"),
                open.reason,
                one_line(&open.because)
            )?;
        }
        Ok(())
    }
}

fn group_rows(when: When, groups: &[&Group]) -> Vec<Vec<String>> {
    let fixed = ["CONNECTIONS", "WORKLOAD", "DESTINATION", "PORT"];
    let verdicts: &[&str] = match when {
        When::AtOnce | When::AfterRestart => &["TODAY", "THEN"],
        When::Twice => &["TODAY", "AT ONCE", "RESTARTED"],
        When::Never => &["TODAY"],
    };
    let head = fixed.iter().chain(verdicts).copied();
    let mut rows = vec![head.map(str::to_owned).collect()];
    for group in groups {
        let mut row = row([
            &group.connections.to_string(),
            &format!("{}/{}", group.namespace, group.workload),
            &group.destination,
            &format!("{}/{}", group.port, group.protocol),
        ]);
        row.push(verdict(group.before));
        match when {
            When::AtOnce => row.push(verdict(group.now)),
            When::AfterRestart => row.push(verdict(group.restarted)),
            When::Twice => row.extend([verdict(group.now), verdict(group.restarted)]),
            When::Never => {}
        }
        rows.push(row);
    }
    rows
}

/// What is unknown says why.
fn verdict(judgement: ReasonedVerdict) -> String {
    if judgement.verdict == Verdict::Unknown {
        return format!("unknown ({})", judgement.reason);
    }
    judgement.verdict.to_string()
}

fn restart_text(restart: &Restart) -> String {
    let kind = restart.kind.as_deref().unwrap_or("Pod");
    let effect = match restart.effect {
        Some(true) => format!("changes {}", count(restart.connections, "connection")),
        Some(false) => "changes none of the connections given".to_owned(),
        None => "none of its connections was given".to_owned(),
    };
    format!(
        "{} {}/{}, {}: {effect}",
        one_line(kind),
        one_line(&restart.namespace),
        one_line(&restart.workload),
        count(restart.pods, "pod")
    )
}

fn how(restart: &Restart) -> String {
    match &restart.command {
        Some(command) => command.clone(),
        None => restart::instead(restart.kind.as_deref()).to_owned(),
    }
}

/// Text from outside stays on its line.
fn one_line(text: &str) -> String {
    text.replace('\n', "\\n")
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(one_line).to_vec()
}
