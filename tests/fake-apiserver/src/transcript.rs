//! Watches that were recorded from a real API server.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use super::{
    object::version_of,
    resources::{Resource, by_kind},
    store::Store,
};

/// A recorded watch of one resource.
#[derive(Clone, Debug)]
pub struct Transcript {
    pub(super) resource: &'static Resource,
    pub(super) text: String,
    events: Vec<Event>,
}

/// A line of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Event {
    #[serde(rename = "type")]
    pub kind: String,
    pub object: Value,
}

impl Transcript {
    /// Reads JSON lines.
    pub fn parse(text: &str) -> Result<Self> {
        let events = parse_lines(text)?;
        let first = &events.first().context("an empty transcript")?.object;
        let [version, kind] =
            ["apiVersion", "kind"].map(|field| first[field].as_str().unwrap_or_default());
        let resource = by_kind(version, kind)
            .with_context(|| format!("no resource is known for {kind} of {version}"))?;
        Ok(Self {
            resource,
            text: text.to_owned(),
            events,
        })
    }

    pub fn events(&self) -> &[Event] {
        &self.events
    }
}

/// The events of a watch, as it was recorded or as a client got it.
pub fn parse_lines(text: &str) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let event = serde_json::from_str(line);
        events.push(event.with_context(|| format!("line {} is no event", index + 1))?);
    }
    Ok(events)
}

/// Makes of the storage what one event says.
pub(super) fn record(store: &mut Store, resource: &'static Resource, event: &Event) -> Result<()> {
    match event.kind.as_str() {
        "ADDED" | "MODIFIED" => store.record(resource, event.object.clone(), false),
        "DELETED" => store.record(resource, event.object.clone(), true),
        "BOOKMARK" => {
            store.advance(version_of(&event.object)?);
            Ok(())
        }
        kind => bail!("cannot replay an event of type {kind}"),
    }
}
