//! `exportTo`: to which namespaces an object is shown.

/// To whom an object is exported: `exportTo` as it stands, or what the mesh's configuration has in
/// its place.
#[derive(Clone, Copy, Debug)]
pub struct Export<'w> {
    words: &'w [String],
}

impl<'w> Export<'w> {
    /// Reads `exportTo` by the first of these that applies (`initServiceRegistry` and
    /// `IsServiceVisible` in `pilot/pkg/model/push_context.go`, words in
    /// `pkg/config/visibility/visibility.go`):
    ///
    /// 1. Without words, the mesh's default counts (`defaultServiceExportTo` and its likes); without
    ///    that, everyone is meant.
    /// 2. `*` is everyone.
    /// 3. `~` is nobody, whatever stands beside it.
    /// 4. `.` is the object's own namespace, and every other word is the namespace of that name.
    pub fn of(words: &'w [String], default: &'w [String]) -> Self {
        Self {
            words: if words.is_empty() { default } else { words },
        }
    }

    /// Whether every namespace sees the object.
    pub fn is_to_everyone(self) -> bool {
        self.words.is_empty() || self.has("*")
    }

    /// Whether no namespace sees the object, not even its own.
    pub fn is_to_nobody(self) -> bool {
        !self.is_to_everyone() && self.has("~")
    }

    /// Whether an object of the namespace `own` is shown to a client in `namespace`.
    pub fn shows_to(self, own: &str, namespace: &str) -> bool {
        self.is_to_everyone() || self.namespaces(own).any(|name| name == namespace)
    }

    /// Whether some namespace is shown both an object of the namespace `own` and one of `other`.
    pub fn meets(self, own: &str, theirs: Export<'_>, other: &str) -> bool {
        let mut named = self.namespaces(own);
        match (self.is_to_everyone(), theirs.is_to_everyone()) {
            (true, _) => !theirs.is_to_nobody(),
            (false, true) => !self.is_to_nobody(),
            (false, false) => named.any(|name| theirs.shows_to(other, name)),
        }
    }

    /// The namespaces that are named, where an object of the namespace `own` is not for everyone. One
    /// may come twice.
    pub fn namespaces<'s>(self, own: &'s str) -> impl Iterator<Item = &'s str>
    where
        'w: 's,
    {
        let named = !self.is_to_everyone() && !self.is_to_nobody();
        let words = if named { self.words } else { &[] };
        words.iter().map(move |word| match word.trim() {
            "." => own,
            name => name,
        })
    }

    fn has(self, word: &str) -> bool {
        self.words.iter().any(|other| other.trim() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn words_count_before_the_default_and_everyone_before_nobody() {
        let cases = [
            ("", "", "shop other"),
            ("", ".", "shop"),
            ("", "~", ""),
            ("*", ".", "shop other"),
            (".", "*", "shop"),
            ("other", "", "other"),
            (". other", "", "shop other"),
            ("~", "", ""),
            ("~ other", "", ""),
            ("~ *", "", "shop other"),
            ("third", "", ""),
        ];
        for (own, default, expected) in cases {
            let (own_words, default_words) = (words(own), words(default));
            let export = Export::of(&own_words, &default_words);
            let seen: Vec<&str> = ["shop", "other"]
                .into_iter()
                .filter(|namespace| export.shows_to("shop", namespace))
                .collect();
            assert_eq!(seen.join(" "), expected, "`{own}`, by default `{default}`");
        }
    }

    #[test]
    fn two_objects_meet_where_one_namespace_is_shown_both() {
        let cases = [
            ("", "", true),
            ("", "~", false),
            ("~", "", false),
            (".", ".", false),
            (". b", ".", true),
            (".", "a", true),
            ("b", "c", false),
            ("c", "c", true),
            ("*", "c", true),
        ];
        for (own, theirs, expected) in cases {
            let (own_words, their_words) = (words(own), words(theirs));
            let (a, b) = (Export::of(&own_words, &[]), Export::of(&their_words, &[]));
            assert_eq!(a.meets("a", b, "b"), expected, "`{own}` and `{theirs}`");
            assert_eq!(b.meets("b", a, "a"), expected, "`{theirs}` and `{own}`");
        }
    }
}
