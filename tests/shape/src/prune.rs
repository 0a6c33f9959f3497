//! Takes the tests out of a file's syntax, so that everything else looks at what is left.

use std::ops::RangeInclusive;

use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Block, File, ImplItem, Item, ItemImpl, ItemMod, Meta, Stmt};

/// Removes what is only compiled for tests and returns the lines where it was.
pub(crate) fn take_tests(file: &mut File) -> Vec<RangeInclusive<usize>> {
    let mut pruner = Pruner::default();
    pruner.visit_file_mut(file);
    pruner.removed
}

#[derive(Default)]
struct Pruner {
    removed: Vec<RangeInclusive<usize>>,
}

impl Pruner {
    /// Whether an item with these attributes stays; if not, its lines are remembered.
    fn stays(&mut self, attributes: &[Attribute], item: &impl Spanned) -> bool {
        let for_tests = attributes.iter().any(is_for_tests);
        if for_tests {
            let span = item.span();
            self.removed.push(span.start().line..=span.end().line);
        }
        !for_tests
    }
}

impl VisitMut for Pruner {
    fn visit_file_mut(&mut self, file: &mut File) {
        file.items.retain(|item| self.stays(attributes(item), item));
        visit_mut::visit_file_mut(self, file);
    }

    fn visit_item_mod_mut(&mut self, module: &mut ItemMod) {
        if let Some((_, items)) = &mut module.content {
            items.retain(|item| self.stays(attributes(item), item));
        }
        visit_mut::visit_item_mod_mut(self, module);
    }

    fn visit_item_impl_mut(&mut self, block: &mut ItemImpl) {
        block.items.retain(|item| {
            let ImplItem::Fn(function) = item else {
                return true;
            };
            self.stays(&function.attrs, item)
        });
        visit_mut::visit_item_impl_mut(self, block);
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        block.stmts.retain(|statement| {
            let Stmt::Item(item) = statement else {
                return true;
            };
            self.stays(attributes(item), item)
        });
        visit_mut::visit_block_mut(self, block);
    }
}

/// `#[test]`, `#[cfg(test)]` or `#[cfg(all(test, ..))]`; `any(test, ..)` is compiled for others too.
fn is_for_tests(attribute: &Attribute) -> bool {
    match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string().replace(' ', "");
            condition == "test"
                || condition
                    .strip_prefix("all(")
                    .is_some_and(|of| of.split([',', ')']).any(|part| part == "test"))
        }
        Meta::List(_) | Meta::NameValue(_) => false,
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
