//! The code of this workspace keeps to the limits.
#![expect(clippy::tests_outside_test_module, reason = "all of this is a test")]

use std::path::Path;

use egress_observer_shape::{Dependencies, LIMITS, measure, report};

#[test]
fn the_product_keeps_to_the_limits() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shape = measure(&root, Dependencies::Imports).unwrap();
    let products = shape.packages.iter().filter(|package| package.is_product);
    assert!(products.count() >= 3, "packages are missing");
    let broken = shape.broken(&LIMITS);
    assert!(
        broken.is_empty(),
        "{}\n{}\n{}",
        report::table(&shape).unwrap(),
        report::cycles(&shape, false).unwrap(),
        broken.join("\n")
    );
}
