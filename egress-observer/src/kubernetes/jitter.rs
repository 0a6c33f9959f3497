//! Random durations, so that thousands of agents do not ask at the same moment.

use std::time::Duration;

/// A duration between two.
pub(super) fn random(from: Duration, to: Duration) -> Duration {
    from + (to.saturating_sub(from)).mul_f64(fastrand::f64())
}
