//! What is said in the end: a line for each tier, and the sum alone in the last line.

#![expect(clippy::print_stdout, reason = "the table is this task's product")]

use std::fmt::Write as _;
use std::process::ExitCode;

use super::tier::Outcome;

/// Prints it, and says whether all is well.
pub(super) fn print(outcomes: &[Outcome]) -> ExitCode {
    print!("{}", text(outcomes));
    if outcomes.iter().all(Outcome::is_good) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn text(outcomes: &[Outcome]) -> String {
    let mut text = format!(
        "\n{:24} {:>7} {:>7} {:>8}\n",
        "tier", "passed", "failed", "seconds"
    );
    let (mut passed, mut failed) = (0, 0);
    for outcome in outcomes {
        let n_failed = outcome.n_failed();
        passed += outcome.passed;
        failed += n_failed;
        let cells = if outcome.passed + n_failed == 0 {
            ["-".to_owned(), "-".to_owned()]
        } else {
            [outcome.passed.to_string(), n_failed.to_string()]
        };
        let mark = if outcome.is_good() { "" } else { "  FAILED" };
        writeln!(
            text,
            "{:24} {:>7} {:>7} {:>8.1}{mark}",
            outcome.name,
            cells[0],
            cells[1],
            outcome.took.as_secs_f64()
        )
        .expect("writing to a String cannot fail");
        for reason in &outcome.reasons {
            // The first line tells enough; the rest stands with the tier's output.
            let reason = reason.lines().next().unwrap_or_default();
            writeln!(text, "    {reason}").expect("writing to a String cannot fail");
        }
    }
    writeln!(text, "{passed} passed, {failed} failed").expect("writing to a String cannot fail");
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn mk_outcome(name: &'static str, passed: usize, failed: usize, reasons: &[&str]) -> Outcome {
        Outcome {
            name,
            passed,
            failed,
            took: Duration::from_millis(1_250),
            reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        }
    }

    #[test]
    fn the_last_line_is_the_sum_of_all_tiers() {
        let outcomes = [
            mk_outcome("lints", 0, 0, &[]),
            mk_outcome("unit tests", 7, 2, &["`tests`: exit status: 101"]),
            mk_outcome("kernel", 0, 0, &["there is no agent"]),
        ];
        assert_eq!(
            text(&outcomes),
            "\n\
             tier                      passed  failed  seconds\n\
             lints                          -       -      1.2\n\
             unit tests                     7       2      1.2  FAILED\n    \
                 `tests`: exit status: 101\n\
             kernel                         0       1      1.2  FAILED\n    \
                 there is no agent\n\
             7 passed, 3 failed\n"
        );
    }
}
