//! Command lines that made no rules.

use thiserror::Error;

use crate::rules::list::ListError;

/// A `FlagError` is a command line that made no rules, or that says nothing certain about them.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FlagError {
    /// A list on which the program ends.
    #[error("{from}: {source}")]
    List {
        /// The flag or variable.
        from: String,
        /// Why.
        source: ListError,
    },
    /// A value on which the program ends.
    #[error("{from}: `{value}` is not {expected}")]
    Value {
        /// The flag or variable.
        from: String,
        /// What stands there.
        value: String,
        /// What should.
        expected: &'static str,
    },
    /// A value that stands elsewhere.
    #[error("environment variable {0}: its value comes from elsewhere (`valueFrom`)")]
    Elsewhere(String),
    /// A flag without its value.
    #[error("{0}: a value is missing")]
    Missing(String),
    /// The program was told not to make rules.
    #[error("{0}: no rules were made")]
    NotApplied(String),
}
