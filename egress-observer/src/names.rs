//! What pods know addresses by: the names that they asked for, pod by pod.
//!
//! A name belongs to the container whose socket received the answer. Other containers of the pod
//! stand in where that one asked for nothing: they share a network, and may share a resolver; and a
//! proxy passes on what the application dialled. Only the proxy never stands in for the application:
//! it resolves every host that the mesh declares, whoever asks for it.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::dns::DnsAnswer;

/// How much is remembered.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Names of addresses, in all.
    pub in_all: usize,
    /// The same for one pod.
    pub per_pod: usize,
    /// How long at least after the question, or after the last connection: programs keep addresses
    /// longer than they are told to.
    pub keep: Duration,
}

/// Names that were forgotten before their time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    /// For others of the same pod.
    pub pod: u64,
    /// For others of the node.
    pub node: u64,
}

/// The memory.
#[derive(Debug)]
pub struct PodNames {
    limits: Limits,
    /// By `metadata.uid`.
    by_pod: HashMap<String, OfPod>,
    n: usize,
    /// Counts questions: tells which of two was asked later.
    n_asked: u64,
    evicted: Evicted,
}

#[derive(Debug, Default)]
struct OfPod {
    by_ip: HashMap<IpAddr, Vec<KnownName>>,
    /// By [`KnownName::asked`]: the address that it is known of.
    by_age: BTreeMap<u64, IpAddr>,
}

/// A name of an address.
#[derive(Debug)]
struct KnownName {
    /// Id of the container that asked, if it is one's.
    container: Option<Arc<str>>,
    name: Arc<str>,
    asked: u64,
    until: Instant,
}

impl KnownName {
    fn says_the_same(&self, other: &Self) -> bool {
        self.name == other.name && self.container == other.container
    }
}

/// Who wants to know: a pod's container.
#[derive(Clone, Copy)]
pub struct NameAsker<'a> {
    /// The pod's `metadata.uid`.
    pub pod: &'a str,
    /// The container's id, if it is known.
    pub container: Option<&'a str>,
    /// Whether what another container of the pod asked for counts for this one.
    pub alike: &'a dyn Fn(Option<&str>) -> bool,
}

impl NameAsker<'_> {
    /// Whether the name was told to this container itself.
    fn asked(&self, known: &KnownName) -> bool {
        known.container.as_deref() == self.container
    }

    fn accepts(&self, known: &KnownName) -> bool {
        self.asked(known) || (self.alike)(known.container.as_deref())
    }
}

impl PodNames {
    /// Nothing known.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            by_pod: HashMap::new(),
            n: 0,
            n_asked: 0,
            evicted: Evicted::default(),
        }
    }

    /// Remembers what a container of a pod was told.
    pub fn learn(&mut self, pod: &str, container: Option<&str>, answer: &DnsAnswer, now: Instant) {
        if !self.by_pod.contains_key(pod) {
            self.by_pod.insert(pod.to_owned(), OfPod::default());
        }
        let Some(of_pod) = self.by_pod.get_mut(pod) else {
            return;
        };
        let n_before = of_pod.by_age.len();
        let name: Arc<str> = answer.name.as_str().into();
        let container: Option<Arc<str>> = container.map(Into::into);
        for (ip, ttl) in &answer.addresses {
            self.n_asked += 1;
            let known = KnownName {
                container: container.clone(),
                name: Arc::clone(&name),
                asked: self.n_asked,
                until: now + self.limits.keep.max(*ttl),
            };
            of_pod.learn(*ip, known);
        }
        while of_pod.by_age.len() > self.limits.per_pod {
            of_pod.forget_oldest();
            self.evicted.pod += 1;
        }
        self.n = self.n - n_before + of_pod.by_age.len();
        while self.n > self.limits.in_all {
            self.evict_oldest();
        }
    }

    /// The names that may be meant by an address, the one asked for last first. One that stands
    /// alone is in use, and kept.
    pub fn of(&mut self, asker: &NameAsker<'_>, ip: IpAddr, now: Instant) -> Vec<Arc<str>> {
        let Some(known) = self
            .by_pod
            .get_mut(asker.pod)
            .and_then(|of_pod| of_pod.by_ip.get_mut(&ip))
        else {
            return Vec::new();
        };
        let mut found: Vec<&mut KnownName> = known
            .iter_mut()
            .filter(|known| known.until > now && asker.accepts(known))
            .collect();
        if found.iter().any(|known| asker.asked(known)) {
            found.retain(|known| asker.asked(known));
        }
        found.sort_by_key(|known| std::cmp::Reverse(known.asked));
        if let [only] = found.as_mut_slice() {
            only.until = only.until.max(now + self.limits.keep);
        }
        let mut names: Vec<Arc<str>> = Vec::with_capacity(found.len());
        for known in found {
            if !names.contains(&known.name) {
                names.push(Arc::clone(&known.name));
            }
        }
        names
    }

    /// Forgets what is over.
    pub fn prune(&mut self, now: Instant) {
        for of_pod in self.by_pod.values_mut() {
            of_pod.prune(now);
        }
        self.by_pod.retain(|_, of_pod| !of_pod.by_age.is_empty());
        self.by_pod.shrink_to(2 * self.by_pod.len());
        self.n = self.by_pod.values().map(|of_pod| of_pod.by_age.len()).sum();
    }

    /// How many names of addresses are known.
    pub fn n_known(&self) -> usize {
        self.n
    }

    /// The most that there can be.
    pub fn max(&self) -> usize {
        self.limits.in_all
    }

    /// How many were forgotten before their time.
    pub fn evicted(&self) -> Evicted {
        self.evicted
    }

    fn evict_oldest(&mut self) {
        let pods = self.by_pod.values_mut();
        if let Some(of_pod) = pods.min_by_key(|of_pod| of_pod.oldest()) {
            of_pod.forget_oldest();
        }
        self.n -= 1;
        self.evicted.node += 1;
    }
}

