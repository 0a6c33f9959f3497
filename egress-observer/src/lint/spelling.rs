use super::{finding::Finding, scene::Scene};
pub(super) fn findings(_scene: &Scene<'_>) -> Vec<Finding> {
    Vec::new()
}
