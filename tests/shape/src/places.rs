//! What is looked for inside files, each with its place: functions, named closures, public types.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{
    Block, Expr, ImplItemFn, Item, ItemFn, ItemMacro, Local, Signature, TraitItemFn, Visibility,
};

use crate::modules::type_item;
use crate::source::SourceFile;
use crate::tokens;

/// A name at a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: PathBuf,
    pub line: usize,
    pub name: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} {}", self.file.display(), self.line, self.name)
    }
}

/// A function with a body, and its lines from signature to closing brace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    pub place: Place,
    pub lines: usize,
}

/// What was found in one file.
pub(crate) struct Found {
    file: PathBuf,
    makers: BTreeSet<String>,
    pub(crate) functions: Vec<Function>,
    pub(crate) closures: Vec<Place>,
    pub(crate) types: Vec<Place>,
}

/// Looks through one file. `makers` are the macros that make a type of `Name { .. }`.
pub(crate) fn find(source: &SourceFile, makers: &BTreeSet<String>) -> Found {
    let mut found = Found {
        file: source.path.clone(),
        makers: makers.clone(),
        functions: Vec::new(),
        closures: Vec::new(),
        types: Vec::new(),
    };
    found.visit_file(&source.syntax);
    found
}

/// The macros of a file that make a type with a name that they are given.
pub(crate) fn type_makers(source: &SourceFile) -> BTreeSet<String> {
    let macros = source.syntax.items.iter().filter_map(|item| match item {
        Item::Macro(item) if tokens::makes_named_type(&item.mac.tokens) => item.ident.as_ref(),
        _ => None,
    });
    macros.map(ToString::to_string).collect()
}

impl Found {
    fn place(&self, ident: &proc_macro2::Ident) -> Place {
        Place {
            file: self.file.clone(),
            line: ident.span().start().line,
            name: ident.to_string(),
        }
    }

    fn add_function(&mut self, signature: &Signature, body: &Block) {
        let first = signature.span().start().line;
        let lines = body.brace_token.span.close().end().line + 1 - first;
        self.functions.push(Function {
            place: self.place(&signature.ident),
            lines,
        });
    }

    fn add_made_types(&mut self, item: &ItemMacro) {
        let mut names = tokens::public_types(&item.mac.tokens);
        let maker = item.mac.path.segments.last();
        if maker.is_some_and(|maker| self.makers.contains(&maker.ident.to_string())) {
            names.extend(tokens::named_blocks(&item.mac.tokens));
        }
        self.types.extend(
            names
                .iter()
                .map(|name| self.place(name))
                .collect::<Vec<_>>(),
        );
    }
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item(&mut self, item: &'ast Item) {
        match (type_item(item), item) {
            (Some((name, visibility)), _) if !matches!(visibility, Visibility::Inherited) => {
                let line = visibility.span().start().line;
                self.types.push(Place {
                    file: self.file.clone(),
                    line,
                    name,
                });
            }
            (_, Item::Macro(item)) => self.add_made_types(item),
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.add_function(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.add_function(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.add_function(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_local(&mut self, local: &'ast Local) {
        if let Some(closure) = local
            .init
            .as_ref()
            .and_then(|init| first_closure(&init.expr))
        {
            let name = closure_name(&local.pat);
            let line = closure.span().start().line;
            self.closures.push(Place {
                file: self.file.clone(),
                line,
                name,
            });
        }
        visit::visit_local(self, local);
    }
}

/// The closure that an initialiser is, or one of a tuple of them.
fn first_closure(expression: &Expr) -> Option<&Expr> {
    match expression {
        Expr::Closure(_) => Some(expression),
        Expr::Paren(inner) => first_closure(&inner.expr),
        Expr::Reference(inner) => first_closure(&inner.expr),
        Expr::Tuple(tuple) => tuple.elems.iter().find_map(first_closure),
        _ => None,
    }
}

fn closure_name(pattern: &syn::Pat) -> String {
    match pattern {
        syn::Pat::Ident(name) => name.ident.to_string(),
        syn::Pat::Type(typed) => closure_name(&typed.pat),
        syn::Pat::Tuple(tuple) => tuple
            .elems
            .iter()
            .map(closure_name)
            .collect::<Vec<_>>()
            .join(", "),
        _ => "_".to_owned(),
    }
}
