//! One watch: lists, follows, and starts again where it has to.
//!
//! kube's own `watcher` does the same and keeps bookmarks and reconnections to itself; whether a
//! quiet watch is alive or cut off is what has to be known here.
//!
//! ```text
//! list (streamed, else from the API server's cache) -> follow -> follow -> ...
//!   ^                                                     |
//!   +---- 410: the version is forgotten ------------------+
//! ```

use std::{
    collections::{HashMap, HashSet},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use futures::{Stream, StreamExt as _};
use kube::{
    Api, Client,
    api::{ListParams, VersionMatch, WatchEvent, WatchParams},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tracing::{info, warn};

use super::{
    arrival::Arrival,
    failure::{Backoff, Failure, Pace},
    groups::{Groups, LOOK_AGAIN, Served},
    jitter::random,
    kinds::{api_resource, group},
    message::Message,
    selection::Selection,
    status::{News, State, Tally, WatchId},
};
use egress_observer_istio::{
    objects::{kinds::OneKind, name::ObjectName},
    view::change::ObjectChange,
};

/// An API server sends a bookmark a minute. Where there are bookmarks and none comes for so long, the
/// connection is dead, whatever TCP says; or the versions of the server are behind ours, as after a
/// backup was restored, and nothing would come for a long time.
const SILENCE: Duration = Duration::from_secs(180);
/// An API server that has not begun to answer by then is away.
const ANSWER: Duration = Duration::from_secs(30);
/// A list that is not complete by then is given up.
const LIST: Duration = Duration::from_secs(120);
/// A watch that lasted so long was a success: the next failure is a first one again.
const LASTED: Duration = Duration::from_secs(30);

type Events<K> = Pin<Box<dyn Stream<Item = kube::Result<WatchEvent<Arrival<K>>>> + Send>>;

/// Where to go on from.
struct Position<K> {
    version: String,
    /// A streamed list goes on as a watch.
    events: Option<Events<K>>,
}

/// A watch of one kind.
pub(super) struct Watch<K> {
    id: WatchId,
    client: Client,
    pace: Pace,
    groups: Arc<Groups>,
    selection: Selection,
    timeout: Duration,
    send: mpsc::Sender<Message>,
    api: Api<Arrival<K>>,
    /// Whether lists are streamed; until an API server says that it cannot.
    streams: bool,
    /// Whether there are bookmarks.
    bookmarks: bool,
    known: HashSet<ObjectName>,
    /// Objects that cannot be read, and why.
    invalid: HashMap<ObjectName, String>,
    restarts: u64,
    state: State,
    /// The failure that stands in the way, as the log has it.
    told: Option<Failure>,
}

impl<K: OneKind> Watch<K> {
    pub(super) fn new(
        id: WatchId,
        (client, pace): (Client, Pace),
        groups: Arc<Groups>,
        selection: Selection,
        timeout: Duration,
        send: mpsc::Sender<Message>,
    ) -> Self {
        let version = K::KIND
            .facts()
            .versions
            .first()
            .copied()
            .unwrap_or_default();
        Self {
            id,
            api: api(&client, &selection, version),
            client,
            pace,
            groups,
            selection,
            timeout,
            send,
            streams: true,
            bookmarks: false,
            known: HashSet::new(),
            invalid: HashMap::new(),
            restarts: 0,
            state: State::Waiting,
            told: None,
        }
    }

    /// Watches until nobody listens any more.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::default();
        let mut listed_anew = None::<Instant>;
        while !self.send.is_closed() {
            let failure = self.serve(&mut backoff).await;
            let wait = match &failure {
                Failure::NotUnderstood(_) if self.streams => {
                    self.streams = false;
                    continue;
                }
                // At once, but not over and over.
                Failure::Expired | Failure::Silent => {
                    let before = listed_anew.replace(Instant::now());
                    match before {
                        Some(before) if before.elapsed() < LASTED => backoff.wait(),
                        Some(_) | None => Duration::ZERO,
                    }
                }
                // Roles may be made a moment later than the agent.
                Failure::Forbidden(_) => backoff.wait() * 2,
                Failure::NotServed => random(LOOK_AGAIN.0, LOOK_AGAIN.1),
                Failure::NotUnderstood(_) | Failure::Other(_) => backoff.wait(),
            };
            self.failed(&failure).await;
            self.pause(wait).await;
        }
    }

    /// Waits, and for as long as the API server asked for.
    async fn pause(&self, wait: Duration) {
        sleep(wait.max(self.pace.left(Instant::now().into_std()))).await;
    }

    /// Lists and follows, over as many connections as it takes, until the list has to be made anew.
    async fn serve(&mut self, backoff: &mut Backoff) -> Failure {
        let mut from = match timeout(LIST, self.list()).await {
            Ok(Ok(from)) => from,
            Ok(Err(failure)) => return failure,
            Err(_) => return Failure::Other(format!("no complete list within {LIST:?}")),
        };
        loop {
            let begin = Instant::now();
            let failure = match self.follow(&mut from).await {
                // The time-out that was asked for.
                Ok(()) if begin.elapsed() >= LASTED.min(self.timeout) => {
                    backoff.reset();
                    continue;
                }
                Ok(()) => Failure::Other("the watch ended as soon as it began".to_owned()),
                Err(failure @ Failure::Other(_)) => failure,
                Err(failure) => return failure,
            };
            if begin.elapsed() >= LASTED {
                backoff.reset();
            }
            self.failed(&failure).await;
            self.pause(backoff.wait()).await;
        }
    }

    /// Lists everything, in the first version that is served.
    async fn list(&mut self) -> Result<Position<K>, Failure> {
        let versions = match self.groups.served(group(K::KIND)).await {
            Served::Versions(served) => {
                let served = |version: &&&str| served.iter().any(|one| one == **version);
                K::KIND
                    .facts()
                    .versions
                    .iter()
                    .filter(served)
                    .copied()
                    .collect()
            }
            Served::Unknown => K::KIND.facts().versions.to_vec(),
            Served::Absent => Vec::new(),
        };
        for version in versions {
            self.api = api(&self.client, &self.selection, version);
            let listed = if self.streams {
                self.list_streamed().await
            } else {
                self.list_cached().await
            };
            match listed {
                Err(Failure::NotServed) => {}
                listed => return listed,
            }
        }
        Err(Failure::NotServed)
    }

    /// A streamed list: one connection, one object at a time (KEP 3157; on since Kubernetes 1.34).
    async fn list_streamed(&mut self) -> Result<Position<K>, Failure> {
        let params = self.params(true);
        let mut events = self.connect(&params, "0").await?;
        let mut all = Vec::new();
        loop {
            match self.next(&mut events).await? {
                Some(WatchEvent::Added(arrival) | WatchEvent::Modified(arrival)) => {
                    all.push(arrival);
                }
                Some(WatchEvent::Deleted(_)) => {}
                Some(WatchEvent::Bookmark(mark)) => {
                    self.bookmarks = true;
                    let end = mark.metadata.annotations.get("k8s.io/initial-events-end");
                    if end.is_some_and(|end| end == "true") {
                        self.listed(all).await;
                        return Ok(Position {
                            version: mark.metadata.resource_version,
                            events: Some(events),
                        });
                    }
                }
                Some(WatchEvent::Error(status)) => return Err(Failure::of_status(&status)),
                None => return Err(Failure::Other("the list ended before its end".to_owned())),
            }
        }
    }

    /// A list from the API server's cache, which never asks its store.
    async fn list_cached(&mut self) -> Result<Position<K>, Failure> {
        let params = ListParams {
            field_selector: self.selection.fields.clone(),
            label_selector: self.selection.labels.clone(),
            resource_version: Some("0".to_owned()),
            version_match: Some(VersionMatch::NotOlderThan),
            ..ListParams::default()
        };
        let list = self.api.list(&params).await;
        let list = list.map_err(|error| Failure::of(&error))?;
        let Some(version) = list.metadata.resource_version else {
            return Err(Failure::Other("the list has no version".to_owned()));
        };
        self.listed(list.items).await;
        Ok(Position {
            version,
            events: None,
        })
    }

    /// Takes in what one connection tells, until it ends.
    async fn follow(&mut self, from: &mut Position<K>) -> Result<(), Failure> {
        let mut events = match from.events.take() {
            Some(events) => events,
            None => {
                let params = self.params(false);
                self.connect(&params, &from.version).await?
            }
        };
        self.connected().await;
        while let Some(event) = self.next(&mut events).await? {
            match event {
                WatchEvent::Added(arrival) | WatchEvent::Modified(arrival) => {
                    from.pass(arrival.version())?;
                    let changes = self.set(arrival).into_iter().collect();
                    self.tell(State::Synced, changes).await;
                }
                WatchEvent::Deleted(arrival) => {
                    from.pass(arrival.version())?;
                    let changes = self.removed(arrival.name()).into_iter().collect();
                    self.tell(State::Synced, changes).await;
                }
                WatchEvent::Bookmark(mark) => {
                    self.bookmarks = true;
                    from.pass(Some(&mark.metadata.resource_version))?;
                }
                WatchEvent::Error(status) => return Err(Failure::of_status(&status)),
            }
        }
        Ok(())
    }

    fn params(&self, send_initial_events: bool) -> WatchParams {
        let timeout = random(self.timeout, self.timeout * 2).as_secs();
        WatchParams {
            field_selector: self.selection.fields.clone(),
            label_selector: self.selection.labels.clone(),
            timeout: Some(timeout.try_into().unwrap_or(u32::MAX)),
            bookmarks: true,
            send_initial_events,
        }
    }

    async fn connect(&self, params: &WatchParams, version: &str) -> Result<Events<K>, Failure> {
        match timeout(ANSWER, self.api.watch(params, version)).await {
            Ok(Ok(events)) => Ok(events.boxed()),
            Ok(Err(error)) => Err(Failure::of(&error)),
            Err(_) => Err(Failure::Other(format!("no answer within {ANSWER:?}"))),
        }
    }

    /// The next event; none at the end.
    async fn next(
        &self,
        events: &mut Events<K>,
    ) -> Result<Option<WatchEvent<Arrival<K>>>, Failure> {
        // Also where there never was a bookmark, the server ends the watch some day.
        let silence = if self.bookmarks {
            SILENCE.min(self.timeout)
        } else {
            self.timeout * 2 + SILENCE
        };
        match timeout(silence, events.next()).await {
            Ok(Some(Ok(event))) => Ok(Some(event)),
            Ok(Some(Err(error))) => Err(Failure::of(&error)),
            Ok(None) => Ok(None),
            Err(_) => Err(Failure::Silent),
        }
    }

    /// Takes in a complete list.
    async fn listed(&mut self, all: Vec<Arrival<K>>) {
        let names: HashSet<_> = all.iter().map(Arrival::name).collect();
        let gone = self.known.iter().chain(self.invalid.keys());
        let gone: HashSet<_> = gone
            .filter(|name| !names.contains(*name))
            .cloned()
            .collect();
        let mut changes: Vec<_> = gone
            .into_iter()
            .filter_map(|name| self.removed(name))
            .collect();
        changes.extend(all.into_iter().filter_map(|arrival| self.set(arrival)));
        self.tell(State::Synced, changes).await;
        info!(
            resource = K::KIND.plural(), selection = %self.selection, objects = self.known.len(),
            "listed"
        );
        self.told = None;
    }

    /// An object that cannot be read leaves its last state in place.
    fn set(&mut self, arrival: Arrival<K>) -> Option<ObjectChange> {
        let name = arrival.name();
        match arrival.object {
            Ok(object) => {
                self.invalid.remove(&name);
                self.known.insert(name);
                Some(ObjectChange::Set(Box::new(object.object())))
            }
            Err(problem) => {
                let problem = problem.to_string();
                let before = self.invalid.insert(name.clone(), problem.clone());
                if before.is_none_or(|before| before != problem) {
                    let ObjectName { namespace, name } = &name;
                    warn!(
                        kind = K::KIND.as_str(),
                        namespace, name, problem, "cannot be read: passed over"
                    );
                }
                None
            }
        }
    }

    fn removed(&mut self, name: ObjectName) -> Option<ObjectChange> {
        self.invalid.remove(&name);
        self.known
            .remove(&name)
            .then_some(ObjectChange::Removed(K::KIND, name))
    }

    async fn connected(&mut self) {
        if self.state != State::Synced {
            self.tell(State::Synced, Vec::new()).await;
        }
        if self.told.take().is_some() {
            info!(resource = K::KIND.plural(), selection = %self.selection, "watching again");
        }
    }

    /// Tells the agent, and the log once for failures of the same kind in a row: an API server that goes away
    /// first breaks a connection off, and then takes none.
    async fn failed(&mut self, failure: &Failure) {
        let synced = matches!(self.state, State::Synced | State::Interrupted);
        let state = match failure {
            Failure::Expired | Failure::Silent => self.state,
            Failure::NotServed => State::Absent,
            Failure::Forbidden(_) => State::Forbidden,
            Failure::NotUnderstood(_) | Failure::Other(_) if synced => State::Interrupted,
            Failure::NotUnderstood(_) | Failure::Other(_) => self.state,
        };
        self.restarts += u64::from(matches!(state, State::Synced | State::Interrupted));
        if self.told.as_ref() != Some(failure) {
            self.log(failure);
            // These two are over when everything is listed anew.
            if !matches!(failure, Failure::Expired | Failure::Silent) {
                self.told = Some(failure.clone());
            }
        }
        let changes = if state == State::Absent {
            let all: Vec<_> = self.known.iter().cloned().collect();
            all.into_iter()
                .filter_map(|name| self.removed(name))
                .collect()
        } else {
            Vec::new()
        };
        self.tell(state, changes).await;
    }

    fn log(&self, failure: &Failure) {
        let (resource, selection) = (K::KIND.plural(), &self.selection);
        match failure {
            Failure::Expired => {
                info!(resource, %selection, "listed anew: the last version expired")
            }
            Failure::Silent => info!(resource, %selection, "listed anew: the watch was silent"),
            Failure::NotServed => info!(
                resource,
                group = group(K::KIND),
                "is not served by this cluster: what it would say counts as not said"
            ),
            Failure::Forbidden(answer) => warn!(
                resource, %selection, answer,
                "the service account may not list and watch it: grant it, as the chart's roles do"
            ),
            Failure::NotUnderstood(problem) | Failure::Other(problem) => {
                warn!(resource, %selection, problem, "cannot be watched; tried again");
            }
        }
    }

    async fn tell(&mut self, state: State, changes: Vec<ObjectChange>) {
        self.state = state;
        let news = News {
            watch: self.id,
            state,
            changes,
            tally: Tally {
                objects: self.known.len(),
                invalid: self.invalid.len(),
                restarts: self.restarts,
            },
        };
        // Nobody listens when the agent ends.
        drop(self.send.send(Message::News(news)).await);
    }
}

impl<K> Position<K> {
    /// Goes on from a version. One that is lower is of another storage, a backup that was restored
    /// perhaps: what is known may not be there (versions compare as numbers, KEP 5504).
    fn pass(&mut self, version: Option<&str>) -> Result<(), Failure> {
        let Some(version) = version.filter(|version| !version.is_empty()) else {
            return Ok(());
        };
        let number = |version: &str| version.parse::<u128>().ok();
        if number(version) < number(&self.version) {
            return Err(Failure::Expired);
        }
        version.clone_into(&mut self.version);
        Ok(())
    }
}

fn api<K: OneKind>(client: &Client, selection: &Selection, version: &str) -> Api<Arrival<K>> {
    let resource = api_resource(K::KIND, version);
    match &selection.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egress_observer_istio::objects;

    #[test]
    fn versions_go_forward_and_one_that_does_not_is_of_another_storage() {
        let mut from = Position::<objects::PodObject> {
            version: "99".to_owned(),
            events: None,
        };
        assert_eq!(from.pass(None), Ok(()));
        assert_eq!(from.pass(Some("")), Ok(()));
        assert_eq!(from.pass(Some("100")), Ok(()));
        assert_eq!(from.pass(Some("100")), Ok(()));
        assert_eq!(from.version, "100");
        assert_eq!(from.pass(Some("20")), Err(Failure::Expired));
        assert_eq!(from.version, "100");
    }
}
