//! What is wrong with a text that is not YAML, in words for whoever wrote it: what the reader says is
//! about its own states.

use std::fmt;

/// `YamlFault` is why a text is not YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum YamlFault {
    /// It has what templates have, and YAML never.
    Template,
    /// A text without quotes that begins with `*`, or an alias of nothing.
    Star,
    /// A field that stands there twice; `true` if that is one of which an object has one, at the left.
    Repeated(String, bool),
    /// A tab where blanks should be.
    Tab,
    /// A `:` where no field can stand.
    Colon,
    /// A `-` where no item can stand.
    Dash,
    /// Brackets that do not fit.
    Brackets,
    /// Quotes that do not.
    Quotes,
    /// Blanks at the beginning that do not.
    Indentation,
    /// More after the end.
    Behind,
    /// A character that text does not have.
    Character,
    /// Aliases that multiply, or too much depth.
    TooLarge,
    /// A tag, an anchor, a directive and so on.
    Other,
}

/// What the readers' messages have in them, the first that fits.
const WORDS: [(&str, YamlFault); 33] = [
    ("unknown anchor", YamlFault::Star),
    ("anchor or alias", YamlFault::Star),
    ("tabs disallowed", YamlFault::Tab),
    ("tab cannot", YamlFault::Tab),
    ("found a tab", YamlFault::Tab),
    ("start with a tab", YamlFault::Tab),
    ("limit exceeded", YamlFault::TooLarge),
    ("budget", YamlFault::TooLarge),
    ("recursion", YamlFault::TooLarge),
    ("unclosed quote", YamlFault::Quotes),
    ("quoted scalar", YamlFault::Quotes),
    ("bracket", YamlFault::Brackets),
    ("flow mapping", YamlFault::Brackets),
    ("flow sequence", YamlFault::Brackets),
    ("flow construct", YamlFault::Brackets),
    (",[]{}", YamlFault::Brackets),
    ("mapping values", YamlFault::Colon),
    ("mapping keys", YamlFault::Colon),
    ("simple key", YamlFault::Colon),
    ("expected key", YamlFault::Colon),
    ("':'", YamlFault::Colon),
    ("block sequence entries", YamlFault::Dash),
    ("'-'", YamlFault::Dash),
    ("\"-\"", YamlFault::Dash),
    ("indentation", YamlFault::Indentation),
    ("indented", YamlFault::Indentation),
    ("document start", YamlFault::Behind),
    ("document end", YamlFault::Behind),
    ("unexpected character", YamlFault::Character),
    ("BOM", YamlFault::Character),
    ("unexpected eof", YamlFault::Brackets),
    ("unexpected EOF", YamlFault::Brackets),
    ("string scalar", YamlFault::Brackets),
];

/// Fields of which an object has one, at the left of a line.
const OF_OBJECTS: [&str; 6] = ["apiVersion", "kind", "metadata", "spec", "data", "status"];

impl YamlFault {
    /// By what a reader says, and the line where it does.
    pub fn of(message: &str, line: &str) -> Self {
        if let Some((_, rest)) = message.split_once("duplicate mapping key") {
            let field = rest.trim_start_matches([':', ' ']);
            let field = field.split([',', ' ']).next().unwrap_or_default();
            let at_left = line.starts_with(field) && OF_OBJECTS.contains(&field);
            return Self::Repeated(field.to_owned(), at_left);
        }
        let found = WORDS.iter().find(|(word, _)| message.contains(word));
        found.map_or(Self::Other, |(_, fault)| fault.clone())
    }

    /// What to do about it.
    pub fn fix(&self) -> Option<&'static str> {
        Some(match self {
            Self::Template => {
                "this is a template: render it first, for example with `helm template`"
            }
            Self::Star => "put it in quotes, such as \"*\" or \"*.example.com\"",
            Self::Repeated(_, true) => "put a line `---` between two objects",
            Self::Repeated(_, false) => "leave one of them",
            Self::Tab => "write blanks in its place",
            Self::Colon => {
                "indent the field as those beside it, or put a value with `: ` in it in quotes"
            }
            Self::Dash => "indent the item as those beside it",
            Self::Brackets => {
                "close what is open, or put a value that begins with a bracket in quotes"
            }
            Self::Quotes => "close the quotes; in double quotes, write `\\\\` for a backslash",
            Self::Indentation => "indent the line as those beside it",
            Self::Behind => "put a line `---` before another object",
            Self::Character => "save it as UTF-8 text",
            Self::TooLarge => "write out what the aliases stand for, where it is needed",
            Self::Other => return None,
        })
    }
}

impl fmt::Display for YamlFault {
    /// Without the fix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Template => "it has `{{`",
            Self::Star => {
                "a text without quotes that begins with `*` is an alias, and nothing has its name"
            }
            Self::Repeated(field, _) => return write!(f, "the field `{field}` stands there twice"),
            Self::Tab => "a tab stands where only blanks can",
            Self::Colon => "a `:` stands where no field can",
            Self::Dash => "a `-` stands where no item of a list can",
            Self::Brackets => "brackets do not fit",
            Self::Quotes => "quotes do not fit",
            Self::Indentation => "the indentation does not fit",
            Self::Behind => "something stands behind the end of the document",
            Self::Character => "it has a character that text does not have",
            Self::TooLarge => "it is nested too deeply, or aliases make too much of it",
            Self::Other => "it cannot be read from here on",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_that_fits_tells_the_fault() {
        let cases = [
            ("alias references unknown anchor", YamlFault::Star),
            (
                "while scanning an anchor or alias, did not find expected",
                YamlFault::Star,
            ),
            ("tab cannot be used as indentation", YamlFault::Tab),
            (
                "wrongly indented line in block scalar",
                YamlFault::Indentation,
            ),
            ("invalid indentation in flow construct", YamlFault::Brackets),
            (
                "':' must be followed by a valid YAML whitespace",
                YamlFault::Colon,
            ),
            ("did not find expected <document start>", YamlFault::Behind),
            ("the handle wasn't declared", YamlFault::Other),
        ];
        for (message, fault) in cases {
            assert_eq!(YamlFault::of(message, ""), fault, "{message}");
        }
    }

    #[test]
    fn a_field_of_an_object_that_stands_there_twice_begins_another_object() {
        let message =
            "duplicate mapping key: kind, set DuplicateKeyPolicy in Options if acceptable";
        let two = YamlFault::of(message, "kind: Pod");
        assert_eq!(two, YamlFault::Repeated("kind".to_owned(), true));
        assert_eq!(two.fix(), Some("put a line `---` between two objects"));
        let one = YamlFault::of(message, "  kind: Pod");
        assert_eq!(one.fix(), Some("leave one of them"));
    }
}
