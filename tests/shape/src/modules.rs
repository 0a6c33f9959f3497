//! The modules of one compiled target, and what each of them defines and imports.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::{File, Item, ItemMod, Visibility};

use crate::imports::{self, Import};
use crate::tokens;

/// A module: a file, or a block in one.
pub(crate) struct Module {
    pub(crate) file: PathBuf,
    pub(crate) parent: Option<usize>,
    pub(crate) defined: Vec<String>,
    pub(crate) children: BTreeMap<String, usize>,
    pub(crate) imports: Vec<Import>,
    pub(crate) mentions: Vec<imports::Mention>,
}

/// All modules that are reached from one root; the first one is the root.
#[derive(Default)]
pub(crate) struct Modules {
    pub(crate) all: Vec<Module>,
}

/// Where a module's items are, and where its children's files would be.
struct Place<'a> {
    file: &'a Path,
    children_in: PathBuf,
    parent: Option<usize>,
}

impl Modules {
    /// Follows `mod` declarations from `root` through files that were read.
    pub(crate) fn reached(root: &Path, files: &BTreeMap<PathBuf, &File>) -> Self {
        let mut modules = Self::default();
        if let Some(file) = files.get(root) {
            let children_in = root.parent().unwrap_or(root).to_path_buf();
            let place = Place {
                file: root,
                children_in,
                parent: None,
            };
            modules.add(place, &file.items, files);
        }
        modules
    }

    fn add(&mut self, place: Place<'_>, items: &[Item], files: &BTreeMap<PathBuf, &File>) -> usize {
        let own = self.all.len();
        let (imports, mentions) = imports::of(items);
        self.all.push(Module {
            file: place.file.to_path_buf(),
            parent: place.parent,
            defined: items.iter().flat_map(defined).collect(),
            children: BTreeMap::new(),
            imports,
            mentions,
        });
        for item in items {
            let Item::Mod(child) = item else { continue };
            if let Some(index) = self.add_child(&place, own, child, files) {
                self.all[own]
                    .children
                    .insert(child.ident.to_string(), index);
            }
        }
        own
    }

    fn add_child(
        &mut self,
        place: &Place<'_>,
        parent: usize,
        child: &ItemMod,
        files: &BTreeMap<PathBuf, &File>,
    ) -> Option<usize> {
        let children_in = place.children_in.join(child.ident.to_string());
        if let Some((_, items)) = &child.content {
            let inside = Place {
                file: place.file,
                children_in,
                parent: Some(parent),
            };
            return Some(self.add(inside, items, files));
        }
        let path = [children_in.with_extension("rs"), children_in.join("mod.rs")]
            .into_iter()
            .find(|path| files.contains_key(path))?;
        let inside = Place {
            file: &path,
            children_in,
            parent: Some(parent),
        };
        Some(self.add(inside, &files[&path].items, files))
    }
}

/// The names that an item defines in its module. Items that a macro makes are looked for in the
/// words that it is given.
fn defined(item: &Item) -> Vec<String> {
    match item {
        Item::Macro(item) => {
            let own = item.ident.iter().map(ToString::to_string);
            own.chain(tokens::defined(&item.mac.tokens)).collect()
        }
        Item::Const(item) => vec![item.ident.to_string()],
        Item::Fn(item) => vec![item.sig.ident.to_string()],
        Item::Static(item) => vec![item.ident.to_string()],
        _ => type_item(item)
            .map(|(name, _)| vec![name])
            .unwrap_or_default(),
    }
}

/// The name of a type, and who can see it, if the item is one.
pub(crate) fn type_item(item: &Item) -> Option<(String, &Visibility)> {
    let (ident, visibility) = match item {
        Item::Enum(item) => (&item.ident, &item.vis),
        Item::Struct(item) => (&item.ident, &item.vis),
        Item::Trait(item) => (&item.ident, &item.vis),
        Item::Type(item) => (&item.ident, &item.vis),
        Item::Union(item) => (&item.ident, &item.vis),
        _ => return None,
    };
    Some((ident.to_string(), visibility))
}
