//! The Prometheus text format, version 0.0.4, written straight from the series: ten times cheaper
//! than building the general model of it first.

use std::fmt::{self, Display, Write as _};

/// Prefix of every metric of ours.
pub const PREFIX: &str = "egress_observer_";

/// Text under construction.
#[derive(Debug, Default)]
pub struct Writer {
    text: String,
}

impl Writer {
    /// Opens a family; its samples follow.
    pub fn family(&mut self, name: &str, help: &str, kind: &str) {
        self.put(format_args!(
            "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n"
        ));
    }

    /// One sample; `labels` names them in order.
    pub fn sample(
        &mut self,
        name: &str,
        value: u64,
        labels: impl FnOnce(&mut dyn FnMut(&str, &dyn Display)),
    ) {
        self.put(format_args!("{PREFIX}{name}"));
        let mut separator = '{';
        labels(&mut |label, value| {
            self.put(format_args!("{separator}{label}=\""));
            write!(Escaped(&mut self.text), "{value}").expect(CANNOT_FAIL);
            self.text.push('"');
            separator = ',';
        });
        let end = if separator == ',' { "}" } else { "" };
        self.put(format_args!("{end} {value}\n"));
    }

    /// Everything written.
    pub fn finish(self) -> String {
        self.text
    }

    fn put(&mut self, text: fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect(CANNOT_FAIL);
    }
}

const CANNOT_FAIL: &str = "writing to a string cannot fail";

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
