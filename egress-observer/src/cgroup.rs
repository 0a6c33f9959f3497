//! Which pod and container a cgroup belongs to, from its path.
//!
//! A cgroup's id is the inode number of its directory. Ids of all directories are learnt at the
//! start, and of later ones when they are made (inotify). A directory that is gone again has no id
//! any more, so a thread of its own does nothing but look at new ones: the agent's loop, which reads
//! counters and objects, may come too late for a container that lives for some hundredths of a
//! second. Names of removed directories are kept while there are flows of them.

pub(crate) mod path;

mod tree;

use std::{
    collections::{HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use thiserror::Error;
use tracing::warn;

pub use self::path::{Place, place};
use self::tree::{News, Tree};
use crate::readable::Readable;

/// How long the name of a removed cgroup is kept that has no flow: longer than its last DNS answer
/// waits to be read.
const KEEP: Duration = Duration::from_secs(30);

/// Why cgroups cannot be followed.
#[derive(Debug, Error)]
pub enum CgroupError {
    /// inotify does not work.
    #[error("cannot watch for new cgroups; is fs.inotify.max_user_instances used up?")]
    Inotify(#[source] io::Error),
    /// There is no thread.
    #[error("cannot start the thread that looks at new cgroups")]
    Thread(#[source] io::Error),
    /// The root cannot be read.
    #[error("cannot read the cgroup {path}")]
    Read {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

#[derive(Debug)]
struct Known {
    place: Place,
    removed: Option<Instant>,
}

/// All cgroups below a root.
#[derive(Debug)]
pub struct Cgroups {
    /// Held for as long as it takes to look at what is new, and no longer.
    tree: Arc<Mutex<Tree>>,
    by_id: HashMap<u64, Known>,
}

impl Cgroups {
    /// Reads everything below `root` and starts to follow changes.
    pub fn new(root: &Path) -> Result<Self, CgroupError> {
        let tree = Arc::new(Mutex::new(Tree::new(root)?));
        follow(Arc::clone(&tree))?;
        let by_id = HashMap::new();
        Ok(Self { tree, by_id })
    }

    /// Where a cgroup belongs; `None` if it was never seen.
    pub fn place(&self, id: u64) -> Option<&Place> {
        self.by_id.get(&id).map(|known| &known.place)
    }

    /// Uids of the pods that have cgroups.
    pub fn pods(&self) -> HashSet<&str> {
        let there = self.by_id.values().filter(|known| known.removed.is_none());
        there
            .filter_map(|known| match &known.place {
                Place::Pod { uid, .. } => Some(uid.as_str()),
                Place::Outside => None,
            })
            .collect()
    }

    /// Takes in what changed since the last call, up to this moment.
    pub fn refresh(&mut self, now: Instant) {
        for news in look(&self.tree, Tree::take) {
            match news {
                News::Made(id, place) => {
                    let removed = None;
                    self.by_id.insert(id, Known { place, removed });
                }
                News::Removed(id) => {
                    if let Some(known) = self.by_id.get_mut(&id) {
                        known.removed = Some(now);
                    }
                }
            }
        }
    }

    /// Forgets removed cgroups without a flow: on a node where pods come and go they are most, as
    /// only one of a pod's connects. Flows may wait for a long time until they are read.
    pub fn prune(&mut self, now: Instant, has_flow: impl Fn(u64) -> bool) {
        self.by_id.retain(|id, known| {
            let recent = |removed| now - removed < KEEP;
            known.removed.is_none_or(recent) || has_flow(*id)
        });
    }
}

/// Looks at what is new.
fn look<T>(tree: &Mutex<Tree>, then: impl FnOnce(&mut Tree) -> T) -> T {
    // A tree is whole between any two of its steps.
    let mut tree = tree.lock().unwrap_or_else(PoisonError::into_inner);
    tree.follow();
    then(&mut tree)
}

/// Looks at new cgroups as soon as they are made, for as long as the process lives.
fn follow(tree: Arc<Mutex<Tree>>) -> Result<(), CgroupError> {
    let events = look(&tree, |tree| tree.events()).map_err(CgroupError::Inotify)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(CgroupError::Thread)?;
    let work = move || {
        runtime.block_on(async {
            let mut made = Readable::new(events)?;
            loop {
                made.wait().await?;
                look(&tree, |_| ());
            }
        })
    };
    let work = move || {
        let ended: io::Result<()> = work();
        // The agent's loop still looks, once a second.
        if let Err(error) = ended {
            warn!(%error, "cannot wait for new cgroups");
        }
    };
    let thread = thread::Builder::new().name("cgroups".to_owned());
    thread.spawn(work).map_err(CgroupError::Thread)?;
    Ok(())
}
