//! The product's answers beside this oracle's.

mod expected;
mod product;
mod shrink;
mod verdict;

use std::path::Path;

use anyhow::Result;

use crate::generate::{self, Destination, World};

pub use self::expected::{Expected, expected};
pub use self::product::Answer;
pub use self::verdict::Judgement;

/// A destination of which the two say different things.
#[derive(Clone, Debug)]
pub struct Disagreement {
    pub case: u64,
    pub destination: Destination,
    pub expected: Expected,
    pub answer: Answer,
    pub why: String,
}

impl Disagreement {
    /// What it has in common with others: the product's verdict and reason, and what it really is.
    pub fn kind(&self) -> String {
        let why = self.why.as_str();
        let why = why.split(" outbound|").next().unwrap_or_default();
        let why = if why == "not" || why.starts_with("not ") && !why.contains("misrouted") {
            "another cluster"
        } else {
            why
        };
        format!("{} ({}), {why}", self.answer.verdict, self.answer.reason)
    }
}

/// How many answers there were of each kind.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub n_answers: usize,
    pub n_unknown: usize,
    /// It is right for some clients: the oracle's answer depends on what the client says first.
    pub n_depends: usize,
    pub disagreements: Vec<Disagreement>,
}

/// Compares a case; what the two differ in is added to the report.
pub fn case(binary: &Path, seed: u64, case: u64, report: &mut Report) -> Result<World> {
    let world = generate::world(seed, case);
    let answers = product::ask(binary, &world)?;
    judge(case, &world, answers, report);
    Ok(world)
}

/// The disagreement with as few objects as there can be.
pub fn smallest(
    binary: &Path,
    world: &World,
    found: &Disagreement,
) -> Result<(World, Disagreement)> {
    shrink::shrink(binary, world, found.clone())
}

/// The same with answers that are there already.
pub fn judge(case: u64, world: &World, answers: Vec<Answer>, report: &mut Report) {
    let all = world.destinations.iter().zip(expected(world));
    for ((destination, expected), answer) in all.zip(answers) {
        report.n_answers += 1;
        match verdict::judge(destination, &expected, &answer) {
            Judgement::Agrees => {}
            Judgement::Unknown => report.n_unknown += 1,
            Judgement::Depends => report.n_depends += 1,
            Judgement::Differs(why) => report.disagreements.push(Disagreement {
                case,
                destination: destination.clone(),
                expected,
                answer,
                why,
            }),
        }
    }
}
