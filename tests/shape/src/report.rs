//! What was measured, as text.

use std::fmt::{self, Write as _};

use crate::cycles::Knot;
use crate::shape::{Package, Shape};

const COLUMNS: [&str; 10] = [
    "files",
    "lines",
    "code",
    "median",
    "largest",
    "function",
    "closures",
    "per 1,000",
    "cycles",
    "in cycles",
];

/// A row a package, and one of all together.
pub fn table(shape: &Shape) -> Result<String, fmt::Error> {
    let mut rows = vec![("package".to_owned(), COLUMNS.map(str::to_owned))];
    rows.extend(
        shape
            .packages
            .iter()
            .map(|package| (package.name.clone(), cells(package))),
    );
    rows.push(("total".to_owned(), cells(&total(shape))));
    let width = rows
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for (name, cells) in rows {
        write!(text, "{name:width$}")?;
        for (cell, column) in cells.iter().zip(COLUMNS) {
            write!(text, "  {cell:>0$}", column.len())?;
        }
        text.push('\n');
    }
    let (twice, hiding) = (shape.repeated.len(), shape.shadowing.len());
    writeln!(
        text,
        "\npublic type names with two meanings: {twice}; that hide a standard one: {hiding}"
    )?;
    Ok(text)
}

/// Every place that counts against a limit. Files and functions are named by the limits themselves.
pub fn places(shape: &Shape) -> Result<String, fmt::Error> {
    let mut text = String::new();
    for package in &shape.packages {
        for closure in &package.closures {
            writeln!(text, "closure: {closure}")?;
        }
    }
    for repeated in &shape.repeated {
        let places: Vec<_> = repeated
            .places
            .iter()
            .map(|place| format!("{}:{}", place.file.display(), place.line))
            .collect();
        writeln!(text, "two meanings: {} {}", repeated.name, places.join(" "))?;
    }
    for place in &shape.shadowing {
        writeln!(text, "hides a standard type: {place}")?;
    }
    Ok(text)
}

/// The knots, each with one way round; with all files of it if asked for.
pub fn cycles(shape: &Shape, all_files: bool) -> Result<String, fmt::Error> {
    let mut text = String::new();
    for package in &shape.packages {
        for knot in &package.knots {
            writeln!(
                text,
                "{}: {} modules import each other, for example",
                package.name,
                knot.files.len()
            )?;
            write_knot(&mut text, knot, all_files)?;
        }
    }
    Ok(text)
}

fn write_knot(text: &mut String, knot: &Knot, all_files: bool) -> fmt::Result {
    for edge in &knot.example {
        let (from, to) = (edge.from.display(), edge.to.display());
        writeln!(text, "  {from}:{} {} -> {to}", edge.line, edge.path)?;
    }
    for file in knot.files.iter().filter(|_| all_files) {
        writeln!(text, "    in it: {}", file.display())?;
    }
    Ok(())
}

fn cells(package: &Package) -> [String; 10] {
    let in_knots: usize = package.knots.iter().map(|knot| knot.files.len()).sum();
    [
        package.n_files.to_string(),
        package.n_lines.to_string(),
        package.n_code_lines.to_string(),
        package.median().to_string(),
        package.largest().map_or(0, |(_, lines)| *lines).to_string(),
        package
            .longest()
            .map_or(0, |function| function.lines)
            .to_string(),
        package.closures.len().to_string(),
        format!("{:.1}", package.closures_per_thousand()),
        package.knots.len().to_string(),
        in_knots.to_string(),
    ]
}

fn total(shape: &Shape) -> Package {
    let all = &shape.packages;
    Package {
        name: "total".to_owned(),
        is_product: false,
        n_files: all.iter().map(|package| package.n_files).sum(),
        n_lines: all.iter().map(|package| package.n_lines).sum(),
        n_code_lines: all.iter().map(|package| package.n_code_lines).sum(),
        sizes: all
            .iter()
            .flat_map(|package| package.sizes.clone())
            .collect(),
        functions: all
            .iter()
            .flat_map(|package| package.functions.clone())
            .collect(),
        closures: all
            .iter()
            .flat_map(|package| package.closures.clone())
            .collect(),
        knots: all
            .iter()
            .flat_map(|package| package.knots.clone())
            .collect(),
        types: Vec::new(),
    }
}
