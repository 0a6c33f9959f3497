//! How the watches are doing.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::selection::Selection;
use egress_observer_istio::{
    mesh::MeshCoverage,
    objects::{kinds::Kind, name::ObjectName},
    view::change::ObjectChange,
};

/// A watch that was interrupted counts as synced for a while: most come back at once, and what is
/// known is as good as before.
const GRACE: Duration = Duration::from_secs(120);

/// Which watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WatchId(usize);

/// What a watch is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing was listed yet.
    Waiting,
    /// Everything up to now is known.
    Synced,
    /// It was, and may have changed.
    Interrupted,
    /// The kind is not served: there is nothing to know.
    Absent,
    /// The service account may not.
    Forbidden,
}

/// What a watch has to tell.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) watch: WatchId,
    pub(crate) state: State,
    pub(crate) changes: Vec<ObjectChange>,
    pub(crate) tally: Tally,
}

/// Figures of a watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Objects that are known.
    pub(crate) objects: usize,
    /// Objects that cannot be read.
    pub(crate) invalid: usize,
    /// How often it was started again after a failure.
    pub(crate) restarts: u64,
}

#[derive(Debug)]
struct Row {
    kind: Kind,
    /// What of it, for people.
    selection: String,
    /// The one object, if it is of one.
    only: Option<ObjectName>,
    state: State,
    since: Instant,
    tally: Tally,
}

/// All watches.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    rows: BTreeMap<WatchId, Row>,
    n_ever: usize,
}

impl Watches {
    pub(super) fn add(&mut self, kind: Kind, selection: &Selection) -> WatchId {
        let row = Row {
            kind,
            selection: selection.to_string(),
            only: selection.only(),
            state: State::Waiting,
            since: Instant::now(),
            tally: Tally::default(),
        };
        let id = WatchId(self.n_ever);
        self.n_ever += 1;
        self.rows.insert(id, row);
        id
    }

    /// Forgets a watch that ended.
    pub(super) fn remove(&mut self, id: WatchId) {
        self.rows.remove(&id);
    }

    /// Whether the watch is there: one that ended may have told something before.
    pub(crate) fn note(&mut self, news: &News, now: Instant) -> bool {
        let Some(row) = self.rows.get_mut(&news.watch) else {
            return false;
        };
        if row.state != news.state {
            row.state = news.state;
            row.since = now;
        }
        row.tally = news.tally;
        true
    }

    /// What was never listed, nor found to be impossible to list; pods have to be.
    pub(crate) fn waiting(&self) -> Vec<String> {
        let waiting = self.rows.values().filter(|row| match row.state {
            State::Waiting => true,
            State::Forbidden => row.kind == Kind::Pod,
            State::Synced | State::Interrupted | State::Absent => false,
        });
        waiting
            .map(|row| format!("{}{}", row.kind.plural(), row.selection))
            .collect()
    }

    /// Whether everything there is to know was known once.
    pub(crate) fn settled(&self) -> bool {
        self.rows.values().all(|row| row.state != State::Waiting)
    }

    /// Whether a pod that is not known does not exist.
    pub(crate) fn pods_known(&self) -> bool {
        self.of(Kind::Pod).all(|row| row.state == State::Synced)
    }

    /// Whether everything is known that decides what the mesh knows. Routes and rules say more about a
    /// host, not whether there is one.
    pub(crate) fn registry_known(&self) -> bool {
        let kinds = [Kind::ServiceEntry, Kind::Sidecar];
        kinds.iter().all(|kind| self.is_listed(*kind))
    }

    /// Whether all Services are known. They may not be watched at all.
    pub(crate) fn services_known(&self) -> bool {
        self.of(Kind::Service).next().is_some() && self.is_listed(Kind::Service)
    }

    /// Whether it is known which istiods there are, or that this may not be known.
    pub(super) fn istiods_asked_for(&self) -> bool {
        let mut rows = self.of(Kind::Deployment);
        rows.all(|row| row.state != State::Waiting)
    }

    /// What is known not to be there of the mesh's configuration.
    pub(crate) fn coverage(&self) -> MeshCoverage {
        let mut coverage = MeshCoverage {
            istiods_hidden: !self.is_listed(Kind::Deployment),
            ..MeshCoverage::default()
        };
        for row in self.of(Kind::ConfigMap) {
            let maps = match row.state {
                State::Synced | State::Interrupted | State::Absent => &mut coverage.listed,
                State::Waiting | State::Forbidden => &mut coverage.hidden,
            };
            maps.extend(row.only.clone());
        }
        coverage
    }

    fn is_listed(&self, kind: Kind) -> bool {
        self.of(kind)
            .all(|row| !matches!(row.state, State::Waiting | State::Forbidden))
    }

