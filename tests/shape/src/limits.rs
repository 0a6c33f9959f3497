//! What the code of every package has to keep to.

use crate::shape::{Package, Shape};

/// The largest values that are allowed.
pub struct Limits {
    /// Median of lines a file.
    pub median: usize,
    /// Lines of any file.
    pub file: usize,
    /// Lines of any function.
    pub function: usize,
    /// Named closures in a thousand lines of code.
    pub closures_per_thousand: f64,
    /// Groups of modules that import each other.
    pub knots: usize,
    /// Public type names with two meanings, and those that hide a standard one.
    pub names: usize,
}

/// The limits of this workspace.
pub const LIMITS: Limits = Limits {
    median: 150,
    file: 500,
    function: 60,
    closures_per_thousand: 2.0,
    knots: 0,
    names: 0,
};

impl Shape {
    /// A line for every limit that is not kept.
    pub fn broken(&self, limits: &Limits) -> Vec<String> {
        let packages = self.packages.iter();
        let mut broken: Vec<_> = packages
            .flat_map(|package| package.broken(limits))
            .collect();
        if self.repeated.len() > limits.names {
            let n = self.repeated.len();
            broken.push(format!(
                "{n} public type names mean two things, not {} at most",
                limits.names
            ));
        }
        if self.shadowing.len() > limits.names {
            let n = self.shadowing.len();
            broken.push(format!(
                "{n} public types hide a standard one, not {} at most",
                limits.names
            ));
        }
        broken
    }
}

impl Package {
    fn broken(&self, limits: &Limits) -> Vec<String> {
        let name = &self.name;
        let mut broken = Vec::new();
        if self.median() > limits.median {
            broken.push(format!(
                "{name}: {} lines a file, not {} at most",
                self.median(),
                limits.median
            ));
        }
        for (file, lines) in self.sizes.iter().filter(|(_, lines)| *lines > limits.file) {
            broken.push(format!(
                "{}: {lines} lines, not {} at most",
                file.display(),
                limits.file
            ));
        }
        for function in self
            .functions
            .iter()
            .filter(|function| function.lines > limits.function)
        {
            let (place, lines) = (&function.place, function.lines);
            broken.push(format!(
                "{place}: {lines} lines, not {} at most",
                limits.function
            ));
        }
        let (closures, allowed) = (self.closures_per_thousand(), limits.closures_per_thousand);
        if closures > allowed {
            broken.push(format!(
                "{name}: {closures:.1} named closures in 1,000 lines, not {allowed} at most"
            ));
        }
        if self.knots.len() > limits.knots {
            let n = self.knots.len();
            broken.push(format!(
                "{name}: {n} import cycles, not {} at most",
                limits.knots
            ));
        }
        broken
    }
}
