//! Watches, by the real client's watcher and line by line.

use std::time::Duration;

use anyhow::Result;
use egress_observer_fake_apiserver::Options;
use egress_observer_fake_apiserver::faults::{Fault, Which};
use egress_observer_fake_apiserver::request::Verb;
use egress_observer_fake_apiserver::shared::StreamingLists;
use egress_observer_fake_apiserver::transcript::Event;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::Config;
use serde_json::json;

use crate::bed::{Bed, Watched, list_watch, pod, streaming, until};

async fn follows(config: Config) -> Result<Bed> {
    let bed = Bed::with_pods(&["a", "b"]).await?;
    let mut watched = bed.watch(config.fields("spec.nodeName=n1"));
    watched
        .expect(&["init", "init a", "init b", "done"])
        .await?;
    bed.pod("other", "n2")?;
    bed.pod("c", "n1")?;
    watched.expect(&["apply c"]).await?;
    bed.server.delete("pods", "shop", "a")?;
    watched.expect(&["delete a"]).await?;
    // What stops to match is deleted, and what starts to is new.
    bed.pod("b", "n2")?;
    watched.expect(&["delete b"]).await?;
    bed.pod("other", "n1")?;
    watched.expect(&["apply other"]).await?;
    Ok(bed)
}

#[tokio::test]
async fn a_list_and_a_watch_follow_the_objects() -> Result<()> {
    let bed = follows(list_watch().page_size(1)).await?;
    assert_eq!(bed.server.count("pods", Verb::List), 2);
    assert_eq!(bed.server.count("pods", Verb::Watch), 1);
    Ok(())
}

#[tokio::test]
async fn a_streaming_list_follows_the_objects() -> Result<()> {
    let bed = follows(streaming()).await?;
    assert_eq!(bed.server.count("pods", Verb::List), 0);
    assert_eq!(bed.server.count("pods", Verb::Watch), 1);
    assert!(bed.server.requests()[0].initial_events);
    Ok(())
}

#[tokio::test]
async fn metadata_alone_is_watched() -> Result<()> {
    for config in [list_watch(), streaming()] {
        let bed = Bed::with_pods(&["a"]).await?;
        let pods: Api<PartialObjectMeta<Pod>> = Api::all(bed.client.clone());
        let mut watched = Watched::new(pods, config);
        watched.expect(&["init", "init a", "done"]).await?;
        bed.pod("b", "n1")?;
        watched.expect(&["apply b"]).await?;
        assert!(bed.server.requests().iter().all(|it| it.metadata_only));
    }
    Ok(())
}

fn told(lines: &[Event]) -> Vec<(&str, &str)> {
    let told = lines.iter().map(|line| {
        let name = line.object["metadata"]["name"].as_str();
        (line.kind.as_str(), name.unwrap_or_default())
    });
    told.collect()
}

#[tokio::test]
async fn where_a_watch_begins_depends_on_the_version() -> Result<()> {
    let bed = Bed::with_pods(&["a"]).await?;
    let after_a = bed.server.version();
    bed.pod("b", "n1")?;
    let now = bed.server.version();
    let watch = async |query: String| {
        let path = format!("/api/v1/pods?watch=true&timeoutSeconds=1&{query}");
        bed.lines(&path).await
    };
    for query in ["", "resourceVersion=0"] {
        let lines = watch(query.to_owned()).await?;
        assert_eq!(told(&lines), [("ADDED", "a"), ("ADDED", "b")], "{query}");
    }
    let lines = watch(format!("resourceVersion={after_a}")).await?;
    assert_eq!(told(&lines), [("ADDED", "b")]);
    let lines = watch(format!("resourceVersion={now}")).await?;
    assert_eq!(told(&lines), []);
    // From the future nothing comes: the client is thought to know everything until then.
    let lines = watch(format!("resourceVersion={}", now + 50)).await?;
    assert_eq!(told(&lines), []);
    let without = "sendInitialEvents=false&resourceVersionMatch=NotOlderThan";
    assert_eq!(told(&watch(without.to_owned()).await?), []);
    let initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let lines = watch(format!("{initial}&allowWatchBookmarks=true")).await?;
    let (end, first) = lines.split_last().unwrap();
    // The last one is sent before the time is over.
    assert_eq!(
        (end.kind.as_str(), end.object["metadata"].get("annotations")),
        ("BOOKMARK", None)
    );
    assert_eq!(
        first[2].object["metadata"],
        json!({
            "resourceVersion": now.to_string(),
            "annotations": {"k8s.io/initial-events-end": "true"},
        })
    );
    assert_eq!(
        told(&watch(initial.to_owned()).await?),
        [("ADDED", "a"), ("ADDED", "b")]
    );
    Ok(())
}

