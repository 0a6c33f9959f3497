//! The chart's values: what they are called, what they are by default and what their comments say.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::helm::CHART;
use crate::workspace;

const PAGE: &str = "docs/install.md";
const BEGIN: &str = "<!-- values: made by `cargo xtask deploy generate` -->\n";
const END: &str = "<!-- end of values -->";

/// A value with its comment.
#[derive(Debug, PartialEq, Eq)]
struct Documented {
    path: String,
    comment: String,
}

/// The default values.
pub fn defaults() -> Result<Value> {
    serde_saphyr::from_str(&text()?).context("values.yaml is not YAML")
}

fn text() -> Result<String> {
    read(&format!("{CHART}/values.yaml"))
}

fn read(path: &str) -> Result<String> {
    let path: PathBuf = workspace::root().join(path);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// The paths of all values that hold no further ones.
pub fn leaves(value: &Value) -> Vec<String> {
    match value.as_object() {
        Some(object) if !object.is_empty() => object
            .iter()
            .flat_map(|(key, value)| leaves(value).into_iter().map(move |rest| join(key, &rest)))
            .collect(),
        _ => vec![String::new()],
    }
}

fn join(key: &str, rest: &str) -> String {
    if rest.is_empty() {
        key.to_owned()
    } else {
        format!("{key}.{rest}")
    }
}

/// Whether `path` is `above` or below it.
pub fn is_within(path: &str, above: &str) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Writes the table into the page.
pub fn write() -> Result<()> {
    let page = read(PAGE)?;
    let (before, old, after) = split(&page)?;
    let table = table()?;
    if old != table {
        let path = workspace::root().join(PAGE);
        fs::write(&path, format!("{before}{table}{after}"))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Every value has a comment, and the page has the table of today. Says how many there are.
pub fn check() -> Result<String> {
    let documented = documented(&text()?);
    for leaf in leaves(&defaults()?) {
        if !documented.iter().any(|d| is_within(&leaf, &d.path)) {
            bail!("values.yaml: `{leaf}` has no comment that starts with `# --`");
        }
    }
    let page = read(PAGE)?;
    if split(&page)?.1 != table()? {
        bail!(
            "{PAGE}: the table of values is not that of values.yaml; `cargo xtask deploy generate` makes it"
        );
    }
    Ok(format!("{} values", documented.len()))
}

fn split(page: &str) -> Result<(&str, &str, &str)> {
    let start = page
        .find(BEGIN)
        .with_context(|| format!("{PAGE}: no line `{}`", BEGIN.trim_end()))?
        + BEGIN.len();
    let length = page[start..]
        .find(END)
        .with_context(|| format!("{PAGE}: no line `{END}`"))?;
    let (before, rest) = page.split_at(start);
    let (table, after) = rest.split_at(length);
    Ok((before, table, after))
}

fn table() -> Result<String> {
    let defaults = defaults()?;
    let mut table = "\n| value | default | meaning |\n|---|---|---|\n".to_owned();
    for Documented { path, comment } in documented(&text()?) {
        let default = path.split('.').fold(&defaults, |value, key| &value[key]);
        let comment = comment.replace('|', "\\|");
        writeln!(table, "| `{path}` | `{default}` | {comment} |").context("writing to a String")?;
    }
    table.push('\n');
    Ok(table)
}

/// The comments `# -- ...` of a text in the style of ours, each of which stands above its key.
fn documented(text: &str) -> Vec<Documented> {
    let mut found = Vec::new();
    let mut above: Vec<(usize, &str)> = Vec::new();
    let mut comment = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        if let Some(words) = line.trim_start().strip_prefix("# -- ") {
            comment = Some(words.to_owned());
            continue;
        }
        let Some((key, _)) = line.trim_start().split_once(':') else {
            continue;
        };
        if key.starts_with(['#', '-']) {
            continue;
        }
        above.retain(|(other, _)| *other < indent);
        above.push((indent, key));
        if let Some(comment) = comment.take() {
            let keys: Vec<&str> = above.iter().map(|(_, key)| *key).collect();
            found.push(Documented {
                path: keys.join("."),
                comment,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_belong_to_the_key_below() {
        let text = "# about: nothing\n# -- One.\na: 1\nb:\n  # -- Two.\n  c: {}\n  d: 3\n# -- Four.\ne: [x]\n";
        let found: Vec<_> = documented(text)
            .into_iter()
            .map(|d| (d.path, d.comment))
            .collect();
        let expected = [("a", "One."), ("b.c", "Two."), ("e", "Four.")];
        assert_eq!(
            found,
            expected.map(|(path, comment)| (path.to_owned(), comment.to_owned()))
        );
    }

    #[test]
    fn leaves_are_what_holds_nothing_further() {
        let value = serde_json::json!({"a": 1, "b": {"c": {}, "d": [{"e": 1}]}});
        assert_eq!(leaves(&value), ["a", "b.c", "b.d"]);
    }
}
