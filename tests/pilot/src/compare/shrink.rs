//! The same disagreement with fewer objects.

use std::path::Path;

use anyhow::Result;

use super::{Disagreement, Report, judge, product};
use crate::generate::World;

/// Without every object and list element that the disagreement does not need; with the one destination.
pub(super) fn shrink(
    binary: &Path,
    world: &World,
    found: Disagreement,
) -> Result<(World, Disagreement)> {
    let mut small = World {
        destinations: vec![found.destination.clone()],
        ..world.clone()
    };
    let mut found = found;
    let mut at = 0;
    while at < small.manifests.len() {
        let mut smaller = small.clone();
        let removed = smaller.manifests.remove(at);
        let is_client = removed["kind"] == "Pod" && removed["metadata"]["name"] == "client";
        // Without its Namespace an object is in a place that nobody can tell anything about.
        let is_needed = is_client || removed["kind"] == "Namespace";
        if !is_needed && let Some(still) = differs(binary, &smaller, &found)? {
            found = still;
            small = smaller;
        } else {
            at += 1;
        }
    }
    Ok((small, found))
}

fn differs(binary: &Path, world: &World, found: &Disagreement) -> Result<Option<Disagreement>> {
    let mut report = Report::default();
    judge(found.case, world, product::ask(binary, world)?, &mut report);
    let still = report.disagreements.pop();
    Ok(still.filter(|still| still.kind() == found.kind()))
}