#[tokio::test]
async fn an_object_that_stops_to_match_is_deleted_as_it_was() -> Result<()> {
    let bed = Bed::with_pods(&["a"]).await?;
    let version = bed.server.version();
    bed.server.apply(pod("a", "n2"))?;
    let query = format!("watch=1&timeoutSeconds=1&resourceVersion={version}");
    let path = format!("/api/v1/namespaces/shop/pods?{query}&fieldSelector=spec.nodeName%3Dn1");
    let lines = bed.lines(&path).await?;
    assert_eq!(told(&lines), [("DELETED", "a")]);
    assert_eq!(lines[0].object["spec"]["nodeName"], "n1");
    let now = bed.server.version().to_string();
    assert_eq!(lines[0].object["metadata"]["resourceVersion"], now);
    let elsewhere = bed
        .lines(&format!("/api/v1/namespaces/other/pods?{query}"))
        .await?;
    assert_eq!(told(&elsewhere), []);
    Ok(())
}

#[tokio::test]
async fn bookmarks_tell_the_version_of_the_whole_to_those_who_ask() -> Result<()> {
    let bookmark_interval = Duration::from_millis(50);
    let options = Options {
        bookmark_interval,
        ..Options::default()
    };
    let bed = Bed::with(options).await?;
    let begin = bed.server.version();
    let node = "/api/v1/pods?watch=true&allowWatchBookmarks=true&fieldSelector=spec.nodeName%3Dn1";
    bed.pod("elsewhere", "n2")?;
    let now = bed.server.version();
    let text = bed
        .first_lines(&format!("{node}&resourceVersion={begin}"), 2)
        .await?;
    let expected = format!(
        "{{\"type\":\"BOOKMARK\",\"object\":{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":\
         {{\"resourceVersion\":\"{now}\"}},\"spec\":{{\"containers\":null}},\"status\":{{}}}}}}\n"
    );
    assert_eq!(text, expected.repeat(2));
    let silent = format!("/api/v1/pods?watch=true&timeoutSeconds=1&resourceVersion={now}");
    assert_eq!(bed.lines(&silent).await?, []);
    Ok(())
}

#[tokio::test]
async fn an_old_version_is_expired_in_the_stream_and_the_client_lists_again() -> Result<()> {
    let bed = Bed::with_pods(&["a", "b"]).await?;
    bed.server.compact();
    let oldest = bed.server.version();
    let lines = bed
        .lines("/api/v1/pods?watch=true&resourceVersion=2")
        .await?;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].kind, "ERROR");
    assert_eq!(
        lines[0].object,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": format!("too old resource version: 2 ({oldest})"),
            "reason": "Expired", "code": 410,
        })
    );
    let mut watched = bed.watch(list_watch().timeout(1));
    watched
        .expect(&["init", "init a", "init b", "done"])
        .await?;
    // The next watch, after the second that this one lasts.
    let which = Which {
        resource: Some("pods"),
        verb: Some(Verb::Watch),
        times: Some(1),
    };
    bed.server.fail(which, Fault::Expired)?;
    let error = watched.next().await?;
    assert!(error.contains("too old resource version"), "{error}");
    watched
        .expect(&["init", "init a", "init b", "done"])
        .await?;
    Ok(())
}

#[tokio::test]
async fn an_older_server_refuses_streaming_lists_in_its_words() -> Result<()> {
    let bed = Bed::with_pods(&["a"]).await?;
    for (age, message) in [
        (
            StreamingLists::SwitchedOff,
            "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the \
             WatchList feature gate is enabled",
        ),
        (
            StreamingLists::Unknown,
            "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch",
        ),
    ] {
        bed.server.set_streaming_lists(age);
        let mut watched = bed.watch(streaming());
        let error = watched.next().await?;
        assert!(error.contains(message), "{error}");
        let requests = bed.server.requests();
        assert_eq!(requests.last().unwrap().status, Some(422));
        let mut watched = bed.watch(list_watch());
        watched.expect(&["init", "init a", "done"]).await?;
    }
    Ok(())
}

#[tokio::test]
async fn watches_of_a_resource_that_is_removed_end() -> Result<()> {
    let bed = Bed::new().await?;
    let id = "networking.istio.io/sidecars";
    let path = "/apis/networking.istio.io/v1/sidecars?watch=true&resourceVersion=1";
    let lines = bed.lines(path);
    let removed = async {
        until("the watch runs", || bed.server.count(id, Verb::Watch) == 1).await?;
        bed.server.remove_resource(id)
    };
    let (lines, removed) = futures::future::join(lines, removed).await;
    removed?;
    assert_eq!(lines?, []);
    Ok(())
}
