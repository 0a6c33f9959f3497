//! Plain texts in brackets, as Go reads them.
//!
//! By YAML 1.2 (7.3.3), `[2001:db8::]` is a list with a mapping in it: in brackets, a colon ends a plain
//! text also where `,`, `]` or `}` follows. What Kubernetes reads YAML with lets a colon end it only
//! ahead of a blank (`yaml_parser_scan_plain_scalar` of go-yaml), and takes the text `2001:db8::`. So
//! such texts are put into quotes before the document is read.

use std::borrow::Cow;

/// Quotes plain texts in brackets in which a colon stands before `,`, `]` or `}`.
pub(super) fn quoted(text: &str) -> Cow<'_, str> {
    let suspicious = [":,", ":]", ":}"].iter().any(|pair| text.contains(pair));
    if !suspicious {
        return Cow::Borrowed(text);
    }
    let mut scan = Scan::new(text);
    scan.run();
    scan.finish()
}

/// Goes through a document, as far as brackets, quotes, comments and block texts have to be told apart.
struct Scan<'t> {
    text: &'t str,
    at: usize,
    /// How many brackets are open.
    depth: usize,
    /// Texts to be quoted: where they begin and end.
    found: Vec<(usize, usize)>,
}

impl<'t> Scan<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            found: Vec::new(),
        }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn run(&mut self) {
        while let Some(next) = self.rest().chars().next() {
            match next {
                '[' | '{' => self.open(),
                ']' | '}' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.at += 1;
                }
                '\'' | '"' => self.in_quotes(next),
                '#' => self.skip_line(),
                '|' | '>' if self.depth == 0 => self.block(),
                next if next.is_whitespace() || next == ',' => self.at += next.len_utf8(),
                // Anchors, aliases, tags: one word.
                '&' | '*' | '!' => self.skip(|next| next.is_whitespace() || ",[]{}".contains(next)),
                '-' | '?' | ':' if self.is_indicator() => self.at += 1,
                _ if self.depth > 0 => self.plain_in_brackets(),
                _ => self.plain(),
            }
        }
    }

    fn open(&mut self) {
        self.depth += 1;
        self.at += 1;
    }

    /// Whether what stands here is followed by a blank, as `- `, `? ` and `: ` are; behind a key in
    /// quotes a colon needs none.
    fn is_indicator(&self) -> bool {
        let rest = self.rest();
        let mut behind = rest.chars().skip(1);
        let blank = behind.next().is_none_or(char::is_whitespace);
        let before = self.text[..self.at].chars().next_back();
        blank || rest.starts_with(':') && matches!(before, Some('"' | '\'' | ']' | '}'))
    }

    /// Goes on to the first character of a kind.
    fn skip(&mut self, ends: fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(ends).unwrap_or(rest.len());
    }

    fn skip_line(&mut self) {
        self.skip(|next| next == '\n');
    }

    fn in_quotes(&mut self, quote: char) {
        self.at += 1;
        while let Some(next) = self.rest().chars().next() {
            self.at += next.len_utf8();
            if next == '\\' && quote == '"' {
                let escaped = self.rest().chars().next();
                self.at += escaped.map_or(0, char::len_utf8);
            } else if next == quote {
                // Two single quotes are one in the text: the second one begins a text of its own here.
                return;
            }
        }
    }

    /// A block text: the lines that are empty, or indented more than the line that announces it.
    fn block(&mut self) {
        let line = self.text[..self.at].rfind('\n').map_or(0, |at| at + 1);
        let own = indentation(&self.text[line..]);
        self.skip_line();
        let mut inner: Option<usize> = None;
        for line in self.rest().split_inclusive('\n') {
            let blank = line.trim().is_empty();
            let here = indentation(line);
            if !blank && (here <= own || inner.is_some_and(|inner| here < inner)) {
                break;
            }
            if !blank {
                inner = inner.or(Some(here));
            }
            self.at += line.len();
        }
    }

    /// A plain text outside of brackets ends with its line, a comment, or a colon ahead of a blank.
    fn plain(&mut self) {
        let rest = self.rest();
        let line = rest.split('\n').next().unwrap_or_default();
        let ends = [": ", ":\t", " #"].iter().filter_map(|end| line.find(end));
        let end = ends
            .min()
            .unwrap_or_else(|| line.trim_end_matches([':', '\r']).len());
        self.at += end.max(rest.chars().next().map_or(1, char::len_utf8));
    }

    /// One in brackets ends at one of them, too, and at a comma.
    fn plain_in_brackets(&mut self) {
        let (begin, rest) = (self.at, self.rest());
        let mut end = rest.len();
        let mut strange = false;
        let mut chars = rest.char_indices().peekable();
        while let Some((at, next)) = chars.next() {
            let behind = chars.peek().map(|(_, behind)| *behind);
            let ends = match next {
                ',' | '[' | ']' | '{' | '}' | '\n' => true,
                ':' => behind.is_none_or(char::is_whitespace),
                ' ' | '\t' => behind == Some('#'),
                _ => false,
            };
            if ends {
                end = at;
                break;
            }
            strange |= next == ':' && behind.is_some_and(|behind| ",]}".contains(behind));
        }
        self.at += end.max(1);
        let plain = rest[..end].trim_end();
        // A colon at the beginning is none of the text.
        if strange && !plain.starts_with(':') && !plain.contains(['"', '\\']) {
            self.found.push((begin, begin + plain.len()));
        }
    }

    fn finish(self) -> Cow<'t, str> {
        if self.found.is_empty() {
            return Cow::Borrowed(self.text);
        }
        let mut out = String::with_capacity(self.text.len() + 2 * self.found.len());
        let mut copied = 0;
        for (begin, end) in self.found {
            out.push_str(&self.text[copied..begin]);
            out.push('"');
            out.push_str(&self.text[begin..end]);
            out.push('"');
            copied = end;
        }
        out.push_str(&self.text[copied..]);
        Cow::Owned(out)
    }
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str) -> Value {
        serde_saphyr::from_str(&quoted(text)).expect(text)
    }

    #[test]
    fn addresses_that_end_in_colons_are_texts_in_brackets() {
        let cases = [
            (
                "a: [192.0.2.4, 2001:db8::]",
                json!({"a": ["192.0.2.4", "2001:db8::"]}),
            ),
            (
                "a: [2001:db8::, fe80::]",
                json!({"a": ["2001:db8::", "fe80::"]}),
            ),
            ("a: [ 2001:db8:: ]", json!({"a": [{"2001:db8:": null}]})),
            (
                "a: {b: 2001:db8::, c: d}",
                json!({"a": {"b": "2001:db8::", "c": "d"}}),
            ),
            ("a: {b: 2001:db8::}", json!({"a": {"b": "2001:db8::"}})),
            ("- [a:]\n- {b: c:}", json!([["a:"], {"b": "c:"}])),
            (
                "a:\n  - [\n    2001:db8::,\n    b ]",
                json!({"a": [["2001:db8::", "b"]]}),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for text in [
            "a: http://[2001:db8::]:80/",
            "a: \"[2001:db8::]\"",
            "a: 'it''s [2001:db8::]'",
            "a: |\n  [2001:db8::]\nb: [c]",
            "- a: >-\n    [2001:db8::]\n\n    more\n  b: [c]",
            "a: b # [2001:db8::]\nc: [d] # [e:]",
            "{\"a\":[],\"b\":{\"c\":\"d:\"}}",
            "{\"a\": \"\\\"[b:]\"}",
            "a: [\"b:\", 'c:']",
            "a: text\n# [b:]\nc: d:]",
            "a: [b: c, d: e]",
            "a: [::]",
        ] {
            assert_eq!(quoted(text), text, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_stops_it(text in "[a:,\\[\\]{}'\"|># \\-\\n\\\\é&*!?]{0,60}") {
            let text = format!("{text}:]");
            prop_assert!(quoted(&text).len() >= text.len());
        }
    }
}
