//! The Prometheus text format, read strictly: what a scraper would forgive is an error here.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};

/// One line of a scrape.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl Sample {
    /// The value of a label; empty when there is none, as in Prometheus.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    fn matches(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        self.name == name
            && labels
                .iter()
                .all(|(label, value)| self.label(label) == *value)
    }
}

/// Everything of one scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scrape {
    pub text: String,
    pub samples: Vec<Sample>,
}

impl Scrape {
    /// Reads a whole scrape. A series that appears twice is an error.
    pub fn parse(text: &str) -> Result<Self> {
        let mut samples = Vec::new();
        let mut seen = BTreeSet::new();
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let sample = parse_line(line)
                .with_context(|| format!("line {} of the scrape: `{line}`", number + 1))?;
            if !seen.insert((sample.name.clone(), sample.labels.clone())) {
                bail!(
                    "line {} of the scrape repeats a series: `{line}`",
                    number + 1
                );
            }
            samples.push(sample);
        }
        if !text.is_empty() && !text.ends_with('\n') {
            bail!("the scrape does not end with a line feed: it is cut off");
        }
        Ok(Self {
            text: text.to_owned(),
            samples,
        })
    }

    /// The samples of one name that carry all these labels.
    pub fn select<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = &'a Sample> {
        self.samples
            .iter()
            .filter(move |sample| sample.matches(name, labels))
    }

    /// The sum over all series of one name that carry these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.select(name, labels).map(|sample| sample.value).sum()
    }

    /// What grew since an earlier scrape, with the difference as its value.
    pub fn since(&self, earlier: &Self) -> Vec<Sample> {
        let before: BTreeMap<_, _> = earlier
            .samples
            .iter()
            .map(|sample| ((&sample.name, &sample.labels), sample.value))
            .collect();
        let grown = self.samples.iter().filter_map(|sample| {
            let before = before.get(&(&sample.name, &sample.labels)).copied();
            let difference = sample.value - before.unwrap_or_default();
            (difference > 0.0).then(|| Sample {
                value: difference,
                ..sample.clone()
            })
        });
        grown.collect()
    }

    /// The lines of some families, comments included.
    pub fn families(&self, names: &[&str]) -> String {
        self.text
            .lines()
            .filter(|line| names.contains(&family(line)))
            .flat_map(|line| [line, "\n"])
            .collect()
    }
}

/// The name of what a line of an exposition is about, comments included.
fn family(line: &str) -> &str {
    let name = line
        .strip_prefix("# HELP ")
        .or_else(|| line.strip_prefix("# TYPE "));
    let name = name.unwrap_or(line);
    let end = name.find(['{', ' ']).unwrap_or(name.len());
    &name[..end]
}

/// `name{label="value",...} value`; no exemplars and no timestamps, the agent writes none.
fn parse_line(line: &str) -> Result<Sample> {
    let name_end = line.find(['{', ' ']).context("no value")?;
    let name = &line[..name_end];
    if !is_name(name) {
        bail!("`{name}` is no metric name");
    }
    let (labels, rest) = match line[name_end..].strip_prefix('{') {
        Some(text) => parse_labels(text)?,
        None => (BTreeMap::new(), &line[name_end..]),
    };
    let value = rest
        .strip_prefix(' ')
        .context("no blank before the value")?;
    let value = value
        .parse()
        .with_context(|| format!("`{value}` is no number"))?;
    Ok(Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

/// Labels up to the closing brace, and what follows it.
fn parse_labels(mut text: &str) -> Result<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    while !text.starts_with('}') {
        let (name, rest) = text
            .split_once("=\"")
            .context("a label without a quoted value")?;
        if !is_name(name) || name.contains(':') {
            bail!("`{name}` is no label name");
        }
        let (value, rest) = parse_quoted(rest)?;
        if labels.insert(name.to_owned(), value).is_some() {
            bail!("label `{name}` appears twice");
        }
        text = match rest.strip_prefix(',') {
            Some(more) => more,
            None if rest.starts_with('}') => rest,
            None => bail!("no comma after label `{name}`"),
        };
    }
    Ok((labels, &text[1..]))
}

/// A value up to its closing quote, unescaped, and what follows it.
fn parse_quoted(text: &str) -> Result<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, c @ ('\\' | '"'))) => value.push(c),
                other => bail!("`\\{:?}` is no escape", other.map(|(_, c)| c)),
            },
            _ => value.push(c),
        }
    }
    bail!("a label's value has no end")
}

fn is_name(text: &str) -> bool {
    let first = text
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || "_:".contains(c));
    first
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_:".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_labels_and_values_are_read() {
        let text = "# HELP a_total Something.\n# TYPE a_total counter\n\
                    a_total{x=\"1\",y=\"a \\\"b\\\" \\\\ c\\n}\"} 3\na_total{x=\"2\",y=\"\"} 4\n\
                    b 1.5e3\n";
        let scrape = Scrape::parse(text).unwrap();
        assert_eq!(scrape.samples[0].label("y"), "a \"b\" \\ c\n}");
        assert_eq!(scrape.sum("a_total", &[]), 7.0);
        assert_eq!(scrape.sum("a_total", &[("x", "2")]), 4.0);
        assert_eq!(scrape.sum("b", &[]), 1500.0);
        assert!(scrape.families(&["b"]).eq("b 1.5e3\n"));
        assert_eq!(scrape.families(&["a_total"]).lines().count(), 4);
    }

    #[test]
    fn a_series_that_appears_twice_is_an_error() {
        let error = Scrape::parse("a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\n").unwrap_err();
        assert!(format!("{error}").contains("repeats a series"), "{error}");
    }

    #[test]
    fn sloppy_text_is_an_error() {
        for text in [
            "a",
            "a{x=1} 1",
            "a{x=\"1\" 1",
            "1a 1",
            "a{x=\"1\"y=\"2\"} 1",
            "a one",
        ] {
            assert!(Scrape::parse(&format!("{text}\n")).is_err(), "{text}");
        }
        assert!(Scrape::parse("a 1").is_err(), "cut off");
    }

    #[test]
    fn growth_is_a_difference_of_series() {
        let before = Scrape::parse("a{x=\"1\"} 1\na{x=\"2\"} 1\n").unwrap();
        let after = Scrape::parse("a{x=\"1\"} 1\na{x=\"2\"} 3\na{x=\"3\"} 1\n").unwrap();
        let grown: Vec<_> = after
            .since(&before)
            .iter()
            .map(|s| (s.label("x").to_owned(), s.value))
            .collect();
        assert_eq!(grown, [("2".to_owned(), 2.0), ("3".to_owned(), 1.0)]);
    }
}