    /// By kind: whether what is known of it is up to date, and its figures.
    pub(crate) fn each(&self, now: Instant) -> impl Iterator<Item = (Kind, bool, Tally)> {
        Kind::watched().filter_map(move |kind| {
            let mut rows = self.of(kind).peekable();
            rows.peek()?;
            let mut tally = Tally::default();
            let mut synced = true;
            for row in rows {
                tally.objects += row.tally.objects;
                tally.invalid += row.tally.invalid;
                tally.restarts += row.tally.restarts;
                synced &= match row.state {
                    State::Synced | State::Absent => true,
                    State::Interrupted => now - row.since < GRACE,
                    State::Waiting | State::Forbidden => false,
                };
            }
            Some((kind, synced, tally))
        })
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Row> {
        self.rows.values().filter(move |row| row.kind == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(watch: WatchId, state: State) -> News {
        News {
            watch,
            state,
            changes: Vec::new(),
            tally: Tally {
                objects: 2,
                ..Tally::default()
            },
        }
    }

    #[test]
    fn everything_is_settled_when_the_last_watch_is_synced_or_cannot_be() {
        let mut watches = Watches::default();
        let pods = watches.add(Kind::Pod, &Selection::labels("app=a"));
        let entries = watches.add(Kind::ServiceEntry, &Selection::default());
        let now = Instant::now();
        assert_eq!(watches.waiting(), ["pods with app=a", "serviceentries"]);
        watches.note(&news(pods, State::Synced), now);
        assert!(watches.pods_known() && !watches.settled() && !watches.registry_known());
        watches.note(&news(entries, State::Forbidden), now);
        assert!(watches.settled() && !watches.registry_known());
        watches.note(&news(entries, State::Absent), now);
        assert!(watches.registry_known() && watches.waiting().is_empty());
        watches.note(&news(pods, State::Forbidden), now);
        assert_eq!(watches.waiting(), ["pods with app=a"]);
    }

    #[test]
    fn services_are_known_if_they_are_watched_and_listed() {
        let mut watches = Watches::default();
        let entries = watches.add(Kind::ServiceEntry, &Selection::default());
        let now = Instant::now();
        watches.note(&news(entries, State::Synced), now);
        assert!(watches.registry_known() && !watches.services_known());
        let services = watches.add(Kind::Service, &Selection::default());
        for (state, known) in [
            (State::Waiting, false),
            (State::Synced, true),
            (State::Interrupted, true),
            (State::Forbidden, false),
        ] {
            watches.note(&news(services, state), now);
            assert_eq!(watches.services_known(), known, "{state:?}");
            // A ServiceEntry is known, whatever there is inside the cluster.
            assert!(watches.registry_known());
        }
    }

    #[test]
    fn an_interruption_shows_when_it_lasts() {
        let mut watches = Watches::default();
        let one = watches.add(Kind::ConfigMap, &Selection::named("mesh", "istio"));
        let other = watches.add(
            Kind::ConfigMap,
            &Selection::named("mesh", "istio-sidecar-injector"),
        );
        let now = Instant::now();
        watches.note(&news(one, State::Synced), now);
        watches.note(&news(other, State::Synced), now);
        watches.note(&news(other, State::Interrupted), now);
        let tell = |watches: &Watches, now| watches.each(now).collect::<Vec<_>>();
        let (kind, synced, tally) = tell(&watches, now + GRACE / 2)[0];
        assert_eq!((kind, synced, tally.objects), (Kind::ConfigMap, true, 4));
        assert!(!tell(&watches, now + GRACE)[0].1);
        watches.note(&news(other, State::Synced), now + GRACE);
        assert!(tell(&watches, now + GRACE * 9)[0].1);
    }

    #[test]
    fn what_is_not_there_of_the_mesh_is_known_where_it_was_looked_for() {
        let mut watches = Watches::default();
        let map = watches.add(Kind::ConfigMap, &Selection::named("mesh", "our"));
        let istiods = watches.add(Kind::Deployment, &Selection::labels("app=istiod"));
        let name = ObjectName {
            namespace: "mesh".to_owned(),
            name: "our".to_owned(),
        };
        let now = Instant::now();
        for (state, listed) in [
            (State::Waiting, false),
            (State::Forbidden, false),
            (State::Synced, true),
            (State::Interrupted, true),
        ] {
            watches.note(&news(map, state), now);
            watches.note(&news(istiods, state), now);
            let coverage = watches.coverage();
            let found = [&coverage.listed, &coverage.hidden].map(|maps| maps.contains(&name));
            assert_eq!(found, [listed, !listed], "{state:?}");
            assert_eq!(coverage.istiods_hidden, !listed, "{state:?}");
            assert_eq!(watches.istiods_asked_for(), state != State::Waiting);
        }
        watches.remove(map);
        assert_eq!(watches.coverage(), MeshCoverage::default());
        assert!(!watches.note(&news(map, State::Synced), now));
    }
}
