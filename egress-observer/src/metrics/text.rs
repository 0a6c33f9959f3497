//! The Prometheus text format, version 0.0.4, written straight from the series: ten times cheaper
//! than building the general model of it first.

use std::fmt::{self, Display, Write as _};

use super::PREFIX;

/// Text under construction.
#[derive(Debug, Default)]
pub struct Writer {
    text: String,
}

impl Writer {
    /// Opens a family; its samples follow.
    pub fn family(&mut self, name: &str, help: &str, kind: &str) {
        let text = &mut self.text;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}"
        );
    }

    /// One sample; `labels` names them in order.
    pub fn sample(
        &mut self,
        name: &str,
        value: u64,
        labels: impl FnOnce(&mut dyn FnMut(&str, &dyn Display)),
    ) {
        let text = &mut self.text;
        let _ = write!(text, "{PREFIX}{name}");
        let mut separator = '{';
        labels(&mut |label, value| {
            let _ = write!(text, "{separator}{label}=\"");
            let _ = write!(Escaped(text), "{value}");
            text.push('"');
            separator = ',';
        });
        let end = if separator == ',' { "}" } else { "" };
        let _ = writeln!(text, "{end} {value}");
    }

    /// Everything written.
    pub fn finish(self) -> String {
        self.text
    }
}

/// Names come from the network: a quote in one must not end the label.
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        let mut out = Writer::default();
        out.sample("x", 1, |label| label("name", &"a\"b\\c\nd"));
        assert_eq!(
            out.finish(),
            "egress_observer_x{name=\"a\\\"b\\\\c\\nd\"} 1\n"
        );
    }

    #[test]
    fn a_sample_without_labels_has_no_braces() {
        let mut out = Writer::default();
        out.family("x_total", "Help.", "counter");
        out.sample("x_total", 7, |_| {});
        assert_eq!(
            out.finish(),
            "# HELP egress_observer_x_total Help.\n# TYPE egress_observer_x_total counter\n\
             egress_observer_x_total 7\n"
        );
    }
}
