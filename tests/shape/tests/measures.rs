//! Each measure, on small workspaces that are made for it.
#![expect(
    clippy::unwrap_used,
    clippy::tests_outside_test_module,
    reason = "all of this is a test"
)]

use std::fs;

use egress_observer_shape::{Dependencies, LIMITS, Package, Shape, measure};

/// A workspace with one package of the product, `agent`, that has these files below `src`.
fn shape_of(files: &[(&str, &str)]) -> Shape {
    shape_with(files, Dependencies::Imports)
}

fn shape_with(files: &[(&str, &str)], dependencies: Dependencies) -> Shape {
    let root = tempfile::tempdir().unwrap();
    fs::write(
        root.path().join("Cargo.toml"),
        "[workspace]\nmembers = [\"agent\"]\n",
    )
    .unwrap();
    fs::create_dir(root.path().join("agent")).unwrap();
    fs::write(
        root.path().join("agent/Cargo.toml"),
        "[package]\nname = \"agent\"\n",
    )
    .unwrap();
    for (name, text) in files {
        let path = root.path().join("agent/src").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    measure(root.path(), dependencies).unwrap()
}

/// A workspace with the product's `agent` and `common`, and `tests`, each of one file.
fn shape_of_packages(agent: &str, common: &str, tests: &str) -> Shape {
    let root = tempfile::tempdir().unwrap();
    fs::write(
        root.path().join("Cargo.toml"),
        "[workspace]\nmembers = [\"agent\", \"common\", \"tests\"]\n",
    )
    .unwrap();
    for (name, text) in [("agent", agent), ("common", common), ("tests", tests)] {
        let manifest = format!("[package]\nname = \"{name}\"\n");
        fs::create_dir_all(root.path().join(name).join("src")).unwrap();
        fs::write(root.path().join(name).join("Cargo.toml"), manifest).unwrap();
        fs::write(root.path().join(name).join("src/lib.rs"), text).unwrap();
    }
    measure(root.path(), Dependencies::Imports).unwrap()
}

fn agent(shape: &Shape) -> &Package {
    &shape.packages[0]
}

/// The edges of the examples, as `file:line -> file` without what all names share.
fn cycles(shape: &Shape) -> Vec<String> {
    let knots = &agent(shape).knots;
    let mut edges: Vec<_> = knots
        .iter()
        .flat_map(|knot| &knot.example)
        .map(|edge| {
            format!(
                "{}:{} -> {}",
                edge.from.display(),
                edge.line,
                edge.to.display()
            )
        })
        .map(|edge| edge.replace("agent/src/", ""))
        .collect();
    edges.sort();
    edges
}

fn lines(n: usize) -> String {
    "//\n".repeat(n)
}

#[test]
fn two_modules_that_import_each_other_are_a_cycle_with_its_lines() {
    let shape = shape_of(&[
        ("lib.rs", "mod a;\nmod b;\n"),
        ("a.rs", "\nuse crate::b::B;\npub struct A(B);\n"),
        ("b.rs", "pub struct B;\nfn f() {\n    use super::a::A;\n}\n"),
    ]);
    assert_eq!(cycles(&shape), ["a.rs:2 -> b.rs", "b.rs:3 -> a.rs"]);
    assert_eq!(
        shape.broken(&LIMITS),
        ["agent: 1 import cycles, not 0 at most"]
    );
}

#[test]
fn one_direction_is_no_cycle() {
    let shape = shape_of(&[
        ("lib.rs", "mod a;\nmod b;\nmod c;\n"),
        (
            "a.rs",
            "use crate::{b::B, c};\nfn f(_: B) -> c::C { c::C }\n",
        ),
        ("b.rs", "use super::c::C;\npub struct B(C);\n"),
        ("c.rs", "pub struct C;\n"),
    ]);
    assert!(cycles(&shape).is_empty());
    assert!(shape.broken(&LIMITS).is_empty());
}

#[test]
fn a_parent_and_its_child_are_a_cycle() {
    let shape = shape_of(&[
        ("lib.rs", "mod a;\n"),
        ("a.rs", "mod b;\nuse self::b::B;\npub struct A(B);\n"),
        ("a/b.rs", "use super::A;\npub struct B;\nfn f(_: A) {}\n"),
    ]);
    assert_eq!(cycles(&shape), ["a.rs:2 -> a/b.rs", "a/b.rs:1 -> a.rs"]);
}

#[test]
fn a_facade_depends_on_nothing() {
    let shape = shape_of(&[
        ("lib.rs", "mod a;\n"),
        ("a.rs", "mod b;\npub use self::b::B;\npub struct A;\n"),
        ("a/b.rs", "use super::A;\npub struct B(A);\n"),
    ]);
    assert!(cycles(&shape).is_empty());
}

#[test]
fn a_facade_that_uses_what_it_hands_on_depends_on_it() {
    for import in ["pub use self::b::B;", "pub(crate) use b::*;"] {
        let parent = format!("mod b;\n{import}\npub struct A(B);\n");
        let shape = shape_of(&[
            ("lib.rs", "mod a;\n"),
            ("a.rs", &parent),
            ("a/b.rs", "use super::A;\npub struct B;\nfn f(_: A) {}\n"),
        ]);
        assert_eq!(
            cycles(&shape),
            ["a.rs:2 -> a/b.rs", "a/b.rs:1 -> a.rs"],
            "{import}"
        );
    }
}

#[test]
fn a_cycle_through_a_facade_is_found_where_things_are_defined() {
    let shape = shape_of(&[
        ("lib.rs", "mod a;\nmod c;\n"),
        ("a.rs", "mod b;\npub use self::b::B as Renamed;\n"),
        ("a/b.rs", "use crate::c::C;\npub struct B(C);\n"),
        (
            "c.rs",
            "use crate::a::Renamed;\npub struct C;\nfn f(_: Renamed) {}\n",
        ),
    ]);
    assert_eq!(cycles(&shape), ["a/b.rs:1 -> c.rs", "c.rs:1 -> a/b.rs"]);
}

#[test]
fn siblings_that_share_the_facade_are_no_cycle() {
    let shape = shape_of(&[
        ("lib.rs", "mod a;\n"),
        (
            "a.rs",
            "mod b;\nmod c;\npub use self::b::B;\npub use self::c::C;\n",
        ),
        ("a/b.rs", "pub struct B;\n"),
        ("a/c.rs", "use super::B;\npub struct C(B);\n"),
    ]);
    assert!(cycles(&shape).is_empty());
}

#[test]
fn what_is_named_through_an_imported_module_is_depended_on() {
    let shape = shape_of(&[
        ("lib.rs", "mod a;\nmod c;\n"),
        ("a.rs", "mod b;\npub use self::b::B;\n"),
        ("a/b.rs", "use crate::c::C;\npub struct B(C);\n"),
        ("c.rs", "use crate::a;\npub struct C;\nfn f(_: a::B) {}\n"),
    ]);
    assert_eq!(cycles(&shape), ["a/b.rs:1 -> c.rs", "c.rs:3 -> a/b.rs"]);
}

#[test]
fn a_macro_and_what_it_makes_belong_to_their_module() {
    let shape = shape_of(&[
        ("lib.rs", "mod a;\nmod b;\n"),
        (
            "a.rs",
            "use crate::b::B;\nmacro_rules! set {\n    ($name:ident) => { pub struct $name; };\n}\nset!(Made);\nfn f(_: B) {}\n",
        ),
        ("b.rs", "use crate::a::Made;\npub struct B(Made);\n"),
    ]);
    assert_eq!(cycles(&shape), ["a.rs:1 -> b.rs", "b.rs:1 -> a.rs"]);
}

#[test]
fn imports_of_tests_and_of_other_crates_count_for_nothing() {
    let shape = shape_of(&[
        ("lib.rs", "mod a;\nmod b;\n"),
        ("a.rs", "use crate::b::B;\npub struct A(B);\n"),
        (
            "b.rs",
            "use a::Other;\nuse std::fmt;\npub struct B;\n#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n",
        ),
    ]);
    assert!(cycles(&shape).is_empty());
}

#[test]
fn paths_in_code_count_when_asked_for() {
    let files = [
        ("lib.rs", "mod a;\n"),
        (
            "a.rs",
            "mod b;\npub struct A;\nfn f() {\n    b::run();\n}\n",
        ),
        ("a/b.rs", "use super::A;\npub fn run() -> A { A }\n"),
    ];
    assert!(cycles(&shape_of(&files)).is_empty());
    let with_paths = shape_with(&files, Dependencies::Paths);
    assert_eq!(
        cycles(&with_paths),
        ["a.rs:4 -> a/b.rs", "a/b.rs:1 -> a.rs"]
    );
}

#[test]
fn closures_with_a_name_are_counted_outside_tests() {
    let shape = shape_of(&[(
        "lib.rs",
        "fn f() {
    let one = |x: u8| x;
    let two: fn(u8) -> u8 = |x| x;
    let (three, _) = (move || 3, 4);
    let four = [1].iter().map(|x| x + 1);
}
#[cfg(test)]
mod tests {
    fn g() {
        let five = |x: u8| x;
    }
}
",
    )]);
    let names: Vec<_> = agent(&shape)
        .closures
        .iter()
        .map(|place| (place.line, &*place.name))
        .collect();
    assert_eq!(names, [(2, "one"), (3, "two"), (4, "three, _")]);
    assert_eq!(agent(&shape).n_code_lines, 6);
    assert_eq!(
        shape.broken(&LIMITS),
        ["agent: 500.0 named closures in 1,000 lines, not 2 at most"]
    );
}

