//! All measures of a workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cycles::{self, Dependencies, Knot};
use crate::modules::Modules;
use crate::names::{self, Repeated};
use crate::places::{self, Function, Place};
use crate::source::SourceFile;
use crate::workspace::{self, Member};

/// What was measured of all packages.
pub struct Shape {
    pub packages: Vec<Package>,
    /// Names of public types with two meanings: in the product's packages together, or in one of the others.
    pub repeated: Vec<Repeated>,
    /// Public types that hide a standard one.
    pub shadowing: Vec<Place>,
}

/// What was measured of one package.
pub struct Package {
    pub name: String,
    pub is_product: bool,
    /// Files, those of tests included.
    pub n_files: usize,
    /// Lines, those of tests included.
    pub n_lines: usize,
    /// Lines outside tests that are neither blank nor only comment.
    pub n_code_lines: usize,
    /// Files that are not only tests, with their lines outside tests.
    pub sizes: Vec<(PathBuf, usize)>,
    pub functions: Vec<Function>,
    pub closures: Vec<Place>,
    pub knots: Vec<Knot>,
    pub types: Vec<Place>,
}

impl Package {
    /// The median of lines a file.
    pub fn median(&self) -> usize {
        let mut sizes: Vec<_> = self.sizes.iter().map(|(_, lines)| *lines).collect();
        sizes.sort_unstable();
        sizes.get(sizes.len() / 2).copied().unwrap_or_default()
    }

    /// The file with the most lines.
    pub fn largest(&self) -> Option<&(PathBuf, usize)> {
        self.sizes.iter().max_by_key(|(_, lines)| *lines)
    }

    /// The function with the most lines.
    pub fn longest(&self) -> Option<&Function> {
        self.functions.iter().max_by_key(|function| function.lines)
    }

    /// Named closures in a thousand lines of code.
    #[expect(clippy::cast_precision_loss, reason = "lines of code are few")]
    pub fn closures_per_thousand(&self) -> f64 {
        self.closures.len() as f64 * 1000.0 / self.n_code_lines.max(1) as f64
    }
}

/// Measures the workspace whose manifest is in `root`.
pub fn measure(root: &Path, dependencies: Dependencies) -> Result<Shape> {
    let mut read = Vec::new();
    for member in workspace::members(root)? {
        let sources = workspace::rust_files(root, &member)?
            .into_iter()
            .map(|path| {
                let text = workspace::read(&root.join(&path))?;
                SourceFile::parse(path, &text)
            })
            .collect::<Result<Vec<_>>>()?;
        read.push((member, sources));
    }
    let makers = read
        .iter()
        .flat_map(|(_, sources)| sources)
        .flat_map(places::type_makers)
        .collect();
    let packages: Vec<_> = read
        .iter()
        .map(|(member, sources)| package(member, sources, &makers, dependencies))
        .collect();
    let languages = languages(&packages);
    Ok(Shape {
        repeated: languages
            .iter()
            .flat_map(|types| names::repeated(types))
            .collect(),
        shadowing: languages
            .iter()
            .flat_map(|types| names::shadowing(types))
            .collect(),
        packages,
    })
}

/// The public types that are read together.
fn languages(packages: &[Package]) -> Vec<Vec<Place>> {
    let mut of_product = Vec::new();
    let mut languages = Vec::new();
    for package in packages {
        if package.is_product {
            of_product.extend(package.types.iter().cloned());
        } else {
            languages.push(package.types.clone());
        }
    }
    languages.insert(0, of_product);
    languages
}

fn package(
    member: &Member,
    sources: &[SourceFile],
    makers: &BTreeSet<String>,
    dependencies: Dependencies,
) -> Package {
    let by_path = sources
        .iter()
        .map(|source| (source.path.clone(), &source.syntax))
        .collect();
    let paths: Vec<_> = sources.iter().map(|source| source.path.clone()).collect();
    let targets = targets(member, &paths, &by_path);
    let reached: BTreeSet<&Path> = targets
        .iter()
        .flat_map(|modules| modules.all.iter().map(|module| module.file.as_path()))
        .collect();
    let mut package = Package {
        name: member.name.clone(),
        is_product: member.is_product(),
        n_files: sources.len(),
        n_lines: sources.iter().map(|source| source.lines).sum(),
        n_code_lines: 0,
        sizes: Vec::new(),
        functions: Vec::new(),
        closures: Vec::new(),
        knots: targets
            .iter()
            .flat_map(|modules| cycles::knots(modules, dependencies))
            .collect(),
        types: Vec::new(),
    };
    // What no target reaches without its tests is a test.
    for source in sources
        .iter()
        .filter(|source| reached.contains(source.path.as_path()))
    {
        let found = places::find(source, makers);
        package.n_code_lines += source.code_lines;
        package.sizes.push((source.path.clone(), source.own_lines));
        package.functions.extend(found.functions);
        package.closures.extend(found.closures);
        package.types.extend(found.types);
    }
    package
}

fn targets(
    member: &Member,
    paths: &[PathBuf],
    by_path: &BTreeMap<PathBuf, &syn::File>,
) -> Vec<Modules> {
    let roots = member.roots(paths);
    roots
        .iter()
        .map(|root| Modules::reached(root, by_path))
        .collect()
}
