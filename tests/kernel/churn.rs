//! A node whose pods live for a moment, 2,000 a minute.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use egress_observer_tests::{
    agent,
    churn::{self, Plan},
};

use crate::bed::TRAFFIC;

#[test]
fn every_connection_of_pods_that_live_for_a_moment_is_attributed() -> Result<()> {
    let plan = Plan {
        standing: 500,
        starts_per_minute: 2_000,
        duration: Duration::from_secs(40),
        interval: Duration::from_secs(5),
    };
    let figures = churn::run(&agent::binary(), Path::new(TRAFFIC), plan)?;
    println!("{}", figures.summary());
    println!("{:#?}\n{:#?}", figures.samples, figures.requests);
    ensure!(
        figures.differences().is_empty(),
        "{:#?}",
        figures.differences()
    );
    Ok(())
}
