//! Command lines that made no rules.

use thiserror::Error;

use crate::rules::list::ListError;

/// A `FlagError` is a command line that made no rules, or that says nothing certain about them.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FlagError {
    /// The program ends on a list.
    #[error("{from}: {source}")]
    List {
        /// The flag or variable that has the list.
        from: String,
        /// What is wrong with the list.
        source: ListError,
    },
    /// The program ends on a value.
    #[error("{from}: `{value}` is not {expected}")]
    Value {
        /// The flag or variable that has the value.
        from: String,
        /// The value as it is written.
        value: String,
        /// What should stand there, as people read it.
        expected: &'static str,
    },
    /// The value of this variable stands elsewhere, as in a Secret.
    #[error("environment variable {0}: its value comes from elsewhere (`valueFrom`)")]
    Elsewhere(String),
    /// This flag has no value.
    #[error("{0}: a value is missing")]
    Missing(String),
    /// The program was told not to make rules.
    #[error("{0}: no rules were made")]
    NotApplied(String),
}
