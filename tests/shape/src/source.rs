//! One Rust file, as it is without its tests.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use proc_macro2::{TokenStream, TokenTree};

use crate::prune;

/// A file that was read.
pub struct SourceFile {
    /// Where it is, from the workspace's root.
    pub path: PathBuf,
    /// Lines with everything.
    pub lines: usize,
    /// Lines outside tests.
    pub own_lines: usize,
    /// Lines outside tests that are neither blank nor only comment.
    pub code_lines: usize,
    /// Its syntax, without tests.
    pub syntax: syn::File,
}

impl SourceFile {
    /// Reads `text`, which is what the file at `path` holds.
    pub fn parse(path: PathBuf, text: &str) -> Result<Self> {
        let parsed = parse(text).with_context(|| format!("parsing {}", path.display()))?;
        let (tokens, mut syntax) = parsed;
        let mut is_code = vec![false; text.lines().count() + 1];
        mark_code(text, tokens, &mut is_code);
        for (line, content) in (1..).zip(text.lines()) {
            is_code[line] &= !content.trim().is_empty();
        }
        let mut is_test = vec![false; is_code.len()];
        for range in prune::take_tests(&mut syntax) {
            mark(&mut is_test, range);
        }
        let own = is_test.iter().skip(1).filter(|is_test| !**is_test).count();
        let code = is_code
            .iter()
            .zip(&is_test)
            .filter(|(code, test)| **code && !**test)
            .count();
        Ok(Self {
            path,
            lines: is_code.len() - 1,
            own_lines: own,
            code_lines: code,
            syntax,
        })
    }
}

fn parse(text: &str) -> syn::Result<(TokenStream, syn::File)> {
    let tokens: TokenStream = text.parse()?;
    Ok((tokens.clone(), syn::parse2(tokens)?))
}

/// Marks the lines that have a token. A documentation comment is a token too, an attribute, whose
/// place is the comment's.
fn mark_code(text: &str, tokens: TokenStream, is_code: &mut [bool]) {
    for token in tokens {
        let span = token.span();
        let begins = text.get(span.byte_range().start..).unwrap_or_default();
        if begins.starts_with("//") || begins.starts_with("/*") {
            continue;
        }
        if let TokenTree::Group(group) = token {
            mark(
                is_code,
                line_of(group.span_open())..=line_of(group.span_open()),
            );
            mark_code(text, group.stream(), is_code);
            mark(
                is_code,
                line_of(group.span_close())..=line_of(group.span_close()),
            );
        } else {
            mark(is_code, span.start().line..=span.end().line);
        }
    }
}

fn line_of(span: proc_macro2::Span) -> usize {
    span.start().line
}

fn mark(lines: &mut [bool], range: RangeInclusive<usize>) {
    for line in range {
        lines[line] = true;
    }
}
