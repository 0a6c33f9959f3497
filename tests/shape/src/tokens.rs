//! What can be told of the words in a macro without knowing what it makes of them.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Names after a word that defines something: `enum Name`, `fn name`.
pub(crate) fn defined(tokens: &TokenStream) -> Vec<String> {
    let tokens: Vec<_> = tokens.clone().into_iter().collect();
    let mut names = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match (token, tokens.get(at + 1)) {
            (TokenTree::Ident(word), Some(TokenTree::Ident(name))) if defines(word) => {
                names.push(name.to_string());
            }
            (TokenTree::Group(group), _) => names.extend(defined(&group.stream())),
            _ => {}
        }
    }
    names
}

fn defines(word: &proc_macro2::Ident) -> bool {
    [
        "const", "enum", "fn", "static", "struct", "trait", "type", "union",
    ]
    .iter()
    .any(|keyword| word == keyword)
}

/// Types that others see, written out in a macro: `pub enum Name`, `pub(crate) struct Name`.
pub(crate) fn public_types(tokens: &TokenStream) -> Vec<proc_macro2::Ident> {
    let tokens: Vec<_> = tokens.clone().into_iter().collect();
    let mut names = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            names.extend(public_types(&group.stream()));
        }
        if let (true, Some(TokenTree::Ident(name))) =
            (is_public_type(&tokens, at), tokens.get(at + 1))
        {
            names.push(name.clone());
        }
    }
    names
}

/// Whether there is `struct` or the like at this place, and `pub` or `pub(..)` before it.
fn is_public_type(tokens: &[TokenTree], at: usize) -> bool {
    let kinds = ["enum", "struct", "trait", "type", "union"];
    if !kinds.iter().any(|kind| is_word(&tokens[at], kind)) {
        return false;
    }
    let before = match at.checked_sub(1).map(|before| &tokens[before]) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
            at.checked_sub(2)
        }
        _ => at.checked_sub(1),
    };
    before.is_some_and(|before| is_word(&tokens[before], "pub"))
}

/// Whether a macro's rules make a type with a name that it is given: `enum $name`.
pub(crate) fn makes_named_type(tokens: &TokenStream) -> bool {
    let tokens: Vec<_> = tokens.clone().into_iter().collect();
    tokens.iter().enumerate().any(|(at, token)| match token {
        TokenTree::Group(group) => makes_named_type(&group.stream()),
        TokenTree::Punct(dollar) if dollar.as_char() == '$' => {
            is_public_type(&tokens, at.saturating_sub(1))
        }
        _ => false,
    })
}

/// `Name { .. }` directly in what a macro is given.
pub(crate) fn named_blocks(tokens: &TokenStream) -> Vec<proc_macro2::Ident> {
    let tokens: Vec<_> = tokens.clone().into_iter().collect();
    tokens
        .windows(2)
        .filter_map(|pair| match pair {
            [TokenTree::Ident(name), TokenTree::Group(group)]
                if group.delimiter() == Delimiter::Brace =>
            {
                Some(name.clone())
            }
            _ => None,
        })
        .collect()
}

/// Paths as they stand in a macro's words, with the line of each.
pub(crate) fn paths(tokens: &TokenStream) -> Vec<(Vec<String>, usize)> {
    let tokens: Vec<_> = tokens.clone().into_iter().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => found.extend(paths(&group.stream())),
            TokenTree::Ident(first) if !continues(&tokens, at) => {
                let mut path = vec![first.to_string()];
                while let Some(TokenTree::Ident(next)) =
                    tokens.get(at + 3).filter(|_| is_colons(&tokens, at + 1))
                {
                    path.push(next.to_string());
                    at += 3;
                }
                found.push((path, first.span().start().line));
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        at += 1;
    }
    found
}

/// Whether the word belongs to what stands before it: a field, a method, the rest of a path.
fn continues(tokens: &[TokenTree], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| &tokens[before]);
    matches!(before, Some(TokenTree::Punct(punct)) if punct.as_char() == '.')
        || at
            .checked_sub(2)
            .is_some_and(|colons| is_colons(tokens, colons))
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    tokens.get(at..at + 2).is_some_and(|pair| {
        pair.iter()
            .all(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':'))
    })
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}
