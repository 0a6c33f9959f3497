//! The server ends, and starts again.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::Result;
use egress_observer_fake_apiserver::Options;
use egress_observer_fake_apiserver::request::Verb;

use crate::bed::{Bed, Watched, list_watch, pod};

async fn watched(bed: &Bed) -> Result<Watched> {
    let mut watched = bed.watch(list_watch());
    watched.expect(&["init", "init a", "done"]).await?;
    // The watch runs when its first event arrives.
    bed.pod("first", "n1")?;
    watched.expect(&["apply first"]).await?;
    Ok(watched)
}

#[tokio::test]
async fn while_it_is_stopped_connections_are_refused() -> Result<()> {
    let mut bed = Bed::with_pods(&["a"]).await?;
    let mut watched = watched(&bed).await?;
    let requests = bed.server.requests().len();
    bed.server.stop()?;
    let broken = watched.next().await?;
    assert!(broken.starts_with("error "), "{broken}");
    let error = bed.get("/api/v1/pods").await.unwrap_err();
    assert!(format!("{error:#}").contains("refused"), "{error:#}");
    assert_eq!(bed.server.requests().len(), requests);
    Ok(())
}

#[tokio::test]
async fn a_restart_keeps_objects_and_versions_and_forgets_the_history() -> Result<()> {
    let mut bed = Bed::with_pods(&["a"]).await?;
    let mut watched = watched(&bed).await?;
    let address = bed.server.address();
    bed.server.stop()?;
    bed.server.start_again()?;
    assert_eq!(bed.server.address(), address);
    // It had seen everything: its version is still the last.
    bed.pod("b", "n1")?;
    assert_eq!(watched.next_good().await?, "apply b");
    assert_eq!(bed.server.count("pods", Verb::List), 1);

    bed.server.stop()?;
    bed.pod("c", "n1")?;
    bed.server.start_again()?;
    assert_eq!(watched.next_good().await?, "init", "its version is too old");
    watched
        .expect(&["init a", "init b", "init c", "init first", "done"])
        .await?;
    Ok(())
}

#[tokio::test]
async fn with_another_storage_versions_start_anew() -> Result<()> {
    let mut bed = Bed::with_pods(&["a"]).await?;
    let mut watched = watched(&bed).await?;
    bed.server.stop()?;
    bed.server.start_anew(1000)?;
    bed.server.apply(pod("z", "n1"))?;
    assert_eq!(watched.next_good().await?, "init");
    watched.expect(&["init z", "done"]).await?;
    assert_eq!(bed.server.version(), 1001);
    Ok(())
}

#[tokio::test]
async fn a_listener_that_is_given_is_used_and_used_again() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let options = Options {
        listener: Some(listener),
        ..Options::default()
    };
    let mut bed = Bed::with(options).await?;
    for _ in 0..3 {
        assert_eq!(bed.server.address(), address);
        assert_eq!(bed.get("/readyz").await?.0, 200);
        bed.server.stop()?;
        bed.server.start_again()?;
    }
    assert!(bed.server.start_again().is_err(), "it runs already");
    Ok(())
}