impl OfPod {
    fn learn(&mut self, ip: IpAddr, known: KnownName) {
        let names = self.by_ip.entry(ip).or_default();
        self.by_age.insert(known.asked, ip);
        match names.iter_mut().find(|old| old.says_the_same(&known)) {
            Some(old) => {
                self.by_age.remove(&old.asked);
                let until = old.until.max(known.until);
                *old = KnownName { until, ..known };
            }
            None => names.push(known),
        }
    }

    /// When its oldest name was asked for.
    fn oldest(&self) -> u64 {
        self.by_age.keys().next().copied().unwrap_or(u64::MAX)
    }

    fn forget_oldest(&mut self) {
        let Some((asked, ip)) = self.by_age.pop_first() else {
            return;
        };
        if let Some(names) = self.by_ip.get_mut(&ip) {
            names.retain(|known| known.asked != asked);
            if names.is_empty() {
                self.by_ip.remove(&ip);
            }
        }
    }

    fn prune(&mut self, now: Instant) {
        let by_age = &mut self.by_age;
        self.by_ip.retain(|_, names| {
            names.retain(|known| {
                let live = known.until > now;
                if !live {
                    by_age.remove(&known.asked);
                }
                live
            });
            !names.is_empty()
        });
        self.by_ip.shrink_to(2 * self.by_ip.len());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEEP: Duration = Duration::from_secs(600);
    const LIMITS: Limits = Limits {
        in_all: 100,
        per_pod: 50,
        keep: KEEP,
    };

    fn answer(name: &str, last_bytes: &[u8]) -> DnsAnswer {
        let addresses = last_bytes
            .iter()
            .map(|byte| (ip(*byte), Duration::from_secs(5)));
        DnsAnswer {
            name: name.to_owned(),
            addresses: addresses.collect(),
        }
    }

    fn ip(last_byte: u8) -> IpAddr {
        [192, 0, 2, last_byte].into()
    }

    fn of(names: &mut PodNames, pod: &str, container: &str, last_byte: u8, now: Instant) -> String {
        let asker = NameAsker {
            pod,
            container: Some(container),
            alike: &|other| other != Some("proxy"),
        };
        names.of(&asker, ip(last_byte), now).join(" ")
    }

    #[test]
    fn the_name_asked_for_last_comes_first() {
        let now = Instant::now();
        let mut names = PodNames::new(LIMITS);
        names.learn("p", Some("app"), &answer("a.test", &[1, 2]), now);
        names.learn("p", Some("app"), &answer("b.test", &[1]), now);
        assert_eq!(of(&mut names, "p", "app", 1, now), "b.test a.test");
        assert_eq!(of(&mut names, "p", "app", 2, now), "a.test");
        names.learn("p", Some("app"), &answer("a.test", &[1]), now);
        assert_eq!(of(&mut names, "p", "app", 1, now), "a.test b.test");
        assert_eq!(of(&mut names, "p", "app", 3, now), "");
        assert_eq!(names.n_known(), 3);
    }

    #[test]
    fn pods_do_not_share_names_and_their_own_containers_do_unless_one_is_the_proxy() {
        let now = Instant::now();
        let mut names = PodNames::new(LIMITS);
        names.learn("p", Some("proxy"), &answer("declared.test", &[1]), now);
        names.learn("p", Some("cache"), &answer("a.test", &[1, 2]), now);
        assert_eq!(of(&mut names, "p", "app", 1, now), "a.test");
        assert_eq!(of(&mut names, "q", "app", 1, now), "");
        // What a container asked for itself is what it means.
        names.learn("p", Some("app"), &answer("b.test", &[1]), now);
        assert_eq!(of(&mut names, "p", "app", 1, now), "b.test");
        assert_eq!(of(&mut names, "p", "app", 2, now), "a.test");
    }

    #[test]
    fn a_name_lasts_as_long_as_it_is_used_and_ambiguity_does_not() {
        let start = Instant::now();
        let mut names = PodNames::new(LIMITS);
        names.learn("p", Some("app"), &answer("a.test", &[1, 2]), start);
        let later = start + KEEP - Duration::from_secs(1);
        names.learn("p", Some("app"), &answer("b.test", &[2]), later);
        assert_eq!(of(&mut names, "p", "app", 1, later), "a.test");
        assert_eq!(of(&mut names, "p", "app", 2, later), "b.test a.test");
        let last = start + KEEP + Duration::from_secs(1);
        assert_eq!(of(&mut names, "p", "app", 1, last), "a.test");
        assert_eq!(of(&mut names, "p", "app", 2, last), "b.test");
        names.prune(last);
        assert_eq!(names.n_known(), 2);
        names.prune(last + 2 * KEEP);
        assert_eq!(names.n_known(), 0);
        assert_eq!(names.evicted(), Evicted::default());
    }

    #[test]
    fn a_long_time_to_live_counts() {
        let now = Instant::now();
        let mut names = PodNames::new(LIMITS);
        let long = DnsAnswer {
            addresses: vec![(ip(1), 10 * KEEP)],
            ..answer("a.test", &[])
        };
        names.learn("p", Some("app"), &long, now);
        names.prune(now + 9 * KEEP);
        assert_eq!(of(&mut names, "p", "app", 1, now + 9 * KEEP), "a.test");
    }

    #[test]
    fn the_oldest_goes_first_when_there_is_no_room() {
        let now = Instant::now();
        let mut names = PodNames::new(LIMITS);
        for n in 0..60 {
            names.learn("p", Some("app"), &answer(&format!("n{n}.test"), &[n]), now);
        }
        assert_eq!(of(&mut names, "p", "app", 9, now), "");
        assert_eq!(of(&mut names, "p", "app", 10, now), "n10.test");
        assert_eq!(names.evicted(), Evicted { pod: 10, node: 0 });
        for n in 0..60 {
            names.learn(&format!("q{n}"), None, &answer("a.test", &[1]), now);
        }
        assert_eq!(names.n_known(), 100);
        assert_eq!(names.evicted(), Evicted { pod: 10, node: 10 });
        assert_eq!(of(&mut names, "p", "app", 19, now), "");
        assert_eq!(of(&mut names, "p", "app", 20, now), "n20.test");
    }

    proptest! {
        #[test]
        fn bounds_hold_whatever_happens(
            steps in prop::collection::vec((0_u8..4, 0_u8..20, 0_u8..30, 0_u64..400), 0..200)
        ) {
            let mut now = Instant::now();
            let mut names = PodNames::new(Limits { in_all: 30, per_pod: 12, keep: KEEP });
            for (pod, name, last_byte, seconds) in steps {
                now += Duration::from_secs(seconds);
                let answer = answer(&format!("n{name}"), &[last_byte, last_byte + 1]);
                names.learn(&pod.to_string(), Some("app"), &answer, now);
                if seconds % 7 == 0 {
                    names.prune(now);
                }
                let counted: usize = names.by_pod.values().map(|of_pod| of_pod.by_age.len()).sum();
                let held: usize = names.by_pod.values().flat_map(|of_pod| of_pod.by_ip.values()).map(Vec::len).sum();
                prop_assert_eq!((names.n_known(), names.n_known()), (counted, held));
                prop_assert!(names.n_known() <= 30 && names.by_pod.values().all(|of_pod| of_pod.by_age.len() <= 12));
            }
        }
    }
}
