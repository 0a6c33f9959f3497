//! Why a request did not lead to what was asked for, and how long to wait.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::{HeaderMap, StatusCode, header};
use kube::{Error, core::Status};

use super::jitter::random;

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The version asked for is forgotten: everything has to be listed again.
    Expired,
    /// Nothing came for so long that nothing may come at all.
    Silent,
    /// The kind is not served.
    NotServed,
    /// The service account may not.
    Forbidden(String),
    /// The API server does not know the parameters of a streaming list.
    NotUnderstood(String),
    /// Anything else, which may pass.
    Other(String),
}

impl Failure {
    pub(super) fn of(error: &Error) -> Self {
        if let Error::Api(status) = error {
            return Self::of_status(status);
        }
        Self::Other(chain(error))
    }

    pub(super) fn of_status(status: &Status) -> Self {
        let text = || format!("{} ({} {})", status.message, status.code, status.reason);
        match (status.code, status.reason.as_str()) {
            (410, _) | (_, "Expired" | "Gone") => Self::Expired,
            (404, _) => Self::NotServed,
            (403, _) => Self::Forbidden(status.message.clone()),
            (400 | 422, _) => Self::NotUnderstood(text()),
            _ => Self::Other(text()),
        }
    }
}

/// An error and its causes: kube's own message seldom says which host or file.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let own = error.to_string();
        if !text.contains(&own) {
            text.push_str(": ");
            text.push_str(&own);
        }
        cause = error.source();
    }
    text
}

/// The shortest and the longest wait after failures in a row.
const WAIT: (Duration, Duration) = (Duration::from_millis(800), Duration::from_secs(30));
/// The longest that an API server may make us wait.
const LONGEST: Duration = Duration::from_secs(120);

/// Waits that double, up to a limit; each is random between its half and the whole, so that many
/// agents do not come back at once.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: WAIT.0 }
    }
}

impl Backoff {
    pub(super) fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(WAIT.1);
        random(wait / 2, wait)
    }

    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// What the API server asked all of us to wait for (`Retry-After`).
#[derive(Clone, Debug, Default)]
pub(super) struct Pace(Arc<Mutex<Option<Instant>>>);

impl Pace {
    pub(super) fn note(&self, status: StatusCode, headers: &HeaderMap, now: Instant) {
        let busy = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
        let seconds = headers
            .get(header::RETRY_AFTER)
            .filter(|_| busy)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        if let Some(seconds) = seconds {
            let until = now + Duration::from_secs(seconds).min(LONGEST);
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *known = known.max(Some(until));
        }
    }

    /// How long that still is.
    pub(super) fn left(&self, now: Instant) -> Duration {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, reason: &str) -> Failure {
        Failure::of_status(&Status::failure("why", reason).with_code(code))
    }

    #[test]
    fn answers_of_an_api_server_are_told_apart() {
        assert_eq!(status(410, "Expired"), Failure::Expired);
        // In a stream some have no code.
        assert_eq!(status(0, "Expired"), Failure::Expired);
        assert_eq!(status(404, "NotFound"), Failure::NotServed);
        assert_eq!(status(403, "Forbidden"), Failure::Forbidden("why".into()));
        assert!(matches!(status(422, "Invalid"), Failure::NotUnderstood(_)));
        assert_eq!(
            status(503, "ServiceUnavailable"),
            Failure::Other("why (503 ServiceUnavailable)".into())
        );
    }

    #[test]
    fn waits_double_up_to_the_limit_and_start_again() {
        let mut backoff = Backoff::default();
        for expected in [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0] {
            let wait = backoff.wait().as_secs_f64();
            assert!(
                wait >= expected / 2.0 - 1e-9 && wait <= expected + 1e-9,
                "{wait} of {expected}"
            );
        }
        backoff.reset();
        assert!(backoff.wait() <= WAIT.0);
    }

    #[test]
    fn the_api_server_may_ask_for_a_pause_within_reason() {
        let pace = Pace::default();
        let now = Instant::now();
        let asked = |seconds: &'static str| {
            HeaderMap::from_iter([(header::RETRY_AFTER, seconds.parse().unwrap())])
        };
        pace.note(StatusCode::OK, &asked("9"), now);
        pace.note(StatusCode::TOO_MANY_REQUESTS, &asked("soon"), now);
        assert_eq!(pace.left(now), Duration::ZERO);
        pace.note(StatusCode::TOO_MANY_REQUESTS, &asked("9"), now);
        pace.note(StatusCode::SERVICE_UNAVAILABLE, &asked("3"), now);
        assert_eq!(pace.left(now), Duration::from_secs(9));
        pace.note(StatusCode::TOO_MANY_REQUESTS, &asked("86400"), now);
        assert_eq!(pace.left(now), LONGEST);
    }
}
