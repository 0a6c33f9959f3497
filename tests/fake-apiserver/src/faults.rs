//! What goes wrong on purpose.

use super::request::Verb;

/// One way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 403, as if a permission had been taken away.
    Forbidden,
    /// 429, with the seconds of `Retry-After`.
    TooManyRequests { retry_after: u32 },
    /// 500
    InternalError,
    /// 503
    Unavailable,
    /// The version is too old: an event in a watch that was begun, as the watch cache says it; 410
    /// for everything else.
    Expired,
    /// The same, always as HTTP status 410.
    Gone,
    /// The connection breaks after so many bytes of the body.
    Cut { after: usize },
    /// The body arrives at this pace.
    Slow { bytes_per_second: usize },
    /// No answer, ever.
    Hang,
}

/// Which requests fail. Fields that are not set take everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// The id of a resource, such as `pods`.
    pub resource: Option<&'static str>,
    pub verb: Option<Verb>,
    /// Only the next so many.
    pub times: Option<u32>,
}

/// The faults that are set, in the order in which they are tried.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(Vec<(Which, Fault)>);

impl Faults {
    pub(super) fn set(&mut self, which: Which, fault: Fault) {
        self.0.push((which, fault));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What happens to a request: the first that fits, which is then used up by one.
    pub(super) fn take(&mut self, resource: &str, verb: Verb) -> Option<Fault> {
        let index = self.0.iter().position(|(which, _)| {
            which.resource.is_none_or(|it| it == resource)
                && which.verb.is_none_or(|it| it == verb)
                && which.times != Some(0)
        })?;
        let (which, fault) = &mut self.0[index];
        if let Some(times) = &mut which.times {
            *times -= 1;
        }
        Some(*fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_fits_its_requests_and_is_used_up() {
        let mut faults = Faults::default();
        let which = Which {
            resource: Some("pods"),
            verb: Some(Verb::Watch),
            times: Some(1),
        };
        faults.set(which, Fault::Gone);
        faults.set(Which::default(), Fault::Hang);
        assert_eq!(faults.take("pods", Verb::List), Some(Fault::Hang));
        assert_eq!(faults.take("nodes", Verb::Watch), Some(Fault::Hang));
        assert_eq!(faults.take("pods", Verb::Watch), Some(Fault::Gone));
        assert_eq!(faults.take("pods", Verb::Watch), Some(Fault::Hang));
        faults.clear();
        assert_eq!(faults.take("pods", Verb::Watch), None);
    }
}
