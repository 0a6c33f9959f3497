//! The `use` declarations of a module, and the paths that are written in its code.

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, UseTree, VisRestricted, Visibility};

use crate::tokens;

/// One name that a `use` declaration brings.
pub(crate) struct Import {
    /// What it is called here; nothing for `*`.
    pub(crate) name: Option<String>,
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    pub(crate) is_public: bool,
    /// Inside a function: nobody else sees it.
    pub(crate) is_local: bool,
}

/// A path in code.
pub(crate) struct Mention {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// Imports and paths of a module's items, without those of the modules in it.
pub(crate) fn of(items: &[Item]) -> (Vec<Import>, Vec<Mention>) {
    let mut reader = Reader {
        depth: 0,
        imports: Vec::new(),
        mentions: Vec::new(),
    };
    for item in items {
        reader.visit_item(item);
    }
    (reader.imports, reader.mentions)
}

struct Reader {
    depth: usize,
    imports: Vec<Import>,
    mentions: Vec<Mention>,
}

impl Reader {
    fn add(&mut self, tree: &UseTree, before: &[String], is_public: bool) {
        let mut path = before.to_vec();
        let (name, ident) = match tree {
            UseTree::Path(inner) => {
                path.push(inner.ident.to_string());
                return self.add(&inner.tree, &path, is_public);
            }
            UseTree::Group(group) => {
                return group
                    .items
                    .iter()
                    .for_each(|inner| self.add(inner, &path, is_public));
            }
            UseTree::Name(name) => (None, &name.ident),
            UseTree::Rename(name) => (Some(name.rename.to_string()), &name.ident),
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                return self.push(None, path, line, is_public);
            }
        };
        // `use a::{self}` is `use a`.
        if path.is_empty() || ident != "self" {
            path.push(ident.to_string());
        }
        let name = name.or_else(|| path.last().cloned());
        self.push(name, path, ident.span().start().line, is_public);
    }

    fn push(&mut self, name: Option<String>, path: Vec<String>, line: usize, is_public: bool) {
        let is_local = self.depth > 0;
        self.imports.push(Import {
            name,
            path,
            line,
            is_public,
            is_local,
        });
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            self.add(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
        }
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        self.depth += 1;
        visit::visit_block(self, block);
        self.depth -= 1;
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let names: Vec<_> = path
                .segments
                .iter()
                .map(|part| part.ident.to_string())
                .collect();
            let line = path
                .segments
                .first()
                .map_or(0, |part| part.ident.span().start().line);
            self.mentions.push(Mention { path: names, line });
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        let inside = tokens::paths(&call.tokens);
        self.mentions.extend(
            inside
                .into_iter()
                .map(|(path, line)| Mention { path, line }),
        );
        visit::visit_macro(self, call);
    }

    // Modules are read by themselves; who may see something is no use of it.
    fn visit_item_mod(&mut self, _: &'ast ItemMod) {}
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}
