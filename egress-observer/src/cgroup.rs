//! Which pod and container a cgroup belongs to, from its path.
//!
//! A cgroup's id is the inode number of its directory. Ids of all directories are learnt at the
//! start, and of later ones from the kernel, which tells of each before anything can run in it.
//! Where it does not, inotify does, and a thread of its own looks at new directories: one that is gone
//! again has no id any more, so this misses containers that live for some hundredths of a second on a
//! busy node. Names of removed cgroups are kept while there are flows of them.

mod error;
pub(crate) mod path;
mod tree;

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tracing::warn;

use self::tree::{CgroupNews, Tree};
pub use self::{
    error::CgroupError,
    path::{CgroupPlace, place},
};
use crate::{kernel::CgroupRecords, readable::Readable};

/// How long the name of a removed cgroup is kept that has no flow: longer than its last DNS answer
/// waits to be read.
const KEEP: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct KnownCgroup {
    place: CgroupPlace,
    removed: Option<Instant>,
}

/// All cgroups below a root.
pub struct Cgroups {
    root: PathBuf,
    changes: Changes,
    by_id: HashMap<u64, KnownCgroup>,
}

/// Where changes come from.
enum Changes {
    Kernel {
        records: Box<CgroupRecords>,
        /// How many of them had been lost when all directories were last read; `None` if they never
        /// were.
        lost: Option<u64>,
        /// All directories are to be read once more.
        again: bool,
    },
    /// Held for as long as it takes to look at what is new, and no longer.
    Inotify(Arc<Mutex<Tree>>),
}

impl Cgroups {
    /// Starts to follow what is below `root`: by the kernel's records if there are any.
    pub fn new(root: &Path, records: Option<CgroupRecords>) -> Result<Self, CgroupError> {
        fs::read_dir(root).map_err(|source| CgroupError::Read {
            path: root.to_owned(),
            source,
        })?;
        let changes = match records {
            Some(records) => Changes::Kernel {
                records: Box::new(records),
                lost: None,
                again: false,
            },
            None => {
                let tree = Arc::new(Mutex::new(Tree::new(root)?));
                follow(Arc::clone(&tree))?;
                Changes::Inotify(tree)
            }
        };
        Ok(Self {
            root: root.to_owned(),
            changes,
            by_id: HashMap::new(),
        })
    }

    /// Where a cgroup belongs; `None` if it was never seen.
    pub fn place(&self, id: u64) -> Option<&CgroupPlace> {
        self.by_id.get(&id).map(|known| &known.place)
    }

    /// Uids of the pods that have cgroups.
    pub fn pods(&self) -> HashSet<&str> {
        let there = self.by_id.values().filter(|known| known.removed.is_none());
        there
            .filter_map(|known| match &known.place {
                CgroupPlace::Pod { uid, .. } => Some(uid.as_str()),
                CgroupPlace::Outside => None,
            })
            .collect()
    }

    /// Takes in what changed since the last call, up to this moment. `lost` is how many records of
    /// the kernel found no room so far.
    pub fn refresh(&mut self, lost: u64, now: Instant) {
        let Self {
            root,
            changes,
            by_id,
        } = self;
        match changes {
            Changes::Kernel {
                records,
                lost: before,
                again,
            } => {
                records.drain(|record| take(by_id, CgroupNews::from(record), now));
                // After what is left of them: a directory that is not there is gone for good.
                if before.replace(lost) != Some(lost) {
                    reread(by_id, root, now);
                    *again = true;
                }
            }
            Changes::Inotify(tree) => {
                for news in look(tree, Tree::take) {
                    take(by_id, news, now);
                }
            }
        }
    }

    /// Forgets removed cgroups without a flow: on a node where pods come and go they are most, as
    /// only one of a pod's connects. Flows may wait for a long time until they are read.
    pub fn prune(&mut self, now: Instant, has_flow: impl Fn(u64) -> bool) {
        if let Changes::Kernel { again, .. } = &mut self.changes
            && std::mem::take(again)
        {
            // One that was told of and could not be seen yet, for a moment, is there.
            reread(&mut self.by_id, &self.root, now);
        }
        self.by_id.retain(|id, known| {
            let removed = known.removed;
            removed.is_none_or(|removed| now - removed < KEEP) || has_flow(*id)
        });
    }
}

fn take(by_id: &mut HashMap<u64, KnownCgroup>, news: CgroupNews, now: Instant) {
    match news {
        CgroupNews::Made(id, place) => {
            let removed = None;
            by_id.insert(id, KnownCgroup { place, removed });
        }
        CgroupNews::Removed(id) => {
            if let Some(known) = by_id.get_mut(&id) {
                known.removed.get_or_insert(now);
            }
        }
    }
}

/// Reads all directories, because changes were lost, or happened before anybody followed them.
fn reread(by_id: &mut HashMap<u64, KnownCgroup>, root: &Path, now: Instant) {
    let mut there = HashSet::new();
    tree::visit(root, &mut |dir, id| {
        there.insert(id);
        take(by_id, CgroupNews::found(root, dir, id), now);
    });
    for (_, known) in by_id.iter_mut().filter(|(id, _)| !there.contains(id)) {
        known.removed.get_or_insert(now);
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
    let thread = thread::Builder::new().name("cgroups".to_owned());
    let spawned = thread.spawn(move || {
        // The agent's loop still looks, once a second.
        if let Err(error) = runtime.block_on(look_at_each(&tree, events)) {
            warn!(%error, "cannot wait for new cgroups");
        }
    });
    spawned.map_err(CgroupError::Thread)?;
    Ok(())
}

/// Looks whenever something is new. Ends with the error that ends it.
async fn look_at_each(tree: &Mutex<Tree>, events: OwnedFd) -> io::Result<()> {
    let mut made = Readable::new(events)?;
    loop {
        made.wait().await?;
        look(tree, |_| ());
    }
}
