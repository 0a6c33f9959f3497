//! A suggestion for people. What it says besides the value stands behind it.

use std::fmt;

use super::{
    answer::{ClusterRange, Missing, RangeSuggestion},
    cover::joined,
    platform::KnownPlatform,
    today::{Standing, TodayRanges},
};
use crate::text::{wrapped, write_table};

impl fmt::Display for RangeSuggestion {
    /// Names in it are plain already.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.value_text(&mut out);
        self.range_text(&mut out)?;
        for missing in &self.missing {
            missing_text(&mut out, missing, self);
        }
        if !self.notes.is_empty() {
            out.push_str("\nNotes:\n");
            for note in &self.notes {
                wrapped(&mut out, "  - ", note);
            }
        }
        for today in &self.today {
            out.push('\n');
            wrapped(&mut out, "", &today_text(today));
        }
        if let Some(platform) = &self.platform {
            platform_text(&mut out, platform)?;
        }
        self.what_next(&mut out);
        f.write_str(out.trim_start_matches('\n'))
    }
}

impl RangeSuggestion {
    fn value_text(&self, out: &mut String) {
        if let Some(spelt) = &self.spellings {
            out.push_str(&format!("includeIPRanges: {}\n", spelt.plain));
            if !self.missing.is_empty() {
                let text = "Not complete: see what is missing below before it is used.";
                wrapped(out, "", text);
            }
            out.push('\n');
            out.push_str(&spelt.commands());
            out.push_str(&spelt.as_value());
            out.push_str(&spelt.as_annotation());
        } else if !self.missing.is_empty() {
            let text = "No value: nothing names a range of this cluster. An empty list would take \
                        every pod out of the mesh.";
            wrapped(out, "", text);
        }
    }

    fn range_text(&self, out: &mut String) -> fmt::Result {
        if self.ranges.is_empty() {
            return Ok(());
        }
        let head = ["RANGE", "OF", "CONFIDENCE", "SOURCE"].map(str::to_owned);
        let parts = [(true, "In the value:"), (false, "Not in the value:")];
        for (in_value, title) in parts {
            let own = self
                .ranges
                .iter()
                .filter(|range| range.in_value == in_value);
            let rows: Vec<_> = own.flat_map(range_rows).collect();
            if rows.is_empty() {
                continue;
            }
            out.push_str(&format!("\n{title}\n"));
            let table: Vec<_> = [head.to_vec()].into_iter().chain(rows).collect();
            write_table(out, &table)?;
        }
        if self.ranges.iter().any(|range| !range.in_value) {
            let text = "These are the smallest ranges around addresses in use: the cluster's own are as \
                        wide or wider. --include-observed takes them into the value, for want of \
                        better.";
            wrapped(out, "  ", text);
        }
        Ok(())
    }

    fn what_next(&self, out: &mut String) {
        let Some(command) = &self.try_it else {
            return;
        };
        let text = "Only pods that are injected after the change have it: restart the workloads. What is \
                    outside these ranges then goes around the sidecar: no telemetry and no policy, and \
                    ServiceEntries and VirtualServices for it are void. See first what it would change, \
                    and with --flows FILE for which connections:";
        out.push('\n');
        wrapped(out, "", text);
        // Ready to copy: never broken.
        out.push_str(&format!("  {command}\n"));
    }
}

/// A row for the surest source, and one for each other.
fn range_rows(range: &ClusterRange) -> Vec<Vec<String>> {
    let mut rows = vec![vec![
        range.cidr.to_string(),
        range.of.to_string(),
        range.confidence.to_string(),
        range.source.clone(),
    ]];
    for also in &range.also {
        let source = format!("also: {also}");
        rows.push(vec![String::new(), String::new(), String::new(), source]);
    }
    rows
}

fn missing_text(out: &mut String, missing: &Missing, answer: &RangeSuggestion) {
    let Missing {
        of,
        ip_version,
        breaks,
        ask,
    } = missing;
    out.push_str(&format!(
        "\nMissing: the range of {of} (IPv{ip_version}).\n"
    ));
    let mut ranges = answer.ranges.iter();
    if ranges.any(|range| {
        let same_version = range.cidr.addr().is_ipv4() == (*ip_version == 4);
        range.in_value && range.of == *of && same_version
    }) {
        let text =
            "Ranges around addresses in use stand in for it: what is made later may be outside.";
        wrapped(out, "  ", text);
    }
    wrapped(out, "  ", breaks);
    if answer.platform.is_some() {
        out.push_str("  Where to ask for it stands below.\n");
        return;
    }
    out.push_str("  Ask for it:\n");
    for line in ask {
        out.push_str(&format!("    {line}\n"));
    }
}

fn today_text(today: &TodayRanges) -> String {
    let revision = match today.revision.as_str() {
        "" => String::new(),
        revision => format!(" (revision {revision})"),
    };
    let start = format!("Today{revision}, {}: ", today.source);
    let what = match today.standing {
        Standing::Same => format!("{}, which is the same.", today.value),
        Standing::Everything => {
            "*, every address. The value would take all others out of the mesh.".to_owned()
        }
        Standing::Nothing => "empty. With istio-init, no connection reaches a sidecar.".to_owned(),
        Standing::Open => format!("{}.", today.value),
        Standing::Differs => {
            let mut text = today.value.clone();
            if !today.leaves_out.is_empty() {
                let ranges = joined(&today.leaves_out, ", ");
                text.push_str(&format!("; it leaves out, at least in part: {ranges}"));
            }
            if !today.beyond.is_empty() {
                let ranges = joined(&today.beyond, ", ");
                text.push_str(&format!("; in no known range of the cluster: {ranges}"));
            }
            if today.leaves_out.is_empty() && today.beyond.is_empty() {
                text.push_str("; it holds all of the value, and more");
            }
            text + "."
        }
    };
    start + &what
}

fn platform_text(out: &mut String, platform: &KnownPlatform) -> fmt::Result {
    out.push_str(&format!(
        "\nPlatform: {} ({})\n",
        platform.title, platform.because
    ));
    wrapped(out, "  ", platform.shows);
    out.push_str("  The figures:\n");
    for line in platform.ask {
        out.push_str(&format!("    {line}\n"));
    }
    out.push_str("  Usual there, as a hint; never in the value:\n");
    let rows: Vec<_> = platform
        .usual
        .iter()
        .map(|usual| vec![format!("  {}", usual.cidr), usual.of.to_owned()])
        .collect();
    write_table(out, &rows)
}
