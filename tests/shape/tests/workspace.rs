//! The code of this workspace keeps to the limits.
#![expect(clippy::tests_outside_test_module, reason = "all of this is a test")]

use std::path::Path;

use egress_observer_shape::{Dependencies, LIMITS, measure, report};

#[test]
fn every_package_keeps_to_the_limits() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shape = measure(&root, Dependencies::Imports).unwrap();
    for package in &shape.packages {
        assert!(package.n_code_lines > 100, "{} was not read", package.name);
    }
    let names: Vec<_> = shape
        .packages
        .iter()
        .map(|package| &*package.name)
        .collect();
    for name in ["egress-observer", "egress-observer-tests", "xtask"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    let broken = shape.broken(&LIMITS);
    assert!(
        broken.is_empty(),
        "{}\n{}\n{}",
        report::table(&shape).unwrap(),
        report::cycles(&shape, false).unwrap(),
        broken.join("\n")
    );
}
