//! One watch, from its first event to its end.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{
    faults::Fault,
    outgoing::{Gone, Pen},
    request::Query,
    selector::Selectors,
    shared::{Shared, State, StreamingLists},
    status::{self, Failure},
    store::Change,
    view::View,
};

/// Without `timeoutSeconds` the real one takes between half an hour and an hour.
const TIMEOUT: Duration = Duration::from_secs(1800);

/// What a client watches.
#[derive(Debug)]
pub(super) struct Watch {
    view: View,
    selectors: Selectors,
    /// Everything up to this version was told.
    position: u64,
    start: Start,
    bookmarks: bool,
    timeout: Duration,
    /// How often the watches of the resource had been cut when it began.
    cuts: u64,
}

/// How a watch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// With an ADDED for each object that is there.
    AllObjects { then_bookmark: bool },
    /// After the version that was given.
    Changes,
    /// Not at all: the version is given up.
    TooOld { oldest: u64 },
}

impl Watch {
    /// Checks the options. A version that is too old is no failure: the stream begins and says so.
    pub(super) fn new(
        state: &State,
        view: View,
        query: &Query,
        selectors: Selectors,
    ) -> Result<Self, Failure> {
        let wanted = query
            .version_number()
            .map_err(|message| status::bad_request(&message))?;
        check(state.streaming_lists, query)?;
        let initial = query
            .initial_events
            .filter(|_| state.streaming_lists == StreamingLists::Served);
        let now = state.store.version();
        let (start, position) = match initial {
            Some(true) => (
                Start::AllObjects {
                    then_bookmark: query.bookmarks,
                },
                now,
            ),
            Some(false) if wanted == 0 => (Start::Changes, now),
            None if wanted == 0 => (
                Start::AllObjects {
                    then_bookmark: false,
                },
                now,
            ),
            _ => match state.store.since(wanted).err() {
                Some(too_old) => (
                    Start::TooOld {
                        oldest: too_old.oldest,
                    },
                    wanted,
                ),
                None => (Start::Changes, wanted),
            },
        };
        if initial == Some(true) && wanted > now {
            return Err(status::too_large_version(wanted, now));
        }
        Ok(Self {
            cuts: state.cuts_of(view.resource),
            view,
            selectors,
            position,
            start,
            bookmarks: query.bookmarks,
            timeout: query.timeout_seconds.map_or(TIMEOUT, Duration::from_secs),
        })
    }

    /// Tells until the time is over, the client is gone, or it is cut off.
    pub(super) async fn run(
        mut self,
        shared: Arc<Shared>,
        fault: Option<Fault>,
        mut pen: Pen,
    ) -> Result<(), Gone> {
        let deadline = Instant::now() + self.timeout;
        let mut changes = shared.changes();
        if fault == Some(Fault::Expired) {
            let failure = status::watch_too_old(self.position, shared.state().store.version());
            return pen.write(View::error(&failure)).await;
        }
        // The state is never held while something is written.
        let recorded = shared.state().recorded(self.view.resource);
        if let Some(recorded) = recorded {
            pen.write(recorded).await?;
            return idle(&pen, deadline).await;
        }
        let beginning = self.beginning(&shared.state());
        for line in beginning {
            pen.write(line).await?;
        }
        if matches!(self.start, Start::TooOld { .. }) {
            return Ok(());
        }
        let interval = shared.bookmark_interval;
        let mut next_bookmark = Instant::now() + interval;
        loop {
            let step = self.step(&shared.state());
            match step {
                Step::Tell(lines) => {
                    for line in lines {
                        pen.write(line).await?;
                    }
                }
                Step::End => return Ok(()),
                Step::Cut => {
                    let line = self.view.bookmark(self.position, false);
                    pen.write(line[..line.len() / 2].to_owned()).await?;
                    return pen.break_off().await;
                }
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return Ok(()) },
                () = pen.closed() => return Err(Gone),
                () = sleep_until(deadline) => {
                    return self.bookmark(&shared, &mut pen).await;
                }
                () = sleep_until(next_bookmark) => {
                    next_bookmark += interval;
                    self.bookmark(&shared, &mut pen).await?;
                }
            }
        }
    }

    /// A version that is still to come has none (`cacheWatcher.process`).
    async fn bookmark(&self, shared: &Shared, pen: &mut Pen) -> Result<(), Gone> {
        let behind = shared.state().store.version() < self.position;
        if self.bookmarks && !behind {
            pen.write(self.view.bookmark(self.position, false)).await?;
        }
        Ok(())
    }

    fn beginning(&mut self, state: &State) -> Vec<String> {
        match self.start {
            Start::Changes => Vec::new(),
            Start::TooOld { oldest } => {
                vec![View::error(&status::watch_too_old(self.position, oldest))]
            }
            Start::AllObjects { then_bookmark } => {
                // Changes between the request and now are in the objects already.
                self.position = state.store.version();
                let objects = state.store.objects(self.view.resource);
                let matching = objects
                    .values()
                    .filter(|object| self.selectors.accept(object));
                let mut lines: Vec<String> = matching
                    .map(|object| self.view.event("ADDED", object))
                    .collect();
                if then_bookmark {
                    lines.push(self.view.bookmark(self.position, true));
                }
                lines
            }
        }
    }

    /// What to do now that something changed.
    fn step(&mut self, state: &State) -> Step {
        if state.cuts_of(self.view.resource) != self.cuts {
            return Step::Cut;
        }
        if !state.is_served(self.view.resource, &self.view.version) {
            return Step::End;
        }
        // A client that reads too slowly is ended by the real one as well.
        let Ok(changes) = state.store.since(self.position) else {
            return Step::End;
        };
        let lines = changes
            .filter(|change| change.resource == self.view.resource)
            .filter_map(|change| self.line(change))
            .collect();
        self.position = self.position.max(state.store.version());
        Step::Tell(lines)
    }

    /// To a client with selectors an object is there only while it matches.
    fn line(&self, change: &Change) -> Option<String> {
        let before = change.before.as_deref();
        let before = before.filter(|before| self.selectors.accept(before));
        let is_there = !change.deleted && self.selectors.accept(&change.after);
        match (before, is_there) {
            (None, false) => None,
            (None, true) => Some(self.view.event("ADDED", &change.after)),
            (Some(_), true) => Some(self.view.event("MODIFIED", &change.after)),
            (Some(_), false) if change.deleted => Some(self.view.event("DELETED", &change.after)),
            (Some(before), false) => Some(self.view.gone(before, change.version)),
        }
    }
}

enum Step {
    Tell(Vec<String>),
    /// The resource is served no more, or the client is too slow.
    End,
    /// A test cuts it.
    Cut,
}

/// Stays open and says nothing more.
async fn idle(pen: &Pen, deadline: Instant) -> Result<(), Gone> {
    tokio::select! {
        () = pen.closed() => Err(Gone),
        () = sleep_until(deadline) => Ok(()),
    }
}

/// Which options a server of this age takes together.
fn check(streaming_lists: StreamingLists, query: &Query) -> Result<(), Failure> {
    let has_rule = query.version_match.is_some();
    let (field, message) = match (streaming_lists, query.initial_events) {
        (StreamingLists::Unknown, _) if has_rule => (
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden for watch",
        ),
        (StreamingLists::Unknown, _) => return Ok(()),
        (_, Some(_)) if query.version_match.as_deref() != Some("NotOlderThan") => (
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ),
        (StreamingLists::SwitchedOff, Some(_)) => (
            "sendInitialEvents",
            "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled",
        ),
        (_, None) if has_rule => (
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
        _ => return Ok(()),
    };
    Err(status::invalid_options(field, message))
}
