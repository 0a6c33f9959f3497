//! What the server says, against what a real API server was recorded to say.

use std::{collections::BTreeSet, fs};

use anyhow::{Context as _, Result};
use egress_observer_fake_apiserver::transcript::{Event, Transcript, parse_lines};
use serde_json::Value;

use crate::bed::{Bed, fixture, list_watch, streaming};

const PODS: &str = "/api/v1/pods?watch=true&allowWatchBookmarks=true&sendInitialEvents=true\
                    &resourceVersionMatch=NotOlderThan&timeoutSeconds=2";
const ENTRIES: &str = "/apis/networking.istio.io/v1/serviceentries?watch=true\
                       &allowWatchBookmarks=true&sendInitialEvents=true\
                       &resourceVersionMatch=NotOlderThan&timeoutSeconds=2";

fn recorded(name: &str) -> Result<Transcript> {
    Transcript::parse(&fs::read_to_string(fixture(name))?)
}

/// Every field, down to the leaves: lists are their own fields.
fn fields(path: &str, value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                fields(&format!("{path}.{name}"), value, into);
            }
        }
        Value::Array(list) => list
            .iter()
            .for_each(|value| fields(&format!("{path}[]"), value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            into.insert(path.to_owned());
        }
    }
}

/// Bookmarks come when the server thinks fit, but for the one that ends the initial events.
fn without_later_bookmarks(events: &[Event]) -> Vec<Event> {
    let kept = events.iter().filter(|event| {
        event.kind != "BOOKMARK" || event.object["metadata"].get("annotations").is_some()
    });
    kept.cloned().collect()
}

async fn same_as_recorded(name: &str, path: &str) -> Result<()> {
    let bed = Bed::new().await?;
    let transcript = recorded(name)?;
    let events = transcript.events();
    let end = events.iter().position(|event| event.kind == "BOOKMARK");
    let end = end.context("no initial events")?;
    // Initial events are objects that were there before; the rest happens while the watch runs.
    let (before, after) = events.split_at(end + 1);
    for event in before {
        bed.server.replay_event(&transcript, event)?;
    }
    let id = if name.contains("pods") {
        "pods"
    } else {
        "networking.istio.io/serviceentries"
    };
    let changes = async {
        let watching = || !bed.server.requests().is_empty();
        crate::bed::until("the watch runs", watching).await?;
        after
            .iter()
            .try_for_each(|event| bed.server.replay_event(&transcript, event))
    };
    let (lines, changes) = futures::future::join(bed.lines(path), changes).await;
    changes?;
    assert_eq!(
        without_later_bookmarks(&lines?),
        without_later_bookmarks(events)
    );
    let gone = events.last().is_some_and(|event| event.kind == "DELETED");
    assert_eq!(bed.server.objects(id)?.len(), usize::from(!gone));
    Ok(())
}

#[tokio::test]
async fn a_pods_life_is_told_as_it_was_recorded() -> Result<()> {
    same_as_recorded("watch-pods.jsonl", PODS).await
}

#[tokio::test]
async fn a_service_entrys_life_is_told_as_it_was_recorded() -> Result<()> {
    same_as_recorded("watch-se.jsonl", ENTRIES).await
}

#[tokio::test]
async fn bookmarks_look_as_they_were_recorded() -> Result<()> {
    for (name, path) in [("watch-pods.jsonl", PODS), ("watch-se.jsonl", ENTRIES)] {
        let bed = Bed::new().await?;
        let transcript = recorded(name)?;
        let mut seen = BTreeSet::new();
        for event in transcript.events() {
            bed.server.replay_event(&transcript, event)?;
            if event.kind == "BOOKMARK" && seen.is_empty() {
                let lines = bed.lines(&path.replace("Seconds=2", "Seconds=1")).await?;
                let bookmark = lines.iter().find(|line| line.kind == "BOOKMARK");
                assert_eq!(bookmark, Some(event), "{name}");
                seen.insert(name);
            }
        }
        assert_eq!(seen.len(), 1, "{name} has a bookmark");
    }
    Ok(())
}

#[tokio::test]
async fn the_injected_pod_comes_back_with_the_fields_that_it_has() -> Result<()> {
    let bed = Bed::new().await?;
    let pod: Value = serde_json::from_str(&fs::read_to_string(fixture("injected-pod.json"))?)?;
    bed.server.load(&fixture("injected-pod.json"))?;
    let metadata = &pod["metadata"];
    let text = |field: &str| metadata[field].as_str().unwrap().to_owned();
    let path = format!(
        "/api/v1/namespaces/{}/pods/{}",
        text("namespace"),
        text("name")
    );
    let (_, found) = bed.get(&path).await?;
    let of = |value: &Value| {
        let mut set = BTreeSet::new();
        fields("", value, &mut set);
        set
    };
    assert_eq!(of(&found), of(&pod));
    assert_eq!(found["metadata"]["uid"], pod["metadata"]["uid"]);
    assert_eq!(found["spec"], pod["spec"]);
    // And the client's own types read them.
    let mut watched = bed.watch(streaming());
    let name = text("name");
    watched
        .expect(&["init", &format!("init {name}"), "done"])
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_transcript_is_sent_byte_for_byte() -> Result<()> {
    let bed = Bed::new().await?;
    let text = fs::read_to_string(fixture("watch-pods.jsonl"))?;
    let transcript = Transcript::parse(&text)?;
    bed.server.answer_with(&transcript);
    let sent = bed.first_lines(PODS, transcript.events().len()).await?;
    assert_eq!(sent, text);
    let mut watched = bed.watch(streaming());
    watched.expect(&["init", "init client", "done"]).await?;
    watched.expect(&["apply client"; 6]).await?;
    watched.expect(&["delete client"]).await?;
    Ok(())
}

#[tokio::test]
async fn a_recording_goes_only_forward() -> Result<()> {
    let bed = Bed::new().await?;
    let transcript = recorded("watch-pods.jsonl")?;
    bed.server.replay(&transcript)?;
    assert_eq!(bed.server.version(), 400);
    assert!(bed.server.replay(&transcript).is_err());
    let mut watched = bed.watch(list_watch());
    watched.expect(&["init", "done"]).await?;
    assert!(parse_lines("{\"type\": 1}").is_err());
    Ok(())
}