#[test]
fn code_is_what_is_neither_blank_nor_comment() {
    let shape = shape_of(&[(
        "lib.rs",
        "//! What it is.\n\n/// One.\n#[derive(Clone)]\npub struct One; // here\n/* two\nlines */\nconst TEXT: &str = \"a\n// no comment\";\n",
    )]);
    assert_eq!(agent(&shape).n_lines, 9);
    assert_eq!(agent(&shape).n_code_lines, 4);
}

#[test]
fn tests_are_no_part_of_a_files_size() {
    let lib = format!(
        "{}mod a;\n#[cfg(test)]\nmod tests {{\n{}}}\n",
        lines(99),
        lines(600)
    );
    let a = format!("{}#[cfg(test)]\nmod tests;\n", lines(120));
    let shape = shape_of(&[("lib.rs", &lib), ("a.rs", &a), ("a/tests.rs", &lines(700))]);
    let sizes: Vec<_> = agent(&shape)
        .sizes
        .iter()
        .map(|(_, lines)| *lines)
        .collect();
    assert_eq!(sizes, [120, 100]);
    assert_eq!(
        (agent(&shape).n_files, agent(&shape).n_lines),
        (3, 703 + 122 + 700)
    );
    assert!(shape.broken(&LIMITS).is_empty());
}

