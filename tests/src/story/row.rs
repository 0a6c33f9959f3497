//! A step of the story that was played.

use super::{
    observed::Observed,
    step::{Saw, Step},
};

/// A step that was played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub step: Step,
    /// The verdict that `explain` gave before.
    pub predicted: String,
    pub saw: Saw,
    /// Nothing, when the agent did not count exactly one connection; `complaint` says what it
    /// counted.
    pub observed: Option<Observed>,
    pub complaint: Option<String>,
}

impl Row {
    pub(super) fn new(
        step: Step,
        predicted: String,
        saw: Saw,
        observed: Result<Observed, String>,
    ) -> Self {
        let (observed, mut complaints) = match observed {
            Ok(observed) => {
                let complaints = step.wanted.complaints(&observed, step.service());
                (Some(observed), complaints)
            }
            Err(complaint) => (None, vec![complaint]),
        };
        if saw != step.client {
            complaints.push(format!("the client should have seen {}", step.client));
        }
        if predicted != step.predicted() {
            complaints.push(format!("explain should have said {}", step.predicted()));
        }
        Self {
            step,
            predicted,
            saw,
            observed,
            complaint: (!complaints.is_empty()).then(|| complaints.join("; ")),
        }
    }

    pub fn is_right(&self) -> bool {
        self.complaint.is_none()
    }
}
