//! Shapes of an answer, alike in all commands that have these three.

use std::{
    fmt::Display,
    io::{self, Write},
};

use serde::Serialize;

/// How to print an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::commands) enum OutputFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
    /// The same as YAML.
    Yaml,
}

/// Prints one answer.
pub(in crate::commands) fn print(
    out: &mut dyn Write,
    format: OutputFormat,
    answer: &(impl Display + Serialize),
) -> io::Result<()> {
    match format {
        OutputFormat::Text => write!(out, "{answer}"),
        OutputFormat::Json => json(out, answer),
        OutputFormat::Yaml => yaml(out, answer),
    }
}

/// Prints an object as one line of JSON.
pub(in crate::commands) fn json(out: &mut dyn Write, object: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    out.write_all(b"\n")
}

/// Prints an object as YAML.
pub(in crate::commands) fn yaml(out: &mut dyn Write, object: &impl Serialize) -> io::Result<()> {
    serde_saphyr::to_io_writer(&mut &mut *out, object).map_err(io::Error::other)
}
