//! What goes wrong on purpose, as the client sees it.

use std::time::{Duration, Instant};

use anyhow::Result;
use egress_observer_fake_apiserver::faults::{Fault, Which};
use egress_observer_fake_apiserver::request::Verb;
use futures::AsyncReadExt as _;
use hyper::Request;
use serde_json::json;

use crate::bed::{Bed, list_watch, until};

const ONCE: Which = Which {
    resource: Some("pods"),
    verb: None,
    times: Some(1),
};

#[tokio::test]
async fn refusals_have_the_codes_and_words_of_the_real_ones() -> Result<()> {
    let bed = Bed::with_pods(&["a"]).await?;
    for (fault, code, message) in [
        (
            Fault::Forbidden,
            403,
            "pods is forbidden: User \"system:serviceaccount:egress-observer:egress-observer\" \
             cannot list resource \"pods\" in API group \"\" at the cluster scope",
        ),
        (
            Fault::InternalError,
            500,
            "Internal error occurred: etcdserver: request timed out",
        ),
        (
            Fault::Unavailable,
            503,
            "the server is currently unable to handle the request",
        ),
        (Fault::Gone, 410, "too old resource version"),
        (Fault::Expired, 410, "too old resource version"),
    ] {
        bed.server.fail(ONCE, fault)?;
        let (found, body) = bed.get("/api/v1/pods").await?;
        assert_eq!((found, body["message"].as_str()), (code, Some(message)));
        assert_eq!(body["code"], code);
        assert_eq!(bed.get("/api/v1/pods").await?.0, 200, "only once");
    }
    Ok(())
}

#[tokio::test]
async fn too_many_requests_is_plain_text_that_says_when_to_come_back() -> Result<()> {
    let bed = Bed::new().await?;
    bed.server
        .fail(ONCE, Fault::TooManyRequests { retry_after: 7 })?;
    let request = Request::get("/api/v1/pods").body(Vec::new())?;
    let response = bed.client.send(request.map(Into::into)).await?;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "7");
    let body = response.into_body().collect_bytes().await?;
    assert_eq!(body, "Too many requests, please try again later.\n");
    Ok(())
}

#[tokio::test]
async fn a_watch_that_is_cut_in_a_line_goes_on_where_it_was() -> Result<()> {
    let bed = Bed::with_pods(&["a"]).await?;
    let mut watched = bed.watch(list_watch());
    watched.expect(&["init", "init a", "done"]).await?;
    let cut = async {
        let watches = || bed.server.count("pods", Verb::Watch);
        until("the first watch runs", || watches() == 1).await?;
        bed.server.cut_watches("pods")?;
        until("the client watches again", || watches() == 2).await?;
        bed.pod("b", "n1")
    };
    let (event, cut) = futures::future::join(watched.next(), cut).await;
    cut?;
    // To kube-rs half a line is no error but an end: it goes on from the last version.
    assert_eq!(event?, "apply b");
    assert_eq!(bed.server.count("pods", Verb::List), 1);
    Ok(())
}

#[tokio::test]
async fn a_body_is_cut_after_so_many_bytes() -> Result<()> {
    let bed = Bed::with_pods(&["a"]).await?;
    for path in ["/api/v1/pods", "/api/v1/pods?watch=true"] {
        bed.server.fail(ONCE, Fault::Cut { after: 100 })?;
        let mut body = Box::pin(bed.raw_watch(path).await?);
        let mut text = Vec::new();
        assert!(body.read_to_end(&mut text).await.is_err(), "{path}");
        assert_eq!(text.len(), 100, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_slow_body_arrives_in_the_end() -> Result<()> {
    let bed = Bed::with_pods(&["a"]).await?;
    let (_, quick) = bed.get("/api/v1/pods").await?;
    let bytes = quick.to_string().len();
    let fault = Fault::Slow {
        bytes_per_second: bytes * 2,
    };
    bed.server.fail(ONCE, fault)?;
    let begin = Instant::now();
    assert_eq!(bed.get("/api/v1/pods").await?, (200, quick));
    assert!(begin.elapsed() > Duration::from_millis(400));
    Ok(())
}

#[tokio::test]
async fn a_request_that_hangs_is_logged_and_ends_with_the_server() -> Result<()> {
    let mut bed = Bed::new().await?;
    bed.server.fail(ONCE, Fault::Hang)?;
    let client = bed.client.clone();
    let request = Request::get("/api/v1/pods").body(Vec::new())?;
    let hangs = tokio::spawn(async move { client.send(request.map(Into::into)).await });
    until("it arrives", || bed.server.requests().len() == 1).await?;
    assert_eq!(bed.server.requests()[0].status, None);
    // Others are answered meanwhile.
    assert_eq!(bed.get("/api/v1/nodes").await?.0, 200);
    assert!(!hangs.is_finished());
    bed.server.stop()?;
    assert!(hangs.await?.is_err());
    Ok(())
}

#[tokio::test]
async fn faults_end_when_they_are_cleared() -> Result<()> {
    let bed = Bed::new().await?;
    bed.server.fail(Which::default(), Fault::Unavailable)?;
    assert_eq!(bed.get("/api/v1/nodes").await?.0, 503);
    bed.server.clear_faults();
    assert_eq!(bed.get("/api/v1/nodes").await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn every_answer_takes_as_long_as_it_was_told() -> Result<()> {
    let bed = Bed::new().await?;
    let latency = Duration::from_millis(150);
    bed.server.set_latency(latency);
    let begin = Instant::now();
    assert_eq!(bed.get("/api/v1/pods").await?.0, 200);
    assert!(begin.elapsed() >= latency);
    Ok(())
}

#[tokio::test]
async fn bad_questions_are_refused() -> Result<()> {
    let bed = Bed::new().await?;
    for (path, code, message) in [
        (
            "/api/v1/pods?limit=x",
            400,
            "limit=\"x\": invalid digit found in string",
        ),
        (
            "/api/v1/pods?resourceVersion=x",
            400,
            "Invalid value: \"x\": invalid digit found in string",
        ),
        (
            "/api/v1/pods?fieldSelector=spec.x%3D1",
            400,
            "field label not supported: spec.x",
        ),
        ("/api/v1/namespaces/a/pods/x", 404, "pods \"x\" not found"),
    ] {
        let (found, body) = bed.get(path).await?;
        assert_eq!((found, &body["message"]), (code, &json!(message)), "{path}");
    }
    let post = Request::post("/api/v1/namespaces/a/pods").body(b"{}".to_vec())?;
    assert_eq!(bed.ask(post).await?.0, 405);
    let html = Request::get("/api/v1/pods").header("accept", "text/html");
    assert_eq!(bed.ask(html.body(Vec::new())?).await?.0, 406);
    Ok(())
}
