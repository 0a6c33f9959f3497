//! Modules that import each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use crate::modules::{Module, Modules};
use crate::resolve::{self, Target};

/// Which lines make one file depend on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependencies {
    /// What is imported by `use`, and what is named through an imported module.
    Imports,
    /// Also paths that are written where they are needed, such as `child::run()`.
    Paths,
}

/// A dependency, and the line that makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    pub from: PathBuf,
    pub line: usize,
    /// What is named.
    pub path: String,
    pub to: PathBuf,
}

/// Files of which each depends on all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knot {
    pub files: BTreeSet<PathBuf>,
    /// One of the shortest ways round in it.
    pub example: Vec<Edge>,
}

/// From a file to those that it depends on, with the first line that says so.
type Graph = BTreeMap<PathBuf, BTreeMap<PathBuf, Edge>>;

/// The knots of one target's modules, largest first.
pub(crate) fn knots(modules: &Modules, dependencies: Dependencies) -> Vec<Knot> {
    let graph = graph(modules, dependencies);
    let reached: BTreeMap<&Path, _> = graph
        .keys()
        .map(|file| (file.as_path(), ways(&graph, file)))
        .collect();
    let mut knots = Vec::new();
    let mut seen = BTreeSet::new();
    for (file, ways) in &reached {
        if seen.contains(*file) || !ways.contains_key(*file) {
            continue;
        }
        let files: BTreeSet<PathBuf> = ways
            .keys()
            .filter(|other| {
                reached
                    .get(*other)
                    .is_some_and(|back| back.contains_key(*file))
            })
            .map(|other| other.to_path_buf())
            .collect();
        let rounds = files
            .iter()
            .map(|member| way(&reached[member.as_path()], member));
        let example = rounds.min_by_key(Vec::len).unwrap_or_default();
        seen.extend(files.iter().cloned());
        knots.push(Knot { files, example });
    }
    knots.sort_by_key(|knot| std::cmp::Reverse(knot.files.len()));
    knots
}

fn graph(modules: &Modules, dependencies: Dependencies) -> Graph {
    let mut graph = Graph::new();
    for (index, module) in modules.all.iter().enumerate() {
        for (path, line) in named(modules, index, dependencies) {
            for target in resolve::resolve(modules, index, path) {
                let to = &modules.all[target.module()].file;
                if *to != module.file {
                    let (from, to, path) = (module.file.clone(), to.clone(), path.join("::"));
                    let edges = graph.entry(from.clone()).or_default();
                    edges.entry(to.clone()).or_insert(Edge {
                        from,
                        line,
                        path,
                        to,
                    });
                }
            }
        }
    }
    graph
}

/// The paths in a module that make it depend on others. One that is only handed on is none.
fn named(modules: &Modules, index: usize, dependencies: Dependencies) -> Vec<(&[String], usize)> {
    let module = &modules.all[index];
    let mut named = Vec::new();
    for import in &module.imports {
        if !import.is_public || is_used(modules, index, import.name.as_deref(), &import.path) {
            named.push((import.path.as_slice(), import.line));
        }
    }
    for mention in &module.mentions {
        let all = dependencies == Dependencies::Paths;
        if mention.path.len() > 1 && (all || is_through_import(module, &mention.path[0])) {
            named.push((mention.path.as_slice(), mention.line));
        }
    }
    named
}

fn is_through_import(module: &Module, first: &str) -> bool {
    module
        .imports
        .iter()
        .any(|import| import.name.as_deref() == Some(first))
}

/// Whether the module's own code names what it imports for others too; of `*`, anything in it.
fn is_used(modules: &Modules, index: usize, name: Option<&str>, path: &[String]) -> bool {
    let mentions = &modules.all[index].mentions;
    if let Some(name) = name {
        return mentions.iter().any(|mention| mention.path[0] == name);
    }
    resolve::resolve(modules, index, path).iter().any(|target| {
        let Target::Module(from) = *target else {
            return false;
        };
        mentions
            .iter()
            .any(|mention| modules.all[from].defined.contains(&mention.path[0]))
    })
}

/// Every file that `start` leads to, with the last edge of a shortest way there.
fn ways<'a>(graph: &'a Graph, start: &Path) -> BTreeMap<&'a Path, &'a Edge> {
    let mut last = BTreeMap::new();
    let mut queue: VecDeque<&Path> = graph
        .get_key_value(start)
        .map(|(file, _)| file.as_path())
        .into_iter()
        .collect();
    while let Some(file) = queue.pop_front() {
        for (to, edge) in graph.get(file).into_iter().flatten() {
            if !last.contains_key(to.as_path()) {
                last.insert(to.as_path(), edge);
                queue.push_back(to);
            }
        }
    }
    last
}

/// The edges of the way that `last` describes, from `start` round to itself.
fn way(last: &BTreeMap<&Path, &Edge>, start: &Path) -> Vec<Edge> {
    let mut edges = Vec::new();
    let mut at = start;
    while let Some(edge) = last.get(at) {
        edges.push((*edge).clone());
        at = &edge.from;
        if at == start {
            break;
        }
    }
    edges.reverse();
    edges
}
