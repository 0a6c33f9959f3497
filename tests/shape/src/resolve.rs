//! From a path to the module that defines what it names.

use crate::modules::Modules;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A module itself.
    Module(usize),
    /// Something that this module defines.
    Item(usize),
}

impl Target {
    /// The module that is depended on.
    pub(crate) fn module(self) -> usize {
        match self {
            Self::Module(module) | Self::Item(module) => module,
        }
    }
}

/// The imports that are being followed: module and place in it. One that leads to itself ends.
type Trail = Vec<(usize, usize)>;

/// Everything that `path` names when it is written in `module`. More than one thing if a module and
/// a function have one name; nothing if it is another crate's.
pub(crate) fn resolve(modules: &Modules, module: usize, path: &[String]) -> Vec<Target> {
    follow(modules, module, path, &mut Trail::new())
}

fn follow(modules: &Modules, module: usize, path: &[String], trail: &mut Trail) -> Vec<Target> {
    let mut base = module;
    let mut rest = path;
    let mut is_anchored = false;
    while let [first, more @ ..] = rest {
        match first.as_str() {
            "crate" => base = 0,
            "self" => {}
            "super" => base = modules.all[base].parent.unwrap_or(0),
            _ => break,
        }
        is_anchored = true;
        rest = more;
    }
    let Some((first, rest)) = rest.split_first() else {
        return vec![Target::Module(base)];
    };
    let mut targets = lookup(modules, base, first, trail);
    // What is not written down in a module that is ours is made there by a macro.
    if is_anchored && targets.is_empty() {
        targets.push(Target::Item(base));
    }
    for name in rest {
        targets = step(modules, &targets, name, trail);
    }
    targets
}

/// One name further: in modules if there are any, else a variant or an associated item.
fn step(modules: &Modules, from: &[Target], name: &str, trail: &mut Trail) -> Vec<Target> {
    let mut next = Vec::new();
    for target in from {
        let Target::Module(module) = *target else {
            continue;
        };
        let found = lookup(modules, module, name, trail);
        if found.is_empty() {
            next.push(Target::Item(module));
        }
        next.extend(found);
    }
    if next.is_empty() { from.to_vec() } else { next }
}

fn lookup(modules: &Modules, module: usize, name: &str, trail: &mut Trail) -> Vec<Target> {
    let own = &modules.all[module];
    let mut targets = Vec::new();
    if own.defined.iter().any(|defined| defined == name) {
        targets.push(Target::Item(module));
    }
    targets.extend(own.children.get(name).copied().map(Target::Module));
    for (at, import) in own.imports.iter().enumerate() {
        let is_it = import.name.as_deref() == Some(name) && !import.is_local;
        if is_it && !trail.contains(&(module, at)) {
            trail.push((module, at));
            targets.extend(follow(modules, module, &import.path, trail));
            trail.pop();
        }
    }
    if targets.is_empty() {
        through_globs(modules, module, name, trail)
    } else {
        targets
    }
}

fn through_globs(modules: &Modules, module: usize, name: &str, trail: &mut Trail) -> Vec<Target> {
    let mut targets = Vec::new();
    for (at, import) in modules.all[module].imports.iter().enumerate() {
        if import.name.is_some() || trail.contains(&(module, at)) {
            continue;
        }
        trail.push((module, at));
        for target in follow(modules, module, &import.path, trail) {
            if let Target::Module(from) = target {
                targets.extend(lookup(modules, from, name, trail));
            }
        }
        trail.pop();
    }
    targets
}