#[test]
fn long_files_and_functions_break_their_limits() {
    let long = format!("fn long(\n) {{\n{}}}\n", lines(58));
    let lib = format!("mod a;\nmod b;\nfn fits() {{\n{}}}\n{long}", lines(58));
    let shape = shape_of(&[
        ("lib.rs", &lib),
        ("a.rs", &lines(501)),
        ("b.rs", &lines(500)),
    ]);
    assert_eq!(
        shape.broken(&LIMITS),
        [
            "agent: 500 lines a file, not 150 at most",
            "agent/src/a.rs: 501 lines, not 500 at most",
            "agent/src/lib.rs:63 long: 61 lines, not 60 at most",
        ]
    );
}

#[test]
fn a_public_name_has_one_meaning_and_not_a_standard_one() {
    let shape = shape_of(&[
        (
            "lib.rs",
            "mod a;\nmod b;\npub struct One;\nstruct Path;\npub struct Error;\n",
        ),
        (
            "a.rs",
            "macro_rules! set {\n    ($name:ident { $a:ident }) => { pub enum $name { $a } };\n}\nset! {\n    One { A }\n}\npub(crate) trait File {}\n",
        ),
        (
            "b.rs",
            "pub(super) type Two = u8;\nstruct One;\n#[cfg(test)]\npub struct Two;\n",
        ),
    ]);
    let repeated: Vec<_> = shape
        .repeated
        .iter()
        .map(|name| (&*name.name, name.places.len()))
        .collect();
    assert_eq!(repeated, [("One", 2)]);
    let hiding: Vec<_> = shape
        .shadowing
        .iter()
        .map(|place| (place.line, &*place.name))
        .collect();
    assert_eq!(hiding, [(7, "File")]);
}

#[test]
fn packages_of_tests_have_the_same_limits() {
    let long = format!("fn long() {{\n{}}}\n", lines(59));
    let closure = "fn f() {\n    let named = |x: u8| x;\n}\n";
    let tests = format!("{long}{closure}pub struct One;\nmod b {{\n    pub struct One;\n}}\n");
    let shape = shape_of_packages("", "", &tests);
    assert_eq!(
        shape.broken(&LIMITS),
        [
            "tests/src/lib.rs:1 long: 61 lines, not 60 at most",
            "tests: 111.1 named closures in 1,000 lines, not 2 at most",
            "1 public type names mean two things, not 0 at most",
        ]
    );
}

#[test]
fn a_name_means_one_thing_in_the_whole_product_and_in_tests_by_itself() {
    let shape = shape_of_packages("pub struct One;\n", "", "pub struct One;\n");
    assert!(shape.broken(&LIMITS).is_empty());
    let shape = shape_of_packages("pub struct One;\n", "pub struct One;\n", "");
    let repeated: Vec<_> = shape.repeated.iter().map(|name| &*name.name).collect();
    assert_eq!(repeated, ["One"]);
}
