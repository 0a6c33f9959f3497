//! What happens to the n-th pod, and when: the same in each run.

use std::time::Duration;

use super::shape::Shape;
use crate::identity;

/// Whose pod it is. Few workloads have many pods: series are bounded by them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A ReplicaSet, of a Deployment of this name.
    Deployment(String),
    /// A Job, of a CronJob of this name.
    CronJob(String),
    /// Nobody: the pod is its own workload, and its name comes back.
    Nobody,
}

/// What the API server ever says of the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It runs, and has ended: with its id.
    Told,
    /// The pod has ended, without a word of its containers.
    Untold,
    /// Nothing: the pod is deleted by force as soon as it ended.
    Forced,
}

/// A pod's life.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) namespace: &'static str,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) owner: Owner,
    pub(super) injected: bool,
    pub(super) shape: Shape,
    pub(super) fate: Fate,
    /// How long after the kubelet the agent hears of the pod: seldom at all.
    pub(super) heard_after: Option<Duration>,
    /// From the pod's object to its cgroups.
    pub(super) start: Duration,
    /// From the container's start to the status that says so, and from its end likewise.
    pub(super) status: Duration,
    /// From the end to the deletion.
    pub(super) deletion: Duration,
}

const NAMESPACES: [&str; 3] = ["shop", "batch", "team-1"];
const N_DEPLOYMENTS: u64 = 40;
const N_CRON_JOBS: u64 = 20;
/// So many that a name is free again when its turn comes.
const N_BARE: u64 = 100;

impl Life {
    /// Of the n-th pod that starts.
    pub(super) fn short(n: u64) -> Self {
        let mut dice = Dice(n);
        let fate = match n % 6 {
            0 => Fate::Forced,
            3 => Fate::Untold,
            _ => Fate::Told,
        };
        let bare = n % 12 == 5;
        let owner = match dice.roll(3) {
            _ if bare => Owner::Nobody,
            0 => Owner::CronJob(format!("job-{}", dice.roll(N_CRON_JOBS))),
            _ => Owner::Deployment(format!("app-{}", dice.roll(N_DEPLOYMENTS))),
        };
        let seed = format!("short/{n}");
        let name = match &owner {
            Owner::Nobody => format!("bare-{}", n / 12 % N_BARE),
            Owner::Deployment(_) | Owner::CronJob(_) => {
                format!("{}-{}", maker(&owner), identity::suffix(&seed, 5))
            }
        };
        let heard_after = (n % 10 == 7).then(|| dice.millis(50, 1_000));
        Self {
            // A workload, and a name that comes back, are in one namespace.
            namespace: namespace(&owner),
            name,
            uid: identity::uid(&seed),
            owner,
            injected: dice.roll(2) == 0,
            shape: Shape::ALL[dice.roll(Shape::ALL.len() as u64) as usize],
            fate,
            heard_after,
            start: dice.millis(10, 200),
            status: dice.millis(30, 1_000),
            deletion: dice.millis(2_000, 6_000),
        }
    }

    /// Of the n-th pod that stays.
    pub(super) fn standing(n: u64) -> Self {
        let owner = Owner::Deployment(format!("standing-{}", n % 50));
        let seed = format!("standing/{n}");
        let mut life = Self::short(n);
        life.namespace = namespace(&owner);
        life.name = format!("{}-{}", maker(&owner), identity::suffix(&seed, 5));
        life.uid = identity::uid(&seed);
        life.owner = owner;
        // The first one's sidecar is the one that all share.
        life.injected |= n == 0;
        life
    }

    /// As metrics have it.
    pub(super) fn workload(&self) -> String {
        let name = match &self.owner {
            Owner::Deployment(name) | Owner::CronJob(name) => name,
            Owner::Nobody => &self.name,
        };
        format!("{}/{name}", self.namespace)
    }

    /// The object that owns it, if there is one.
    pub(super) fn maker(&self) -> Option<String> {
        (self.owner != Owner::Nobody).then(|| maker(&self.owner))
    }

    /// The id of one of its containers, or of the sandbox.
    pub(super) fn container_id(&self, name: &str) -> String {
        identity::container_id(&format!("{}/{name}", self.uid))
    }
}

/// The end of a ReplicaSet's name, which is a label of its pods.
pub(super) fn template_hash(deployment: &str) -> String {
    identity::suffix(deployment, 9)
}

fn maker(owner: &Owner) -> String {
    match owner {
        Owner::Deployment(name) => format!("{name}-{}", template_hash(name)),
        Owner::CronJob(name) => format!("{name}-29389620"),
        Owner::Nobody => String::new(),
    }
}

fn namespace(owner: &Owner) -> &'static str {
    match owner {
        Owner::CronJob(_) => NAMESPACES[1],
        Owner::Deployment(name) if name.len() % 2 == 0 => NAMESPACES[2],
        Owner::Deployment(_) | Owner::Nobody => NAMESPACES[0],
    }
}

/// Every namespace there is.
pub(super) fn namespaces() -> [&'static str; 3] {
    NAMESPACES
}

/// Numbers that look like chance: Steele's splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.roll(to - from))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn a_third_of_the_pods_never_names_its_container() {
        let untold = (0..6_000).filter(|n| Life::short(*n).fate != Fate::Told);
        assert_eq!(untold.count(), 2_000);
    }

    #[test]
    fn workloads_are_few_and_every_shape_is_there() {
        let lives: Vec<_> = (0..6_000).map(Life::short).collect();
        let workloads: BTreeSet<_> = lives.iter().map(Life::workload).collect();
        assert_eq!(workloads.len(), 160);
        let mut shapes = BTreeMap::new();
        for life in &lives {
            *shapes.entry(life.shape).or_insert(0) += 1;
        }
        assert!(shapes.len() == Shape::ALL.len() && shapes.values().all(|n| *n > 500));
    }

    #[test]
    fn a_name_comes_back_with_another_uid_and_only_when_it_is_free() {
        let mut last = BTreeMap::new();
        for n in 0..6_000 {
            let life = Life::short(n);
            if let Some((before, uid)) = last.insert(life.name, (n, life.uid.clone())) {
                assert_ne!(uid, life.uid);
                // At 2,000 a minute 1,000 pods are half a minute.
                assert!(n - before >= 1_000, "{before} and {n}");
            }
        }
    }
}
