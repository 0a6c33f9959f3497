//! Files of directories that are not objects yet: those of a Helm chart.

use std::path::{Path, PathBuf};

/// The chart below `root` that a file belongs to before it is rendered: its description, its values, its
/// templates. What else stands there, CustomResourceDefinitions for example, is as it is.
pub(super) fn chart_of(root: &Path, file: &Path) -> Option<PathBuf> {
    let above = file.ancestors().skip(1);
    let within = above.take_while(|directory| directory.starts_with(root));
    let chart = within
        .filter(|directory| directory.join("Chart.yaml").is_file())
        .find(|chart| is_unrendered(file.strip_prefix(chart).unwrap_or(file)))?;
    Some(chart.to_owned())
}

fn is_unrendered(file: &Path) -> bool {
    let name = file.to_str().unwrap_or_default();
    file.starts_with("templates")
        || name == "Chart.yaml"
        || name.starts_with("values") && !name.contains(['/', '\\'])
}
