//! The documents of a YAML text, each apart: one that is broken does not spoil the others.
//!
//! A line that begins with `---` ends a document wherever it stands, also in the middle of a text in
//! quotes (YAML 1.2.2, 9.1.2): so documents can be told apart without being read.

/// A part of a text that can be read by itself: one document, as a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DocumentPart<'t> {
    pub(super) text: &'t str,
    /// The line of the text that it begins with, counted from 0.
    pub(super) line: u64,
    /// Whether a `---` begins it: then it is a document also if it is empty.
    pub(super) is_marked: bool,
    /// Whether it has nothing but comments and directives.
    pub(super) is_empty: bool,
}

/// What a line is to what stands around it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    /// `---`: a document begins.
    Begin,
    /// `...`: it ends.
    End,
    /// Blank, a comment or, ahead of a document, a directive.
    Head,
    Content,
}

impl Line {
    fn of(text: &str, is_head: bool) -> Self {
        let bare = text.trim_start();
        if is_mark("---", text) {
            Self::Begin
        } else if is_mark("...", text) {
            Self::End
        } else if bare.is_empty() || bare.starts_with('#') || is_head && text.starts_with('%') {
            Self::Head
        } else {
            Self::Content
        }
    }
}

/// Whether a line is this mark, whatever stands behind it.
fn is_mark(mark: &str, line: &str) -> bool {
    let rest = line.strip_prefix(mark);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// The parts of a text, in order.
pub(super) fn parts(text: &str) -> Vec<DocumentPart<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parts = Vec::new();
    let mut part = DocumentPart {
        text: "",
        line: 0,
        is_marked: false,
        is_empty: true,
    };
    let (mut begin, mut at) = (0, 0);
    for (n, line) in (0..).zip(text.split_inclusive('\n')) {
        let is_head = part.is_empty && !part.is_marked;
        let what = Line::of(line, is_head);
        // What stands ahead of a `---` belongs to it.
        if what == Line::Begin && !is_head {
            parts.push(DocumentPart {
                text: &text[begin..at],
                ..part
            });
            (begin, part.line, part.is_empty) = (at, n, true);
        }
        at += line.len();
        match what {
            Line::Begin => {
                part.is_marked = true;
                let rest = line["---".len()..].trim_start();
                part.is_empty = rest.is_empty() || rest.starts_with('#');
            }
            Line::End => {
                parts.push(DocumentPart {
                    text: &text[begin..at],
                    ..part
                });
                (begin, part.line) = (at, n + 1);
                (part.is_marked, part.is_empty) = (false, true);
            }
            Line::Head => {}
            Line::Content => part.is_empty = false,
        }
    }
    parts.push(DocumentPart {
        text: &text[begin..],
        ..part
    });
    parts.retain(|part| part.is_marked || !part.is_empty);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<(&str, u64)> {
        parts(text)
            .into_iter()
            .map(|part| (part.text, part.line))
            .collect()
    }

    #[test]
    fn documents_begin_where_three_dashes_do() {
        assert_eq!(
            split("a: 1\n---\nb: 1\n"),
            [("a: 1\n", 0), ("---\nb: 1\n", 1)]
        );
        assert_eq!(
            split("---\na: 1\n--- {b: 1}\n---"),
            [("---\na: 1\n", 0), ("--- {b: 1}\n", 2), ("---", 3),]
        );
        assert_eq!(
            split("a: |\n  ---\nb: ---x\n---\r\nc: 1\r\n"),
            [("a: |\n  ---\nb: ---x\n", 0), ("---\r\nc: 1\r\n", 3),]
        );
    }

    #[test]
    fn what_stands_ahead_of_a_document_belongs_to_it() {
        let text = "# a\n\n%YAML 1.2\n---\na: 1\n...\n# b\n%YAML 1.2\n---\nb: 1\n";
        let [a, b] = parts(text)[..] else {
            panic!("{:?}", parts(text))
        };
        assert_eq!(a.text, "# a\n\n%YAML 1.2\n---\na: 1\n...\n");
        assert_eq!((b.line, b.is_marked, b.is_empty), (6, true, false));
        assert_eq!(split("\u{feff}---\na: 1\n"), [("---\na: 1\n", 0)]);
    }

    #[test]
    fn nothing_is_no_document_unless_it_is_marked() {
        assert_eq!(split(""), []);
        assert_eq!(split("# only\n\n# this\n"), []);
        assert_eq!(split("---\n# nothing\n---\na: 1\n").len(), 2);
        assert_eq!(split("a: 1\n...\n"), [("a: 1\n...\n", 0)]);
    }
}
