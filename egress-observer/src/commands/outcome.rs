//! How a command ends, and the exit code that says so: here and nowhere else.

use egress_observer_istio::manifests::ManifestError;

use super::{BadInput, flows::Unreachable};

/// Something failed, and there is no answer.
const FAILED: u8 = 1;
/// No agent answers.
const UNREACHABLE: u8 = 3;
/// `EX_DATAERR`: the input is wrong, not the program or the machine.
const BAD_INPUT: u8 = 65;
/// The answer is complete, and has what the caller asked to fail on.
const FINDINGS: u8 = 79;

/// How a command that has its answer ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is nothing more to say.
    Done,
    /// Something was found that the caller asked to fail on; the answer itself is complete.
    Findings(String),
    /// Some of the input could not be used: the answer is of the rest.
    BadInput(String),
}

impl Outcome {
    /// How a command ends that could not use some of its lines.
    pub(in crate::commands) fn of_lines(read: Result<(), BadInput>) -> Self {
        read.map_or_else(|BadInput(message)| Self::BadInput(message), |()| Self::Done)
    }

    /// What to say of it.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::Findings(message) | Self::BadInput(message) => Some(message),
        }
    }

    /// The exit code.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Findings(_) => FINDINGS,
            Self::BadInput(_) => BAD_INPUT,
        }
    }

    /// This and that. Bad input before findings: with it the answer is not complete.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Done, one) | (one, Self::Done) => one,
            (Self::Findings(a), Self::Findings(b)) => Self::Findings(format!("{a}; {b}")),
            (Self::BadInput(a), Self::BadInput(b) | Self::Findings(b))
            | (Self::Findings(b), Self::BadInput(a)) => Self::BadInput(format!("{a}; {b}")),
        }
    }
}

/// The exit code of a failure.
pub fn exit_code_of(failure: &anyhow::Error) -> u8 {
    if failure.is::<ManifestError>() || failure.is::<BadInput>() {
        BAD_INPUT
    } else if failure.is::<Unreachable>() {
        UNREACHABLE
    } else {
        FAILED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_weighs_more_than_findings() {
        let found = || Outcome::Findings("found".to_owned());
        let bad = || Outcome::BadInput("bad".to_owned());
        assert_eq!(Outcome::Done.and(found()), found());
        assert_eq!(bad().and(Outcome::Done), bad());
        for both in [found().and(bad()), bad().and(found())] {
            assert_eq!(both.message(), Some("bad; found"));
            assert_eq!(both.exit_code(), BAD_INPUT);
        }
    }
}
