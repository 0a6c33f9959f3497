//! Which versions of an API group are served. Asked for once and for all kinds of a group: where
//! Istio is not installed, its five kinds would be asked for in three versions each.

use std::{collections::HashMap, time::Duration};

use kube::Client;
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};

use super::{failure::Failure, jitter::random};

/// How long an answer holds.
const KEEP: Duration = Duration::from_secs(60);
/// When to look again for what is not there; between the two, so that many agents do not look at
/// once.
pub(super) const LOOK_AGAIN: (Duration, Duration) =
    (Duration::from_secs(300), Duration::from_secs(600));

/// `APIGroup` of the discovery API.
#[derive(Debug, Deserialize)]
struct ApiGroup {
    #[serde(default)]
    versions: Vec<ApiVersion>,
}

#[derive(Debug, Deserialize)]
struct ApiVersion {
    version: String,
}

/// What is known of a group.
#[derive(Clone, Debug)]
pub(super) enum Served {
    /// These versions.
    Versions(Vec<String>),
    /// None.
    Absent,
    /// It cannot be told.
    Unknown,
}

/// What is known of groups.
pub(super) struct Groups {
    client: Client,
    known: Mutex<HashMap<&'static str, (Served, Instant)>>,
}

impl Groups {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            known: Mutex::default(),
        }
    }

    /// The versions of a group. Kubernetes' own groups are always there.
    pub(super) async fn served(&self, group: &'static str) -> Served {
        if !group.ends_with("istio.io") {
            return Served::Unknown;
        }
        // Held over the request: the others wait for the one answer.
        let mut known = self.known.lock().await;
        if let Some((served, until)) = known.get(group)
            && *until > Instant::now()
        {
            return served.clone();
        }
        let (served, until) = self.ask(group).await;
        known.insert(group, (served.clone(), until));
        served
    }

    async fn ask(&self, group: &str) -> (Served, Instant) {
        let now = Instant::now();
        let request = http::Request::get(format!("/apis/{group}"));
        let Ok(request) = request.body(Vec::new()) else {
            return (Served::Unknown, now);
        };
        match self.client.request::<ApiGroup>(request).await {
            Ok(group) => {
                let versions = group.versions.into_iter().map(|one| one.version);
                (Served::Versions(versions.collect()), now + KEEP)
            }
            Err(error) if Failure::of(&error) == Failure::NotServed => {
                let again = now + random(LOOK_AGAIN.0, LOOK_AGAIN.1);
                (Served::Absent, again)
            }
            // The list will say why.
            Err(_) => (Served::Unknown, now),
        }
    }
}
