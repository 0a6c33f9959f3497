//! The story, every row of it, on what an operator would look at: the metrics.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use egress_observer_tests::{
    agent, report, run,
    story::{self, Played},
};

/// A path from the environment, where `cargo xtask test` puts it.
fn given(name: &str) -> PathBuf {
    let path = std::env::var_os(name);
    path.unwrap_or_else(|| panic!("{name} is not set: run `cargo xtask test`"))
        .into()
}

pub(crate) fn envoy() -> PathBuf {
    given("EGRESS_OBSERVER_ENVOY")
}

pub(crate) fn promtool() -> PathBuf {
    given("EGRESS_OBSERVER_PROMTOOL")
}

#[test]
fn every_connection_of_the_story_gets_its_verdict() {
    let mut said = Vec::new();
    let mut say = |line: &str| said.push(line.to_owned());
    let played = story::play(&agent::binary(), &envoy(), &mut say);
    let played = played.unwrap_or_else(|error| panic!("{error:#}\nafter {said:#?}"));
    println!("{}", report::table(&played));

    assert_eq!(played.rows.len(), story::steps().len());
    for row in &played.rows {
        assert!(
            row.is_right(),
            "{row:#?}\nthe agent's log:\n{}",
            played.agent.log()
        );
    }
    assert!(played.fix.is_right(), "{:#?}", played.fix);
    // Neither missed nor taken for the application's.
    assert_eq!(played.n_proxy_upstream, played.n_forwarded());
    // `Scrape::parse` has refused series that appear twice; promtool has more opinions.
    assert_promtool_accepts(&played.scrape.text);
    assert_documented(&played.scrape.text);

    let Played { agent, node, .. } = played;
    agent.stop().unwrap();
    let id = node.run().id().to_owned();
    drop(node);
    assert_eq!(run::leftovers(&id).unwrap(), [] as [String; 0]);
}

/// What people find in a scrape they find in the documentation.
fn assert_documented(scrape: &str) {
    let docs = include_str!("../../docs/metrics.md");
    let families = scrape
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let missing: Vec<_> = families
        .filter(|family| !docs.contains(&format!("`{family}`")))
        .collect();
    assert!(missing.is_empty(), "not in docs/metrics.md: {missing:?}");
}

fn assert_promtool_accepts(scrape: &str) {
    let mut promtool = Command::new(promtool());
    promtool.args(["check", "metrics"]);
    promtool
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = promtool.spawn().expect("promtool starts");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(scrape.as_bytes())
        .expect("promtool reads");
    let result = child.wait_with_output().expect("promtool ends");
    let said = String::from_utf8_lossy(&result.stderr);
    assert!(
        result.status.success(),
        "promtool: {said}\nof this scrape:\n{scrape}"
    );
}
