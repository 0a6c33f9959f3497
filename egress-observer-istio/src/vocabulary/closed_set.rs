//! The macro that makes a closed set of words: an enum, each member with its one spelling.

macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every member, in the order in which they are declared.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The one spelling of this member, in metrics, in the log, in JSON and in the
            /// documentation.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The member that is spelt like this word, exactly; nothing for a word that is none of
            /// the set.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word: ::std::borrow::Cow<'_, str> = ::serde::Deserialize::deserialize(deserializer)?;
                Self::parse(&word).ok_or_else(|| {
                    <D::Error as ::serde::de::Error>::unknown_variant(&word, &[$($word),*])
                })
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(super) use closed_set;
