//! More than the busiest node needs.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::bed::{Bed, fixture, list_watch};

/// A node's pods many times over, in the size of real ones.
const PODS: usize = 500;
/// 33 pods a second that start and end, with six changes each, are 200 changes a second.
const CHANGES: usize = 2_000;

#[tokio::test]
async fn five_hundred_pods_and_their_changes_arrive_in_time() -> Result<()> {
    let bed = Bed::new().await?;
    let text = std::fs::read_to_string(fixture("injected-pod.json"))?;
    let mut pod: Value = serde_json::from_str(&text)?;
    let mut apply = |number: usize, round: usize| {
        pod["metadata"]["name"] = format!("pod-{number:03}").into();
        pod["metadata"]["uid"] = format!("uid-{number:03}").into();
        pod["metadata"]["annotations"]["round"] = round.to_string().into();
        bed.server.apply(pod.clone())
    };
    for number in 0..PODS {
        apply(number, 0)?;
    }
    let mut watched = bed.watch(list_watch());
    while watched.next().await? != "done" {}
    let begin = Instant::now();
    for change in 0..CHANGES {
        apply(change % PODS, 1 + change / PODS)?;
    }
    for change in 0..CHANGES {
        let expected = format!("apply pod-{:03}", change % PODS);
        ensure!(watched.next().await? == expected, "change {change}");
    }
    // Some 250 a second arrive on two cores in a debug build, and most of the time is the client's.
    // What is far slower is no busy machine, but work that grows with the number of objects.
    let took = begin.elapsed();
    ensure!(
        took < Duration::from_secs(60),
        "{CHANGES} changes took {took:?}"
    );
    Ok(())
}
