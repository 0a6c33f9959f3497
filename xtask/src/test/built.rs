//! The tests as programs: cargo builds all of them at once, and the tiers run them.
//!
//! So a tier needs no cargo while it runs, and does not wait for the build of another.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::tier::Tier;
use crate::{command, workspace};

/// Tests that are tiers of their own: the directory of their package, and their name.
const OWN_TIERS: [(&str, &str); 6] = [
    ("tests/chart", "checks"),
    ("tests/pilot", "registry"),
    ("tests", "kernel"),
    ("tests", "differential"),
    ("tests", "e2e"),
    ("tests", "container"),
];

/// A program with tests.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Program {
    /// The directory of its package, from the repository's root.
    package: String,
    target: String,
    /// `lib`, `bin`, `test`, as cargo has it.
    kind: String,
    path: PathBuf,
}

/// All that cargo built.
#[derive(Clone, Debug, Default)]
pub(super) struct Built {
    programs: Vec<Program>,
    /// Whether some are missing.
    pub(super) is_whole: bool,
}

impl Built {
    /// Builds the tests of all default members. What does not build is missing.
    pub(super) fn build(tier: &mut Tier, features: Option<&str>) -> Self {
        let mut build = command::cargo();
        // `cargo test --no-run` would end at the first one that does not build.
        build.args(["build", "--tests", "--keep-going"]);
        build.arg("--message-format=json-render-diagnostics");
        if let Some(features) = features {
            build.args(["--features", features]);
        }
        let messages = tier.read(&mut build).unwrap_or_else(|error| {
            tier.miss(format_args!("{error:#}"));
            String::new()
        });
        Self {
            programs: programs(&messages, &workspace::root()),
            is_whole: tier.is_good(),
        }
    }

    /// The tests beside the code.
    pub(super) fn unit_tests(&self) -> Vec<Command> {
        self.commands(|program| program.kind != "test")
    }

    /// The tests of whole crates and programs that no tier of its own has.
    pub(super) fn integration_tests(&self) -> Vec<Command> {
        self.commands(|program| {
            let name = (program.package.as_str(), program.target.as_str());
            program.kind == "test" && !OWN_TIERS.contains(&name)
        })
    }

    /// The test that is a tier of its own.
    pub(super) fn test(&self, target: &str) -> Option<Command> {
        self.commands(|program| program.kind == "test" && program.target == target)
            .pop()
    }

    fn commands(&self, wanted: impl Fn(&Program) -> bool) -> Vec<Command> {
        let programs = self.programs.iter().filter(|program| wanted(program));
        programs.map(Program::command).collect()
    }
}

impl Program {
    /// As `cargo test` runs it.
    fn command(&self) -> Command {
        let dir = workspace::root().join(&self.package);
        let mut command = command::own(&self.path);
        command.current_dir(&dir).env("CARGO_MANIFEST_DIR", &dir);
        command
    }
}

/// The programs that cargo's messages tell of, in their order by package and name.
fn programs(messages: &str, root: &Path) -> Vec<Program> {
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut programs: Vec<Program> = messages
        .filter_map(|message: Value| program(&message, root))
        .collect();
    programs
        .sort_by(|a, b| (&a.package, &a.kind, &a.target).cmp(&(&b.package, &b.kind, &b.target)));
    programs
}

fn program(message: &Value, root: &Path) -> Option<Program> {
    if message["profile"]["test"] != true {
        return None;
    }
    let manifest = Path::new(message["manifest_path"].as_str()?);
    let package = manifest.parent()?.strip_prefix(root).ok()?;
    Some(Program {
        package: package.to_string_lossy().into_owned(),
        target: message["target"]["name"].as_str()?.to_owned(),
        kind: message["target"]["kind"][0].as_str()?.to_owned(),
        path: PathBuf::from(message["executable"].as_str()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_with_tests_are_read_from_cargos_messages() {
        let messages = r#"
{"reason":"compiler-artifact","manifest_path":"/w/tests/Cargo.toml","target":{"kind":["test"],"name":"golden"},"profile":{"test":true},"executable":"/w/target/debug/deps/golden-1"}
{"reason":"compiler-artifact","manifest_path":"/w/tests/Cargo.toml","target":{"kind":["bin"],"name":"traffic"},"profile":{"test":false},"executable":"/w/target/debug/traffic"}
{"reason":"compiler-artifact","manifest_path":"/home/serde/Cargo.toml","target":{"kind":["lib"],"name":"serde"},"profile":{"test":false},"executable":null}
{"reason":"build-finished","success":true}
"#;
        let golden = Program {
            package: "tests".to_owned(),
            target: "golden".to_owned(),
            kind: "test".to_owned(),
            path: PathBuf::from("/w/target/debug/deps/golden-1"),
        };
        assert_eq!(programs(messages, Path::new("/w")), [golden]);
    }
}
