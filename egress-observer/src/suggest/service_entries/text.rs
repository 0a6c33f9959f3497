//! Suggestions as YAML for `kubectl apply`, with comments for whoever reads it first.

use std::fmt;

use super::answer::{EntryUser, NotSuggested, SuggestedEntry, Suggestions};
use crate::text::count;

/// How many lines say who uses an entry.
const USERS: usize = 10;
/// How many lines say what has no entry.
const REFUSED: usize = 50;
/// How many names are told of a destination.
const NAMES: usize = 8;

impl fmt::Display for Suggestions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.entries.iter().enumerate() {
            if index > 0 {
                writeln!(f, "---")?;
            }
            write!(f, "{entry}")?;
        }
        if !self.entries.is_empty() && !self.not_suggested.is_empty() {
            writeln!(f, "# Not suggested:")?;
            for line in self.refusals() {
                writeln!(f, "#   {line}")?;
            }
        }
        Ok(())
    }
}

impl Suggestions {
    /// What has no entry, a line each, and why.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = String> {
        let all = &self.not_suggested;
        let more = all.len().saturating_sub(REFUSED);
        let rest = (more > 0).then(|| format!("and {more} more"));
        all.iter().take(REFUSED).map(NotSuggested::line).chain(rest)
    }
}

/// Comments, then the object.
impl fmt::Display for SuggestedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.manifest.hosts.join(", ");
        writeln!(f, "# {hosts}: {}", count(self.connections, "connection"))?;
        let more = self.used_by.len().saturating_sub(USERS);
        let rest = (more > 0).then(|| format!("and {}", count(more as u64, "more workload")));
        for line in self
            .used_by
            .iter()
            .take(USERS)
            .map(EntryUser::line)
            .chain(rest)
        {
            writeln!(f, "#   {line}")?;
        }
        if !self.hosts.is_empty() {
            writeln!(f, "# Asked for: {}.", some(&self.hosts))?;
        }
        if !self.guessed.is_empty() {
            let numbers: Vec<_> = self.guessed.iter().map(u16::to_string).collect();
            writeln!(
                f,
                "# Protocol by the port, as it cannot be seen: {}.",
                some(&numbers)
            )?;
        }
        let resolution = self.manifest.resolution.as_str();
        writeln!(f, "# Resolution {resolution}: {}.", self.because)?;
        for near in &self.near {
            let (object, host) = (plain(&near.object), plain(&near.host));
            writeln!(f, "# Near: {object} ({host}): {}.", plain(&near.because))?;
        }
        for note in &self.notes {
            writeln!(f, "# Note: {}.", plain(note))?;
        }
        write!(f, "{}", self.manifest)
    }
}

impl EntryUser {
    fn line(&self) -> String {
        let Self {
            namespace,
            workload,
            tally,
        } = self;
        let verdicts = tally
            .verdicts
            .iter()
            .map(|(verdict, n)| format!("{verdict} {n}"));
        let verdicts: Vec<_> = verdicts.collect();
        let mut line = format!("{namespace}/{workload}: {}", tally.connections);
        if !verdicts.is_empty() {
            line.push_str(&format!(" ({})", verdicts.join(", ")));
        }
        if let Some(time) = &tally.last_time {
            line.push_str(&format!(", last {time}"));
        }
        plain(&line)
    }
}

impl NotSuggested {
    fn line(&self) -> String {
        let port = format!("{}/{}", self.port, self.protocol);
        let place = match (self.ip, self.names.as_slice()) {
            (None, names) => format!("{} {port}", some(names)),
            (Some(ip), []) => format!("{ip} {port}"),
            (Some(ip), names) => format!("{ip} {port} ({})", some(names)),
        };
        let n = count(self.connections, "connection");
        plain(&format!(
            "{}: {place}, {n}: {}",
            self.namespace,
            self.reason.text()
        ))
    }
}

/// The ports that an entry is wanted for, in words.
pub(super) fn ports(entry: &SuggestedEntry) -> String {
    let ports = entry.manifest.ports.iter();
    let ports = ports.filter(|port| entry.wanted.contains(&port.number));
    let all: Vec<_> = ports
        .map(|port| format!("{} ({})", port.number, port.protocol.as_str()))
        .collect();
    some(&all)
}

/// The first of a list.
fn some(all: &[String]) -> String {
    let mut text = all
        .iter()
        .take(NAMES)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if all.len() > NAMES {
        text.push_str(&format!(" and {} more", all.len() - NAMES));
    }
    text
}

/// Text from outside that neither ends a comment nor steers a terminal: names of Kubernetes and DNS
/// are ASCII.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' '..='~' => out.push(c),
            other => out.extend(other.escape_default()),
        }
    }
    out
}
